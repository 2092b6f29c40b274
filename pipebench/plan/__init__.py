"""What a step consists of and in which order each device does it. Pure: imports no torch."""

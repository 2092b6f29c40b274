"""What a step consists of, and the order in which each device does it. Pure: imports no torch."""

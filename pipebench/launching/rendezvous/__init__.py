"""How the processes of a run find each other: what a launcher told this one, and the places of all ranks. Pure."""

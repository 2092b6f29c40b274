"""What the parent of a launch does: start its processes, listen to them, and end them whatever happens."""

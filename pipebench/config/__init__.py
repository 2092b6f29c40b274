"""The options of a run, and every size and limit that follows from them."""

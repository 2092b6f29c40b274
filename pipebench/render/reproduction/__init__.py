"""A reproduction of the result of 2014, for a terminal, a pipe or a log."""

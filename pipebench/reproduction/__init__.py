"""The result of 2014, reproduced: what is claimed, what is measured for it, and how far the two agree."""

"""Records: what is stored of one run, its schema and its place on disk. Pure."""

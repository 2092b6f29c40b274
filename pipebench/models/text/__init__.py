"""Text as input: from files and bytes to words, ids and batches. Pure."""

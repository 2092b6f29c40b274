"""Sentence pairs as input: from files, catalogs of translations and bytes to words, ids and batches. Pure."""

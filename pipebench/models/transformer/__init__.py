"""A decoder-only Transformer, cut along samples and along time."""

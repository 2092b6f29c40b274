"""Runs that other programs measured: reading their files, understanding their steps, explaining them."""

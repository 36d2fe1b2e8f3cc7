"""Embed a dataset into an index."""

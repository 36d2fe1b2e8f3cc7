"""Audit: whether a dataset leaks its labels, and whether a model uses both sound and picture."""

"""Audit: whether a dataset leaks its labels, and whether a model looks and listens."""

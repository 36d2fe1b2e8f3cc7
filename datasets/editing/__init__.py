"""Datasets are merged, and videos leave them."""

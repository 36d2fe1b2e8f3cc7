"""Command lines: parsing, one-line errors, progress."""

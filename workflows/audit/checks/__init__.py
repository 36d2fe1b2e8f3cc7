"""Checks of a dataset for shortcuts: one file per mechanism by which a label can leak."""

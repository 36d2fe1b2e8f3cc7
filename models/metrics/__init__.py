"""Scores, as pure functions."""

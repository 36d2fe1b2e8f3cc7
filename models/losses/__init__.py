"""Objectives, as pure functions."""

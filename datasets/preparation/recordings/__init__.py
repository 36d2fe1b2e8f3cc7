"""Telling which videos are copies of one recording."""

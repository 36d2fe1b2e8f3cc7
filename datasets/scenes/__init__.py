"""Synthetic scenes: picture, sound, and what is true of them."""

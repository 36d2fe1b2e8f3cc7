"""Promote: a better model becomes the champion."""

"""Localize: where in the picture the sound of a video comes from."""

"""Serve: a page that tells whether a video is in sync, mends it, and shows where its sound comes from."""

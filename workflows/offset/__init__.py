"""Offset: by how much the sound of a video is late or early, and the video with its sound moved."""

"""Audio-visual offset: by how much the sound of a video lies behind its picture, from evidence at every lag.

Offsets are seconds, above zero where the sound is late. A lag is an offset that is tried.
"""

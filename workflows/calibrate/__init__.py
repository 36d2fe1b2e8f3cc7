"""Calibrate: probabilities of a model that hold for recordings of another kind."""

"""Evaluate: the figures of a trained model on held-out clips."""

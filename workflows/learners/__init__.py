"""Learners: one training step of a system."""

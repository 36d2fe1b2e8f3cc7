"""Train: the one training engine."""

"""A model after training: checkpoint, loading, serving, card."""

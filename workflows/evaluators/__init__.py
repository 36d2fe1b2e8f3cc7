"""One question asked of a trained model a file."""

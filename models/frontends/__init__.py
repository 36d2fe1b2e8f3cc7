"""Fixed transforms of raw signals, ahead of the encoders."""

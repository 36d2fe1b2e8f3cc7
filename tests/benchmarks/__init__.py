"""What is measured, as ratios or itemized, never as timed tests."""

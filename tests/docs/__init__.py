"""Tests of the README and of docs/, and what writes the generated page."""

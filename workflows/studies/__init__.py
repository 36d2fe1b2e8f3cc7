"""Studies of how label-by-shift fails."""

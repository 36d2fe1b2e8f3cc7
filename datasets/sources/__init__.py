"""Where videos come from: one kind of source a file."""

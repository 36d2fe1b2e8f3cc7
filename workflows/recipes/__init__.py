"""One system a file: its paper, configuration, streams and learner. The folder is the registry."""

"""Study of failure: the published audio-only failure, made on purpose."""

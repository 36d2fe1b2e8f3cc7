"""Study of the published audio-only failure, reproduced on purpose."""

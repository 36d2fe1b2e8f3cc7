"""Study of shortcuts: how well sound alone predicts labels that were made by shifting it."""

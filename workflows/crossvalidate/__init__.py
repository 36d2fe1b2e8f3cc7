"""Cross-validation: one model for each fold of recordings, tested on the recordings that it has not seen."""

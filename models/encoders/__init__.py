"""Networks from one modality to features."""

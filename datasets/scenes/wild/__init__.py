"""Wild scenes: talking heads, sustained sounds and rhythms, filmed and recorded as people do."""

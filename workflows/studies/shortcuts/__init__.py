"""Study of shortcuts: what sound alone tells about labels that shifting the sound has made."""

"""Sources become shards of clips: the plan, the operators, the commits."""

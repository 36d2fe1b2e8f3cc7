"""From Parquet rows to batches: row groups, the order of reading, streams."""

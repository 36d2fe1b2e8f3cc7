"""The ground: errors, storage, tracking, cluster, seeds. Imports nothing of ours."""

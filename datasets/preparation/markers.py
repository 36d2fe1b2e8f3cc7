"""Commit markers: a shard stands once its marker does, which holds its counts, its errors and what the index says of its rows."""

import itertools
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from infra import storage

_THREADS = 16
_AHEAD = 256
"""Markers that are read at once: of 10,000 not all are held."""


def marker_file(dataset: str, shard_id: str) -> str:
    """Return where a shard's marker stands."""
    return storage.join(dataset, "markers", f"{shard_id}.json")


def list_markers(dataset: str) -> set[str]:
    """Return the names of the shards that stand, by one listing."""
    files = storage.list_files(storage.join(dataset, "markers"), suffix=".json")
    return {file.rsplit("/", 1)[1].removesuffix(".json") for file in files}


def read_markers(dataset: str, shard_ids: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Yield the markers of shards in their order, read many at a time."""
    files = (marker_file(dataset, shard_id) for shard_id in shard_ids)
    with ThreadPoolExecutor(_THREADS) as pool:
        while ahead := list(itertools.islice(files, _AHEAD)):
            yield from pool.map(storage.read_json, ahead)

"""One recording on two sides: whether a split holds a copy of what another was trained on."""

from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor

import pyarrow.compute as pc
import pyarrow.parquet as pq

from datasets.preparation.recordings.duplicates import equal_keys, find_copies, unite
from datasets.preparation.shards import SPLITS
from datasets.tables.recordings import list_fingerprints, read_recordings
from infra import storage
from workflows.audit.checks.check import Check

_THREADS = 16


def check_duplicates(dataset: str) -> Check:
    """Return the check that no recording, by name, content or sound, lies in two splits; the value counts those that do.

    All rows are looked at, so that one such recording is found; copies that were coded again as far as `datasets.preparation.recordings.duplicates`
    knows them.
    """
    splits = _splits_of_recordings(dataset)
    first_name = _first_names(dataset)
    sides: dict[str, set[str]] = defaultdict(set)
    for name, found in splits.items():
        sides[first_name.get(name, name)] |= found
    doubled = sorted(name for name, found in sides.items() if len(found) > 1)
    return Check(
        name="duplicates across splits",
        verdict="leak" if doubled else "pass",
        value=float(len(doubled)),
        interval=(float(len(doubled)), float(len(doubled))),
        chance=0.0,
        smallest_detectable=1.0,
        detail=f"{doubled[0]} and others" if doubled else f"{len(splits)} recordings, each in one split",
    )


def _splits_of_recordings(dataset: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    with ThreadPoolExecutor(_THREADS) as pool:
        for split in SPLITS:
            files = storage.list_files(storage.join(dataset, "clips", f"split={split}"), suffix=".parquet")
            for recordings in pool.map(_recordings_of, files):
                for recording in recordings:
                    found[recording].add(split)
    return found


def _recordings_of(uri: str) -> list[str]:
    return pc.unique(pq.read_table(storage.open_input(uri), columns=["recording_id"])["recording_id"]).to_pylist()


def _first_names(dataset: str) -> dict[str, str]:
    """Return for each recording the first that it is one with, by a video's name in its catalog, its content or its sound."""
    rows = read_recordings(dataset, ["content_id", "catalog_id", "recording_id"])
    pairs = find_copies(list_fingerprints(dataset))
    firsts = unite(rows.num_rows, pairs, *(equal_keys(rows[name]) for name in rows.column_names))
    names = rows["recording_id"].to_pylist()
    return {name: names[first] for name, first in zip(names, firsts.tolist(), strict=True)}

"""Duplicates across splits: recordings that have a copy in another split."""

from collections import defaultdict

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq

from datasets.preparation.fingerprint import group_recordings
from datasets.preparation.shards import SPLITS
from datasets.tables.recordings import read_recordings
from infra import storage
from workflows.audit.checks.check import Check


def check_duplicates(dataset: str) -> Check:
    """Return the check that no recording, by name, content or sound, lies in two splits; the value counts those that do.

    All rows are looked at, so that one such recording is found; copies that were coded again as far as `datasets.preparation.fingerprint` knows them.
    """
    splits = _splits_of_recordings(dataset)
    sides: dict[str, set[str]] = defaultdict(set)
    for copy, original in [*((name, name) for name in splits), *_copies(dataset)]:
        sides[original] |= splits.get(copy, set())
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
    for split in SPLITS:
        for uri in storage.list_files(storage.join(dataset, "clips", f"split={split}"), suffix=".parquet"):
            column = pq.read_table(storage.open_input(uri), columns=["recording_id"])["recording_id"]
            for recording in pc.unique(column).to_pylist():
                found[recording].add(split)
    return found


def _copies(dataset: str) -> list[tuple[str, str]]:
    """Return the recording of every video, and that of the video it is a copy of by its content, by the fingerprint of its sound."""
    rows = read_recordings(dataset)
    first = group_recordings({row["video_id"]: np.frombuffer(row["fingerprint"], np.uint32) for row in rows})
    recording = {row["video_id"]: row["recording_id"] for row in rows}
    by_content = {row["content_id"]: row["recording_id"] for row in reversed(rows)}
    same_content = [(row["recording_id"], by_content[row["content_id"]]) for row in rows]
    return [*same_content, *((recording[video], recording[original]) for video, original in first.items())]

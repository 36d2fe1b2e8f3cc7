"""One recording on two sides: whether a split holds a copy of what another was trained on."""

import numpy as np
import pyarrow.parquet as pq

from datasets.fingerprint import group_recordings
from infra import storage
from workflows.checks.check import Check
from workflows.checks.windows import Windows


def check_duplicates(dataset: str, windows: Windows) -> Check:
    """Return the check that no recording, by name, content or sound, lies in two splits; the value counts those that do."""
    sides: dict[str, set[str]] = {}
    same = _same_recordings(dataset)
    for recording, split in zip(map(str, windows.recordings), map(str, windows.splits), strict=True):
        sides.setdefault(same.get(recording, recording), set()).add(split)
    doubled = sorted(name for name, splits in sides.items() if len(splits) > 1)
    return Check(
        name="duplicates across splits",
        verdict="leak" if doubled else "pass",
        value=float(len(doubled)),
        interval=(float(len(doubled)), float(len(doubled))),
        chance=0.0,
        smallest_detectable=1.0,
        detail=f"{doubled[0]} and others" if doubled else f"{len(sides)} recordings, each in one split",
    )


def _same_recordings(dataset: str) -> dict[str, str]:
    """Return, by recording, the one it is a copy of by the fingerprint of its sound."""
    parts = storage.list_files(storage.join(dataset, "recordings"), suffix=".parquet")
    rows = [row for part in parts for row in pq.read_table(storage.open_input(part)).to_pylist()]
    first = group_recordings({row["video_id"]: np.frombuffer(row["fingerprint"], np.uint32) for row in rows})
    recording = {row["video_id"]: row["recording_id"] for row in rows}
    return {recording[video]: recording[original] for video, original in first.items()}

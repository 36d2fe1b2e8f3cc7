"""What a dataset knows of every video that it took in: one table for each preparation that found new ones.

A video that was removed stays known, so that preparing its folder again does not bring it back.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa

from datasets.tables.table import read_table, write_table
from infra import storage

RECORDING_SCHEMA = pa.schema(
    [
        ("path", pa.string()),
        ("state", pa.string()),
        ("video_id", pa.string()),
        ("content_id", pa.string()),
        ("recording_id", pa.string()),
        ("fingerprint", pa.binary()),
    ]
)
_FOLDER = "recordings"


def read_recordings(dataset: str, *, columns: Sequence[str] | None = None) -> list[dict[str, Any]]:
    """Return the rows of all videos, with some of their columns or all."""
    parts = storage.list_files(storage.join(dataset, _FOLDER), suffix=".parquet")
    return [row for part in parts for row in read_table(part, columns=columns)]


def write_recordings(dataset: str, rows: Iterable[Mapping[str, Any]], *, part: str | None = None) -> None:
    """Add a table of videos, in place of the one of that name if it has one."""
    uri = storage.join(dataset, _FOLDER, f"{part or uuid.uuid4().hex}.parquet")
    write_table(uri, rows, RECORDING_SCHEMA)

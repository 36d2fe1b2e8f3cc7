"""What a dataset knows of every video that it took in: one table or several for each preparation that found new ones.

A video that was removed stays known, so that preparing its folder again does not bring it back.
"""

import uuid
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from datasets.preparation.recordings.duplicates import Fingerprints
from infra import storage

RECORDING_SCHEMA = pa.schema(
    [
        ("path", pa.string()),
        ("state", pa.string()),
        ("video_id", pa.string()),
        ("content_id", pa.string()),
        ("catalog_id", pa.string()),
        ("recording_id", pa.string()),
        ("fingerprint", pa.binary()),
    ]
)
"""`catalog_id` is the recording's own name, by its catalog or by its still picture; null where it has none."""
SMALL_COLUMNS = tuple(name for name in RECORDING_SCHEMA.names if name != "fingerprint")
_FOLDER = "recordings"


def list_recordings(dataset: str) -> list[str]:
    """Return the files with what is known of all videos."""
    return storage.list_files(storage.join(dataset, _FOLDER), suffix=".parquet")


def read_recordings(dataset: str, columns: Sequence[str] = SMALL_COLUMNS) -> pa.Table:
    """Return some columns of what is known of all videos, in the order of the files; by default all but the fingerprints."""
    empty = pa.table({name: pa.array([], RECORDING_SCHEMA.field(name).type) for name in columns})
    parts = [pq.read_table(storage.open_input(uri), columns=list(columns)) for uri in list_recordings(dataset)]
    return pa.concat_tables([empty, *(part.select(list(columns)) for part in parts)])


def list_fingerprints(dataset: str) -> list[Fingerprints]:
    """Return where the fingerprints of all videos lie, in the order of the files."""
    files = list_recordings(dataset)
    return [Fingerprints(place=uri, num_rows=pq.read_metadata(storage.open_input(uri)).num_rows) for uri in files]


def recordings_file(dataset: str, part: str | None = None) -> str:
    """Return where a table of videos goes: under a name, or under one that no other has."""
    return storage.join(dataset, _FOLDER, f"{part or uuid.uuid4().hex}.parquet")

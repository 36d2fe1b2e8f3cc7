"""Where the sound comes from in each video, if that is known: `boxes.parquet` beside the clips, the ground truth of localization."""

from collections.abc import Iterable, Mapping
from typing import Any

from datasets.schema import BOX_SCHEMA
from datasets.tables.table import read_table, write_table
from infra import storage

_TABLE = "boxes.parquet"


def read_boxes(dataset: str) -> dict[str, dict[str, Any]]:
    """Return the rows of `BOX_SCHEMA` by video: normalized boxes and whether the source is off screen; none without a table."""
    return {row["video_id"]: row for row in read_table(storage.join(dataset, _TABLE))}


def write_boxes(dataset: str, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write the rows of `BOX_SCHEMA`, one a video, in place of those that were there."""
    write_table(storage.join(dataset, _TABLE), rows, BOX_SCHEMA)

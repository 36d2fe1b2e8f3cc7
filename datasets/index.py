"""The index of a dataset, `index.parquet`: of every row what reading is planned by, so that no shard is opened to plan it.

Each commit marker describes the rows of its shard; the index joins the descriptions whenever the card is written.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from datasets.clips.measures import LOUDNESS, MOTION
from datasets.schema import MEDIA_COLUMNS
from infra import storage
from infra.errors import InputError
from infra.seeding import digest

_TABLE = "index.parquet"
_HOLDS = "holds "
_NUM_BYTES = "num_bytes"
_SMALL = ("label", "fold", LOUDNESS, MOTION)
SCHEMA = pa.schema(
    [
        pa.field("file", pa.dictionary(pa.int32(), pa.string())),
        pa.field("row_group", pa.int32()),
        pa.field("row", pa.int32()),
        pa.field("begins_pair", pa.bool_()),
        pa.field("num_bytes", pa.int64()),
        pa.field("label", pa.dictionary(pa.int32(), pa.string())),
        pa.field("fold", pa.int32()),
        pa.field("recording", pa.uint32()),
        pa.field(LOUDNESS, pa.float32()),
        pa.field(MOTION, pa.float32()),
    ]
)
"""Columns that every index has; beside them one of bools for every thing that rows may hold, `holds frames`, `holds texts:caption`."""


def outline(table: pa.Table) -> pa.Table:
    """Return clips without their media: instead of them whether a row has each, and the bytes of all."""
    sizes = np.zeros(table.num_rows, np.int64)
    for name in MEDIA_COLUMNS:
        sizes += pc.binary_length(table[name]).fill_null(0).to_numpy()
    held = {_HOLDS + name: table[name].is_valid() for name in MEDIA_COLUMNS}
    small = table.drop_columns(list(MEDIA_COLUMNS))
    return pa.table({**dict(zip(small.column_names, small.columns, strict=True)), _NUM_BYTES: sizes, **held})


def describe_rows(rows: pa.Table, groups: Sequence[int]) -> dict[str, Any]:
    """Return what a marker says of its shard's rows, for the index.

    Args:
        rows: `outline` of the rows of a shard.
        groups: number of rows of each row group.
    """
    pairs = rows["pair_id"].to_pylist()
    begins = [first is not None and first == second for first, second in zip(pairs, [*pairs[1:], None], strict=False)]
    held = {name: np.flatnonzero(mask).tolist() for name, mask in holdings(rows).items() if mask.any()}
    return {
        "row_groups": list(groups),
        _NUM_BYTES: rows[_NUM_BYTES].to_pylist(),
        "pairs": np.flatnonzero(begins).tolist(),
        **{name: rows[name].to_pylist() for name in _SMALL},
        "recording": [recording_key(name) for name in rows["recording_id"].to_pylist()],
        "holds": {name: None if len(held_by) == rows.num_rows else held_by for name, held_by in held.items()},
    }


def recording_key(recording_id: str) -> int:
    """Return the number that stands for a recording in the index."""
    return int.from_bytes(digest("recording", recording_id)[:4], "big")


def holdings(rows: pa.Table) -> dict[str, np.ndarray]:
    """Return which rows (rows,) of an outline hold each thing: a medium, a label, boxes, a text of a role as `texts:ROLE`."""
    found = {name: rows[_HOLDS + name].to_numpy() for name in MEDIA_COLUMNS}
    found |= {name: rows[name].is_valid().to_numpy() for name in ("label", "boxes")}
    for row, texts in enumerate(rows["texts"].to_pylist()):
        for text in texts or ():
            found.setdefault(f"texts:{text['role']}", np.zeros(rows.num_rows, bool))[row] = True
    return found


def index_rows(file: str, rows: Mapping[str, Any]) -> pa.Table:
    """Return a shard's part of the index, from what `describe_rows` said of it; `file` is its path below the dataset."""
    return _part(file, rows, sorted(rows["holds"]))


def write_index(dataset: str, parts: Sequence[pa.Table]) -> None:
    """Write the index of the shards that stand, of their parts."""
    names = sorted({name for part in parts for name in part.column_names if name.startswith(_HOLDS)})
    schema = pa.schema([*SCHEMA, *(pa.field(name, pa.bool_()) for name in names)])
    ordered = sorted((part for part in parts if part.num_rows), key=lambda part: part["file"][0].as_py())
    tables = [schema.empty_table(), *(_with_columns(part, schema) for part in ordered)]
    with storage.staged(storage.join(dataset, _TABLE)) as path:
        pq.write_table(pa.concat_tables(tables).combine_chunks(), path, compression="zstd")


def read_index(dataset: str) -> pa.Table:
    """Return the index: a row a clip, in the order of files and rows.

    Raises:
        InputError: If there is none, as where preparation did not end.
    """
    uri = storage.join(dataset, _TABLE)
    if not storage.exists(uri):
        raise InputError(f"--data: '{dataset}' has no index of its clips; run workflows.prepare again to finish it")
    return pq.read_table(storage.open_input(uri))


def rows_that_hold(index: pa.Table, things: Sequence[str]) -> np.ndarray:
    """Return which rows (rows,) hold all of some things."""
    mask = np.ones(index.num_rows, bool)
    for name in things:
        column = _HOLDS + name
        mask &= index[column].to_numpy() if column in index.column_names else False
    return mask


def _with_columns(part: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return a part with the columns of the whole index; what no row of it holds is false."""
    columns = [
        part[field.name].cast(field.type)
        if field.name in part.column_names
        else pa.array(np.zeros(part.num_rows, bool))
        for field in schema
    ]
    return pa.table(columns, schema=schema)


def _part(file: str, rows: Mapping[str, Any], names: Sequence[str]) -> pa.Table:
    count = len(rows["num_bytes"])
    groups = rows["row_groups"]
    begins = np.zeros(count, bool)
    begins[rows["pairs"]] = True
    columns: dict[str, Any] = {
        "file": pa.array([file] * count, pa.string()),
        "row_group": np.repeat(np.arange(len(groups), dtype=np.int32), groups),
        "row": np.concatenate([np.arange(size, dtype=np.int32) for size in groups]),
        "begins_pair": begins,
        "num_bytes": np.asarray(rows["num_bytes"], np.int64),
        **{name: pa.array(rows[name], SCHEMA.field(name).type) for name in ("fold", LOUDNESS, MOTION)},
        "label": pa.array(rows["label"], pa.string()),
        "recording": np.asarray(rows["recording"], np.uint32),
    }
    for name in names:
        held = np.zeros(count, bool)
        held[rows["holds"].get(name, ()) if rows["holds"].get(name, ()) is not None else slice(None)] = True
        columns[_HOLDS + name] = held
    return pa.table(columns).select([field.name for field in SCHEMA] + [_HOLDS + name for name in names])

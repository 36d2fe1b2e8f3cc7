"""The Parquet file of a shard's clips: written row group by row group, so that no more than one is held.

Media are plain binary, few rows a page; a row group has 8 to 64 MB, or 32 rows, and never parts a pair.
"""

import contextlib
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from datasets.index import outline
from datasets.schema import CLIP_SCHEMA, MEDIA_COLUMNS
from infra import storage

ROW_GROUP_BYTES = 16 * 2**20
ROW_GROUP_ROWS = 32
_PAGE_ROWS = 8
_PAGE_BYTES = 2**20
_SMALL_SCHEMA = pa.schema([field for field in CLIP_SCHEMA if field.name not in MEDIA_COLUMNS])

Row = dict[str, Any]


class ClipFile:
    """A file of clips that takes one row after another; it is there, whole, once the block ends, and not at all after an error.

    Without a row there is no file. `outline` then says what was written but for the media, `row_groups` in how many rows each.

    Args:
        uri: where it goes.
        columns: those that rows may fill; media as bytes, or as memory that nobody changes any more.
    """

    def __init__(self, uri: str, columns: Sequence[str]) -> None:
        self.row_groups: list[int] = []
        self.num_bytes = 0
        self._uri = uri
        self._schema = pa.schema([CLIP_SCHEMA.field(name) for name in CLIP_SCHEMA.names if name in columns])
        self._outlines: list[pa.Table] = []
        self._waiting: list[Row] = []
        self._waiting_bytes = 0
        self._place = contextlib.ExitStack()
        self._writer: pq.ParquetWriter | None = None

    def __enter__(self) -> Self:
        return self

    def add(self, row: Row) -> None:
        """Take the next row; the two of a pair follow one another."""
        self._waiting.append(row)
        self._waiting_bytes += sum(memoryview(row[name]).nbytes for name in MEDIA_COLUMNS if row.get(name) is not None)
        full = self._waiting_bytes >= ROW_GROUP_BYTES or len(self._waiting) >= ROW_GROUP_ROWS
        pairs = [one.get("pair_id") for one in self._waiting[-2:]]
        if full and (pairs[-1] is None or (pairs[0] == pairs[-1] and len(pairs) == 2)):
            self._write()

    def close(self) -> None:
        """Write what is left, and the footer; the file goes to its place when the block ends."""
        if self._waiting:
            self._write()
        if self._writer is not None:
            self._writer.close()

    def outline(self) -> pa.Table:
        """Return the rows without their media."""
        return pa.concat_tables([outline(CLIP_SCHEMA.empty_table()), *self._outlines])

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
        elif self._writer is not None:
            self._writer.close()
        self._place.__exit__(kind, error, trace)

    def _write(self) -> None:
        table = _table_of(self._waiting)
        if self._writer is None:
            path = self._place.enter_context(storage.staged(self._uri))
            self._writer = _writer(path, self._schema, row_bytes=self._waiting_bytes // len(self._waiting))
        self._writer.write_table(table.select(self._schema.names), row_group_size=table.num_rows)
        self._outlines.append(outline(table))
        self.row_groups.append(table.num_rows)
        self.num_bytes += table.nbytes
        self._waiting, self._waiting_bytes = [], 0


def write_clips(uri: str, table: pa.Table) -> None:
    """Write rows, complete or not at all; columns that no row fills are left out."""
    table = table.drop_columns([name for name in table.column_names if table[name].null_count == table.num_rows])
    row_bytes = sum(_row_bytes(table)) // max(1, table.num_rows)
    with storage.staged(uri) as path, _writer(path, table.schema, row_bytes=row_bytes) as writer:
        for group in row_groups(table):
            writer.write_table(group, row_group_size=group.num_rows)


def row_groups(table: pa.Table) -> list[pa.Table]:
    """Return consecutive parts of 8 to 64 MB, or 32 rows, that never part a pair."""
    groups, begin, size = [], 0, 0
    pair_ids = table["pair_id"].to_pylist() if "pair_id" in table.column_names else [None] * table.num_rows
    sizes = _row_bytes(table)
    for row in range(table.num_rows):
        size += sizes[row]
        whole = pair_ids[row] is None or row + 1 == len(pair_ids) or pair_ids[row + 1] != pair_ids[row]
        if whole and (size >= ROW_GROUP_BYTES or row + 1 - begin >= ROW_GROUP_ROWS):
            groups.append(table.slice(begin, row + 1 - begin))
            begin, size = row + 1, 0
    if begin < table.num_rows:
        groups.append(table.slice(begin))
    return groups


def _table_of(rows: Sequence[Row]) -> pa.Table:
    """Return rows as a table whose media lie where they lay: from many values one column would be copied together."""
    table = pa.Table.from_pylist(list(rows), schema=_SMALL_SCHEMA)
    columns = {
        name: pa.chunked_array([_binary(row.get(name)) for row in rows], pa.binary())
        if name in MEDIA_COLUMNS
        else table[name]
        for name in CLIP_SCHEMA.names
    }
    return pa.table(columns, schema=CLIP_SCHEMA)


def _binary(value: Any) -> pa.Array:
    if value is None:
        return pa.nulls(1, pa.binary())
    data = pa.py_buffer(value)
    ends = pa.py_buffer(np.array([0, data.size], np.int32))
    return pa.Array.from_buffers(pa.binary(), 1, [None, ends, data])


def _writer(path: str, schema: pa.Schema, *, row_bytes: int) -> pq.ParquetWriter:
    small = [name for name in schema.names if name not in MEDIA_COLUMNS]
    options: dict[str, Any] = {
        "use_dictionary": [name for name in ("source", "video_id", "recording_id", "label") if name in small],
        "compression": {name: "NONE" if name in MEDIA_COLUMNS else "ZSTD" for name in schema.names},
        "write_statistics": [name for name in small if name not in ("texts", "boxes")],
        "max_rows_per_page": max(1, min(_PAGE_ROWS, _PAGE_BYTES // max(1, row_bytes))),
        "write_page_index": True,
    }
    return pq.ParquetWriter(path, schema, **options)


def _row_bytes(table: pa.Table) -> list[int]:
    sizes = [0] * table.num_rows
    for name in (name for name in MEDIA_COLUMNS if name in table.column_names):
        lengths: list[Any] = pc.binary_length(table[name]).to_pylist()
        sizes = [size + (length or 0) for size, length in zip(sizes, lengths, strict=True)]
    return sizes

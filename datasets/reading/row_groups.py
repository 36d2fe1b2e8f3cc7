"""Row groups and the units in them that are read: single rows, or the two rows of a pair."""

import dataclasses
from collections.abc import Sequence
from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq

from datasets.schema import CLIP_SCHEMA
from infra import storage
from infra.errors import InputError

Unit = Literal["row", "pair"]
"""What is read, mixed and counted as one: a clip, or the two windows of a pair."""

SPANS: dict[Unit, int] = {"row": 1, "pair": 2}
"""Rows of a unit."""


@dataclasses.dataclass(frozen=True, slots=True)
class RowGroup:
    """One row group of one file, and in which of its rows the units begin that are read."""

    uri: str
    index: int
    units: tuple[int, ...]
    span: int
    """Rows of a unit, one after another."""
    unit_bytes: int
    """Stored bytes of a unit on average."""

    def rows(self, units: Sequence[int]) -> list[int]:
        """Return all rows of some units, given by their first rows."""
        return [row for first in units for row in range(first, first + self.span)]


def count_units(groups: Sequence[RowGroup]) -> int:
    """Return how many units some row groups have."""
    return sum(len(group.units) for group in groups)


def thin_out(groups: Sequence[RowGroup], most: int | None) -> list[RowGroup]:
    """Return the row groups with at most `most` units, spread evenly over all; with all of them where there is no limit."""
    total = count_units(groups)
    if most is None or total <= most:
        return list(groups)
    kept, number = [], 0
    for group in groups:
        units = tuple(
            first
            for place, first in enumerate(group.units, start=number)
            if place * most // total != (place - 1) * most // total
        )
        number += len(group.units)
        if units:
            kept.append(dataclasses.replace(group, units=units))
    return kept


def read_rows(uri: str, index: int, rows: Sequence[int], columns: Sequence[str]) -> pa.Table:
    """Return some rows of a row group in the order asked for; a column that the file lacks is null.

    Raises:
        InputError: If the file is broken.
    """
    try:
        file = pq.ParquetFile(storage.open_input(uri))
        there = set(file.schema_arrow.names)
        table = file.read_row_group(index, columns=[name for name in columns if name in there])
    except FileNotFoundError:
        raise InputError(f"--data: '{uri}' does not exist any more; the dataset was changed, start again") from None
    except (pa.ArrowInvalid, OSError) as error:
        raise _broken(uri, error) from None
    for name in columns:
        if name not in there:
            table = table.append_column(name, pa.nulls(table.num_rows, CLIP_SCHEMA.field(name).type))
    table = table.select(list(columns))
    if list(rows) == list(range(rows[0], rows[0] + len(rows))):
        return table.slice(rows[0], len(rows))
    return table.take(pa.array(rows))


def _broken(uri: str, error: Exception) -> InputError:
    dataset = uri.partition("/clips/")[0]
    return InputError(
        f"--data: '{uri}' is not a whole Parquet file ({' '.join(str(error).split())[:120]}); "
        f"see python -m workflows.inspect {dataset}"
    )

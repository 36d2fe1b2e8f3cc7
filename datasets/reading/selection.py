"""Which pairs a run uses: those of some classes, loud and lively enough. A pair is kept or dropped whole, whatever its label."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from datasets.clips.measures import LOUDNESS, MOTION
from datasets.reading.reader import RowGroup, read_rows
from infra import storage
from infra.errors import InputError

_OPTIONS = {LOUDNESS: "--min-loudness", MOTION: "--min-motion"}


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Selection:
    """What pairs must be; all are used where nothing is asked."""

    classes: tuple[str, ...] = ()
    """Only these labels."""
    min_loudness: float | None = None
    """Drop pairs with a window whose sound is quieter than this, in dB of full scale, such as -60."""
    min_motion: float | None = None
    """Drop pairs with a window whose picture moves less than this, in ranges from black to white a second, such as 0.01."""

    def __post_init__(self) -> None:
        """Refuse what no pair or every pair would pass."""
        if self.min_loudness is not None and not self.min_loudness <= 0:
            raise InputError(
                f"--min-loudness: {self.min_loudness} is above 0 dB, the loudest there is; give less, for example -60"
            )
        if self.min_motion is not None and not self.min_motion >= 0:
            raise InputError(
                f"--min-motion: {self.min_motion} is below 0, where nothing moves; give more, for example 0.01"
            )

    @property
    def least(self) -> dict[str, float]:
        """The least value by column, of the columns that are asked about."""
        asked = {LOUDNESS: self.min_loudness, MOTION: self.min_motion}
        return {column: value for column, value in asked.items() if value is not None}


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Screened:
    """What screening came to in a split; a pair that fails several measures counts for each."""

    num_pairs: int
    num_kept: int
    num_below: dict[str, int]
    """Pairs with a window below the least, by column."""


def select_pairs(groups: Sequence[RowGroup], selection: Selection) -> tuple[list[RowGroup], Screened]:
    """Return the row groups with only the pairs of a selection, and what was left of those of its classes.

    Raises:
        InputError: If clips are to be screened by what was not measured when they were prepared.
    """
    if selection.classes:
        groups = _of_classes(groups, selection.classes)
    least, below = selection.least, dict.fromkeys(selection.least, 0)
    num_pairs = sum(len(group.pair_rows) for group in groups)
    if not least:
        return list(groups), Screened(num_pairs=num_pairs, num_kept=num_pairs, num_below=below)
    chosen = []
    for group in groups:
        failed = {column: _pairs_below(group, column, value) for column, value in least.items()}
        for column, rows in failed.items():
            below[column] += len(rows)
        dropped = set().union(*failed.values())
        kept = tuple(row for row in group.pair_rows if row not in dropped)
        if kept:
            chosen.append(dataclasses.replace(group, pair_rows=kept))
    num_kept = sum(len(group.pair_rows) for group in chosen)
    return chosen, Screened(num_pairs=num_pairs, num_kept=num_kept, num_below=below)


def _of_classes(groups: Sequence[RowGroup], classes: Sequence[str]) -> list[RowGroup]:
    chosen = []
    for group in groups:
        labels = read_rows(group.uri, group.index, range(group.num_rows), ["label"])["label"]
        wanted = pc.is_in(labels, pa.array(classes)).to_pylist()
        rows = tuple(row for row in group.pair_rows if wanted[row])
        if rows:
            chosen.append(dataclasses.replace(group, pair_rows=rows))
    return chosen


def _pairs_below(group: RowGroup, column: str, least: float) -> set[int]:
    """Return the first rows of the pairs one of whose windows lies below the least."""
    if not group.pair_rows:
        return set()
    file = pq.ParquetFile(storage.open_input(group.uri))
    values = np.full(group.num_rows, np.nan)
    if column in file.schema_arrow.names:
        values = np.asarray(file.read_row_group(group.index, columns=[column])[column].to_pylist(), float)
    first = np.asarray(group.pair_rows)
    lower = np.minimum(values[first], values[first + 1])
    if np.isnan(lower).any():
        raise InputError(
            f"{_OPTIONS[column]}: '{group.uri}' has clips without {column}, prepared before it was measured; "
            "prepare the dataset again into another folder, or leave the option out"
        )
    return set(first[lower < least].tolist())

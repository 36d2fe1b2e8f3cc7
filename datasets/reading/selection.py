"""Which units a run reads: of some classes and folds, loud and lively enough, with all that is needed. A pair is kept or dropped whole."""

import dataclasses
from collections import Counter
from collections.abc import Sequence
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datasets.clips.measures import LOUDNESS, MOTION
from datasets.index import read_index, rows_that_hold
from datasets.reading.row_groups import SPANS, RowGroup, Unit
from datasets.reading.screening import Screened, judge_rows
from datasets.tables.offsets import read_offset_screen, refuse_half_screen
from infra import storage
from infra.errors import InputError

SplitName = Literal["train", "validation", "test", "all"]

_OPTIONS = {LOUDNESS: "--min-loudness", MOTION: "--min-motion"}
_VALIDATES_ONE_OF = 10
_LACKS = {LOUDNESS: "sound", MOTION: "moving pictures"}


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Selection:
    """What clips must be; all are used where nothing is asked."""

    classes: tuple[str, ...] = ()
    """Only these labels."""
    folds: tuple[int, ...] = ()
    """Only these official folds."""
    exclude_folds: tuple[int, ...] = ()
    """All but these official folds."""
    held_out: tuple[int, int] | None = None
    """For cross-validation: (K, N) tests on fold K of N folds of recordings, whatever split they are in, and trains on the others."""
    min_loudness: float | None = None
    """Drop clips whose sound is quieter than this, in dB of full scale, such as -60; a pair goes with either of its windows."""
    min_motion: float | None = None
    """Drop clips whose picture moves less than this, in ranges from black to white a second, such as 0.01."""
    offsets: str | None = None
    """Folder of answers of workflows.offset about the sources; --max-offset-ms screens by it."""
    max_offset_ms: float | None = None
    """Drop clips of sources whose sound is later or earlier than this, such as 200; those of which it cannot be told stay."""

    def __post_init__(self) -> None:
        """Refuse what no clip or every clip would pass."""
        if self.held_out is not None and not 0 <= self.held_out[0] < self.held_out[1]:
            raise InputError(f"--held-out: fold {self.held_out[0]} of {self.held_out[1]} is none; give one from 0 on")
        if self.min_loudness is not None and not self.min_loudness <= 0:
            raise InputError(
                f"--min-loudness: {self.min_loudness} is above 0 dB, the loudest there is; give less, for example -60"
            )
        if self.min_motion is not None and not self.min_motion >= 0:
            raise InputError(
                f"--min-motion: {self.min_motion} is below 0, where nothing moves; give more, for example 0.01"
            )
        refuse_half_screen(self.offsets, self.max_offset_ms)

    @property
    def least(self) -> dict[str, float]:
        """The least value by column, of the columns that are asked about."""
        asked = {LOUDNESS: self.min_loudness, MOTION: self.min_motion}
        return {column: value for column, value in asked.items() if value is not None}

    @property
    def limits(self) -> dict[str, float]:
        """The limits that clips are screened by, by option."""
        asked = {_OPTIONS[column]: value for column, value in self.least.items()}
        return asked | ({} if self.max_offset_ms is None else {"--max-offset-ms": self.max_offset_ms})


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Selected:
    """The units of a split that a run reads, in the order of files and rows."""

    groups: tuple[RowGroup, ...]
    labels: tuple[tuple[str, ...], ...]
    """Class of every unit of every row group, empty where it has none."""
    screened: Screened


def select_units(
    dataset: str,
    split: SplitName,
    *,
    unit: Unit,
    requires: Sequence[str] = (),
    selection: Selection = Selection(),
) -> Selected:
    """Return the units of a split that a selection keeps; looks into the index only.

    Args:
        dataset: folder of the dataset.
        split: train, validation, test, or all of them.
        unit: row or pair.
        requires: what every clip must hold, as `datasets.index.holdings` names it.
        selection: what clips must be.

    Raises:
        InputError: If clips are to be screened by a measure that they do not have, or by a table of offsets that is not there.
    """
    screen = read_offset_screen(selection.offsets, selection.max_offset_ms)
    index = read_index(dataset)
    index = index.filter(_of_split(index, split) if selection.held_out is None else _of_fold(index, split, selection))
    span = SPANS[unit]
    firsts = np.flatnonzero(index["begins_pair"].to_numpy()) if unit == "pair" else np.arange(index.num_rows)
    firsts = firsts[_wanted(index, selection)[firsts]]
    num_units = len(firsts)
    holding = rows_that_hold(index, requires)
    firsts = firsts[np.logical_and.reduce([holding[firsts + place] for place in range(span)])]
    num_lacking = num_units - len(firsts)
    kept = np.ones(len(firsts), bool)
    below = {}
    for column, least in selection.least.items():
        lower = np.min([_values(index, column)[firsts + place] for place in range(span)], axis=0)
        if np.isnan(lower).any():
            raise InputError(
                f"{_OPTIONS[column]}: {int(np.isnan(lower).sum())} clips of '{dataset}' have no {column}, as they have no "
                f"{_LACKS[column]}; leave the option out"
            )
        below[column] = int((lower < least).sum())
        kept &= lower >= least
    judged = None
    if screen is not None:
        judgments = judge_rows(dataset, index, firsts, screen)
        judged = Counter(judgments)
        kept &= np.array([judgment != "beyond" for judgment in judgments], bool)
    firsts = firsts[kept]
    screened = Screened(
        num_units=num_units, num_kept=len(firsts), num_lacking=num_lacking, num_below=below, offsets=judged
    )
    groups, labels = _grouped(dataset, index, firsts, span)
    return Selected(groups=groups, labels=labels, screened=screened)


def _of_split(index: pa.Table, split: SplitName) -> pa.ChunkedArray | pa.Array:
    if split == "all":
        return pa.array(np.ones(index.num_rows, bool))
    return pc.match_substring(pc.cast(index["file"], pa.string()), f"/split={split}/")


def _of_fold(index: pa.Table, split: SplitName, selection: Selection) -> pa.Array:
    """Return which rows are of a split where folds of recordings stand for splits: a tenth of those trained on validates."""
    assert selection.held_out is not None
    fold, num_folds = selection.held_out
    keys, numbers = np.unique(index["recording"].to_numpy(), return_inverse=True)
    test = np.arange(len(keys)) % num_folds == fold
    validation = np.zeros(len(keys), bool)
    validation[np.flatnonzero(~test)[::_VALIDATES_ONE_OF]] = True
    chosen = {"test": test, "validation": validation, "train": ~test & ~validation, "all": np.ones(len(keys), bool)}
    return pa.array(chosen[split][numbers])


def _wanted(index: pa.Table, selection: Selection) -> np.ndarray:
    """Return which rows are of the classes and folds asked for."""
    mask = np.ones(index.num_rows, bool)
    if selection.classes:
        mask &= pc.is_in(pc.cast(index["label"], pa.string()), pa.array(selection.classes)).to_numpy()
    if selection.folds:
        mask &= pc.is_in(index["fold"], pa.array(selection.folds, pa.int32())).to_numpy()
    if selection.exclude_folds:
        mask &= ~pc.is_in(index["fold"], pa.array(selection.exclude_folds, pa.int32())).to_numpy()
    return mask


def _values(index: pa.Table, column: str) -> np.ndarray:
    return index[column].fill_null(float("nan")).to_numpy()


def _grouped(
    dataset: str, index: pa.Table, firsts: np.ndarray, span: int
) -> tuple[tuple[RowGroup, ...], tuple[tuple[str, ...], ...]]:
    """Return units, given by their first places in the index, and their labels, by row group."""
    if not len(firsts):
        return (), ()
    chosen = index.take(pa.array(firsts))
    files = pc.cast(chosen["file"], pa.string()).to_pylist()
    numbers, rows = (chosen[name].to_numpy() for name in ("row_group", "row"))
    names = np.unique(files, return_inverse=True)[1]
    labels = [label or "" for label in pc.cast(chosen["label"], pa.string()).to_pylist()]
    sizes = np.sum([index["num_bytes"].to_numpy()[firsts + place] for place in range(span)], axis=0)
    starts = np.flatnonzero(np.diff(names, prepend=-1) | np.diff(numbers, prepend=-1))
    groups, classes = [], []
    for begin, end in zip(starts, [*starts[1:], len(firsts)], strict=True):
        groups.append(
            RowGroup(
                uri=storage.join(dataset, files[begin]),
                index=int(numbers[begin]),
                units=tuple(rows[begin:end].tolist()),
                span=span,
                unit_bytes=int(sizes[begin:end].mean()),
            )
        )
        classes.append(tuple(labels[begin:end]))
    return tuple(groups), tuple(classes)

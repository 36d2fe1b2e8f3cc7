"""Screening: what was dropped of a split and why, as counts, in words and as parameters of a run; and the screen by offsets."""

import dataclasses
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datasets.clips.measures import LOUDNESS, MOTION
from datasets.reading.row_groups import Unit, read_rows
from datasets.tables.offsets import OffsetJudgment, OffsetScreen, describe_undecided
from infra import storage

_WORDS = {LOUDNESS: "too quiet", MOTION: "too still"}
_THREADS = 16


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Screened:
    """What screening came to in a split; a unit that fails several measures counts for each."""

    num_units: int
    num_kept: int
    num_lacking: int
    """Units without what must be there, such as a label."""
    num_below: dict[str, int]
    """Units with a clip below the least, by column."""
    offsets: Mapping[OffsetJudgment, int] | None = None
    """Units by how the offset of their source was judged; None where no offsets were given."""


def judge_rows(dataset: str, index: pa.Table, places: np.ndarray, screen: OffsetScreen) -> list[OffsetJudgment]:
    """Return how the sources of some rows of the index are judged; reads one small column of their row groups.

    Raises:
        InputError: If the offset of none is known.
    """
    if not len(places):
        return []
    chosen = index.take(pa.array(places))
    files = pc.cast(chosen["file"], pa.string()).to_pylist()
    groups, rows = (chosen[name].to_numpy() for name in ("row_group", "row"))
    names = np.unique(files, return_inverse=True)[1]
    starts = np.flatnonzero(np.diff(names, prepend=-1) | np.diff(groups, prepend=-1)).tolist()

    def read(begin: int, end: int) -> list[str]:
        uri = storage.join(dataset, files[begin])
        return read_rows(uri, int(groups[begin]), rows[begin:end].tolist(), ["source"])["source"].to_pylist()

    with ThreadPoolExecutor(_THREADS) as pool:
        sources = [source for part in pool.map(read, starts, [*starts[1:], len(rows)]) for source in part]
    return screen.judge_all(sources)


def describe_screening(screened: Mapping[str, Screened], unit: Unit, *, stream: str = "") -> list[str]:
    """Return a line or two a split on what was dropped and why, and on what stayed undecided; none where nothing was."""
    lines = []
    for split, found in screened.items():
        counts = {_WORDS[column]: count for column, count in found.num_below.items()}
        counts |= {} if found.offsets is None else {"out of sync": found.offsets.get("beyond", 0)}
        counts |= {"incomplete": found.num_lacking} if found.num_lacking else {}
        where = f"screened {f'{stream} {split}'.strip():<11}"
        if counts:
            reasons = ", ".join(f"{count} {word}" for word, count in counts.items())
            dropped = found.num_units - found.num_kept
            lines.append(f"{where}{dropped} of {found.num_units} {unit}s dropped: {reasons}")
        if undecided := describe_undecided(found.offsets or {}, unit):
            lines.append(f"{where}{undecided}")
    return lines


def count_screened(screened: Mapping[str, Screened], unit: Unit) -> dict[str, int]:
    """Return the counts by the names of a run's parameters."""
    counts: dict[str, int] = {}
    for split, found in screened.items():
        counts |= {f"{split}_{unit}s": found.num_kept, f"{split}_{unit}s_dropped": found.num_units - found.num_kept}
        counts |= {f"{split}_{unit}s_below_{column}": count for column, count in found.num_below.items()}
        counts |= {f"{split}_{unit}s_offset_{name.replace(' ', '_')}": n for name, n in (found.offsets or {}).items()}
    return counts

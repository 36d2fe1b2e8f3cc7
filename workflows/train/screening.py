"""What the selection dropped, for the terminal and for the run."""

from collections.abc import Mapping

from datasets.clips.measures import LOUDNESS, MOTION
from datasets.reading.row_groups import Unit
from datasets.reading.selection import Screened

_WORDS = {LOUDNESS: "too quiet", MOTION: "too still"}


def describe_screening(screened: Mapping[str, Screened], unit: Unit, *, stream: str = "") -> list[str]:
    """Return a line a split on what was dropped and why; none where nothing was."""
    lines = []
    for split, found in screened.items():
        counts = {_WORDS[column]: count for column, count in found.num_below.items()}
        counts |= {"incomplete": found.num_lacking} if found.num_lacking else {}
        if counts:
            reasons = ", ".join(f"{count} {word}" for word, count in counts.items())
            dropped = found.num_units - found.num_kept
            where = f"{stream} {split}".strip()
            lines.append(f"screened {where:<11}{dropped} of {found.num_units} {unit}s dropped: {reasons}")
    return lines


def count_screened(screened: Mapping[str, Screened], unit: Unit) -> dict[str, int]:
    """Return the counts by the names of a run's parameters."""
    counts: dict[str, int] = {}
    for split, found in screened.items():
        counts |= {f"{split}_{unit}s": found.num_kept, f"{split}_{unit}s_dropped": found.num_units - found.num_kept}
        counts |= {f"{split}_{unit}s_below_{column}": count for column, count in found.num_below.items()}
    return counts

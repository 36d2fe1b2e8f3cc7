"""What screening dropped, for the terminal and for the run."""

from collections.abc import Mapping

from datasets.clips.measures import LOUDNESS, MOTION
from datasets.reading.selection import Screened

_WORDS = {LOUDNESS: "too quiet", MOTION: "too still"}


def describe_screening(screened: Mapping[str, Screened]) -> list[str]:
    """Return a line a split on what was dropped and why; none where nothing was asked."""
    lines = []
    for split, found in screened.items():
        if found.num_below:
            reasons = ", ".join(f"{count} {_WORDS[column]}" for column, count in found.num_below.items())
            dropped = found.num_pairs - found.num_kept
            lines.append(f"screened {split:<11}{dropped} of {found.num_pairs} pairs dropped: {reasons}")
    return lines


def count_screened(screened: Mapping[str, Screened]) -> dict[str, float]:
    """Return the counts by the names of a run's metrics."""
    counts: dict[str, float] = {}
    for split, found in screened.items():
        counts |= {f"{split}_pairs": found.num_kept, f"{split}_pairs_dropped": found.num_pairs - found.num_kept}
        counts |= {f"{split}_pairs_below_{column}": count for column, count in found.num_below.items()}
    return counts

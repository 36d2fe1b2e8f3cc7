"""Which windows of a source become clips: pairs for label-by-shift, and the published ways for the audit.

Pairs: an ordered pair of starts is drawn uniformly from all pairs on the frame grid whose distance lies between the shortest and
the longest shift. The set is symmetric, so the first and the second start have the same distribution, and neither the picture's nor the
sound's position says anything about the label (Owens and Efros 2018 draw from such a set; they use one pairing, here all four occur).
"""

import dataclasses
import math
from collections.abc import Sequence
from typing import Literal

import numpy as np

LabelMode = Literal["pairs", "slice", "roll"]


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class PlannedWindow:
    """One row to be: where its picture and its sound begin, in seconds of the source's clock."""

    start_seconds: float
    sound_start_seconds: float
    in_sync: bool
    shift_seconds: float | None
    pair: int | None
    roll_seconds: float = 0.0
    pad_seconds: float = 0.0
    """Silence at the end of a sound that is shorter than a clip."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class WindowRule:
    """How windows are drawn."""

    clip_seconds: float
    frame_rate: float
    min_shift_seconds: float
    max_shift_seconds: float
    pairs_per_video: int
    label_mode: LabelMode = "pairs"


def draw_windows(
    rule: WindowRule, spans: Sequence[tuple[float, float]], *, generator: np.random.Generator
) -> list[PlannedWindow]:
    """Return the windows of a source whose picture and sound both last through some spans (begin and end in seconds).

    Both windows of a pair are in one span, which is drawn in proportion to the pairs that it allows. A source too short for a pair
    gives one window without one; a source shorter than a clip gives none.
    """
    starts = np.array([_num_starts(rule, span) for span in spans], np.int64)
    if not starts.any():
        return []
    pairs = np.array([_num_pairs(rule, int(count)) for count in starts], np.int64)
    windows: list[PlannedWindow] = []
    if rule.label_mode == "roll" and rule.pairs_per_video:
        for _ in range(rule.pairs_per_video):
            windows.append(_rolled(rule, _draw_start(rule, spans, starts, generator), generator))
        return windows
    if rule.pairs_per_video == 0 or not pairs.any():
        start = _draw_start(rule, spans, starts, generator)
        return [
            PlannedWindow(
                start_seconds=start,
                sound_start_seconds=start,
                in_sync=True,
                shift_seconds=None,
                pair=None,
            )
        ]
    for pair in range(rule.pairs_per_video):
        place = _draw_span(pairs, generator)
        first, second = (
            spans[place][0] + frame / rule.frame_rate
            for frame in draw_ordered_pair(rule, num_starts=int(starts[place]), generator=generator)
        )
        windows += _pair(first, second, pair) if rule.label_mode == "pairs" else _sliced(first, second, generator)
    return windows


def draw_ordered_pair(rule: WindowRule, *, num_starts: int, generator: np.random.Generator) -> tuple[int, int]:
    """Return two start frames in [0, num_starts), uniform over all ordered pairs with an admissible shift.

    The shift is drawn in proportion to the number of places it leaves, then the place, then the order.
    """
    shifts = np.arange(_min_shift_frames(rule), _max_shift_frames(rule, num_starts) + 1)
    places = num_starts - shifts
    shift = int(generator.choice(shifts, p=places / places.sum()))
    low = int(generator.integers(num_starts - shift))
    return (low, low + shift) if generator.random() < 0.5 else (low + shift, low)


def _min_shift_frames(rule: WindowRule) -> int:
    return max(1, math.ceil(rule.min_shift_seconds * rule.frame_rate - 1e-6))


def _max_shift_frames(rule: WindowRule, num_starts: int) -> int:
    return min(math.floor(rule.max_shift_seconds * rule.frame_rate + 1e-6), num_starts - 1)


def _pair(first: float, second: float, pair: int) -> list[PlannedWindow]:
    return [
        PlannedWindow(
            start_seconds=start,
            sound_start_seconds=start,
            in_sync=True,
            shift_seconds=other - start,
            pair=pair,
        )
        for start, other in ((first, second), (second, first))
    ]


def _sliced(first: float, second: float, generator: np.random.Generator) -> list[PlannedWindow]:
    """Return one window whose sound is in sync or another slice of the same track, by a fair coin."""
    in_sync = bool(generator.random() < 0.5)
    sound = first if in_sync else second
    return [
        PlannedWindow(
            start_seconds=first,
            sound_start_seconds=sound,
            in_sync=in_sync,
            shift_seconds=sound - first,
            pair=None,
        )
    ]


def _rolled(rule: WindowRule, start: float, generator: np.random.Generator) -> PlannedWindow:
    """Return a window whose sound is in sync or rolled in a circle, by a fair coin."""
    in_sync = bool(generator.random() < 0.5)
    most = min(rule.max_shift_seconds, rule.clip_seconds - rule.min_shift_seconds)
    roll = float(generator.uniform(min(rule.min_shift_seconds, most), most))
    return PlannedWindow(
        start_seconds=start,
        sound_start_seconds=start,
        in_sync=in_sync,
        shift_seconds=0.0 if in_sync else roll,
        pair=None,
        roll_seconds=0.0 if in_sync else roll,
    )


def _num_starts(rule: WindowRule, span: tuple[float, float]) -> int:
    return max(0, math.floor((span[1] - span[0] - rule.clip_seconds) * rule.frame_rate + 1e-6) + 1)


def _num_pairs(rule: WindowRule, num_starts: int) -> int:
    """Return how many pairs of starts with an admissible shift a span allows."""
    low, high = _min_shift_frames(rule), _max_shift_frames(rule, num_starts)
    return (high - low + 1) * (2 * num_starts - low - high) // 2 if high >= low else 0


def _draw_span(weights: np.ndarray, generator: np.random.Generator) -> int:
    """Return one of some spans, in proportion to their weights."""
    if np.count_nonzero(weights) == 1:
        return int(np.flatnonzero(weights)[0])
    return int(generator.choice(len(weights), p=weights / weights.sum()))


def _draw_start(
    rule: WindowRule, spans: Sequence[tuple[float, float]], starts: np.ndarray, generator: np.random.Generator
) -> float:
    place = _draw_span(starts, generator)
    return spans[place][0] + int(generator.integers(starts[place])) / rule.frame_rate

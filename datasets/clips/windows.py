"""Which windows of a source become clips: pairs for label-by-shift, and the published ways for the audit.

Pairs: an ordered pair of starts is drawn uniformly from all pairs on the frame grid whose distance lies between the shortest and
the longest shift. The set is symmetric, so the first and the second start have the same distribution, and neither the picture's nor the
sound's position says anything about the label (Owens and Efros 2018 draw from such a set; they use one pairing, here all four occur).
"""

import dataclasses
import math
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


def draw_windows(rule: WindowRule, *, begin: float, end: float, generator: np.random.Generator) -> list[PlannedWindow]:
    """Return the windows of a source whose picture and sound both last from `begin` to `end` (seconds).

    A source too short for a pair gives one window without one; a source shorter than a clip gives none.
    """
    num_starts = math.floor((end - begin - rule.clip_seconds) * rule.frame_rate + 1e-6) + 1
    if num_starts < 1:
        return []
    if rule.label_mode == "roll" and rule.pairs_per_video:
        return _rolled(rule, begin=begin, num_starts=num_starts, generator=generator)
    if rule.pairs_per_video == 0 or _max_shift_frames(rule, num_starts) < _min_shift_frames(rule):
        start = begin + int(generator.integers(num_starts)) / rule.frame_rate
        return [
            PlannedWindow(
                start_seconds=start,
                sound_start_seconds=start,
                in_sync=True,
                shift_seconds=None,
                pair=None,
            )
        ]
    windows = []
    for pair in range(rule.pairs_per_video):
        first, second = (
            begin + frame / rule.frame_rate
            for frame in draw_ordered_pair(rule, num_starts=num_starts, generator=generator)
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


def _rolled(rule: WindowRule, *, begin: float, num_starts: int, generator: np.random.Generator) -> list[PlannedWindow]:
    """Return windows whose sound is in sync or rolled in a circle, by a fair coin."""
    windows = []
    for _ in range(rule.pairs_per_video):
        start = begin + int(generator.integers(num_starts)) / rule.frame_rate
        in_sync = bool(generator.random() < 0.5)
        longest = min(rule.max_shift_seconds, rule.clip_seconds - rule.min_shift_seconds)
        roll = float(generator.uniform(min(rule.min_shift_seconds, longest), longest))
        windows.append(
            PlannedWindow(
                start_seconds=start,
                sound_start_seconds=start,
                in_sync=in_sync,
                shift_seconds=0.0 if in_sync else roll,
                pair=None,
                roll_seconds=0.0 if in_sync else roll,
            )
        )
    return windows

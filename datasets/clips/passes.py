"""Passes over a source: which of its windows are cut in one, so that few are open at a time, and in which order they are whole.

A pair is open from the begin of its first window to the end of its second, as both are written together.
"""

import heapq
from collections.abc import Sequence

from datasets.clips.windows import PlannedWindow

OPEN_BYTES = 512 * 2**20
"""Decoded pictures and sounds that a worker holds of windows that are not written yet."""


def plan_passes(windows: Sequence[PlannedWindow], *, clip_seconds: float, most_open: int) -> list[list[int]]:
    """Return the windows (their numbers) of each pass, in the order in which they are whole; the two of a pair follow one another.

    Each goes into the first pass that has room for it, so that passes are as few as can be.

    Args:
        windows: those of a source.
        clip_seconds: length of a clip.
        most_open: windows that are open at a time; of a pair both are, even where this is less.
    """
    passes: list[_Pass] = []
    for begin, end, members in sorted(_units(windows, clip_seconds)):
        chosen = next((one for one in passes if one.has_room(begin, len(members), most_open)), None)
        if chosen is None:
            passes.append(chosen := _Pass())
        chosen.add(begin, end, members)
    return [[index for _, _, members in sorted(one.units) for index in members] for one in passes]


class _Pass:
    """Pairs and windows (end, begin, numbers) that are cut together, and when those that are open end."""

    def __init__(self) -> None:
        self.units: list[tuple[float, float, list[int]]] = []
        self._open: list[tuple[float, int]] = []

    def has_room(self, begin: float, count: int, most_open: int) -> bool:
        while self._open and self._open[0][0] <= begin:
            heapq.heappop(self._open)
        return not self._open or sum(number for _, number in self._open) + count <= most_open

    def add(self, begin: float, end: float, members: list[int]) -> None:
        self.units.append((end, begin, members))
        heapq.heappush(self._open, (end, len(members)))


def _units(windows: Sequence[PlannedWindow], clip_seconds: float) -> list[tuple[float, float, list[int]]]:
    """Return begin and end of pairs, and of windows without a partner, with their numbers."""
    members: list[list[int]] = []
    for index, window in enumerate(windows):
        if window.pair is not None and index and windows[index - 1].pair == window.pair:
            members[-1].append(index)
        else:
            members.append([index])
    return [
        (
            min(min(windows[i].start_seconds, windows[i].sound_start_seconds) for i in unit),
            max(max(windows[i].start_seconds, windows[i].sound_start_seconds) for i in unit) + clip_seconds,
            unit,
        )
        for unit in members
    ]

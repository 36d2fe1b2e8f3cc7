"""When the picture and the sound of a file run: the one value by which windows are drawn, cut and accounted for.

Times are seconds since the origin, the first time stamp that is shown, as players count. A clock that restarts goes on where it was
broken off. A *span* is a stretch without a hole of more than two seconds and without a restart.
"""

import dataclasses
import itertools
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

PICTURE, SOUND = "picture", "sound"
BOTH = (PICTURE, SOUND)

HOLE_SECONDS = 2.0
"""Longer pauses between two packets end a span."""
_RESTART_SECONDS = 0.5
"""A decoding time that goes back further than this is of a new clock, or wrong."""
_MOST_STRAYS = 3
"""Up to so many packets in a row that lie elsewhere than those around them have wrong times; more are of a new clock."""

Span = tuple[float, float]


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Restart:
    """Where the clock of a stream restarts: from packet number `packet` on, `shift_seconds` are added to its time stamps."""

    stream: str
    packet: int
    shift_seconds: float


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Timeline:
    """Which streams of a file are its picture and its sound, and when they run."""

    origin_seconds: float = 0.0
    """The origin on the file's clock."""
    picture: tuple[Span, ...] = ()
    sound: tuple[Span, ...] = ()
    picture_stream: int | None = None
    """Index of the stream in the file; None where it has none."""
    sound_stream: int | None = None
    first_sound: bool = True
    """Whether the sound is that of the file's first track."""
    restarts: tuple[Restart, ...] = ()
    strays: tuple[tuple[str, int], ...] = ()
    """Stream and number of packets whose time stamps are wrong."""
    unplaced_seconds: float = 0.0
    """What follows restarts of one stream that the other does not share: nobody knows where it belongs."""

    def spans(self, needs: Collection[str] = BOTH) -> list[Span]:
        """Return when picture and sound both run, or the one that is needed."""
        named = {PICTURE: self.picture, SOUND: self.sound}
        first, *others = (list(named[name]) for name in BOTH if name in needs)
        return intersection(first, others[0]) if others else first

    def extent(self, needs: Collection[str] = BOTH) -> Span:
        """Return when the first of what is needed begins and the last of it ends."""
        named = {PICTURE: self.picture, SOUND: self.sound}
        spans = [span for name in BOTH if name in needs for span in named[name]]
        return min(begin for begin, _ in spans), max(end for _, end in spans)


def timeline_from_dict(values: dict[str, Any]) -> Timeline:
    """Return the time line of nested plain values, as `dataclasses.asdict` gives them."""
    return Timeline(
        **{
            **values,
            **{name: tuple((begin, end) for begin, end in values[name]) for name in BOTH},
            "restarts": tuple(Restart(**restart) for restart in values["restarts"]),
            "strays": tuple((stream, packet) for stream, packet in values["strays"]),
        }
    )


class Packet(NamedTuple):
    """Times of a packet in seconds on the file's clock: when it is decoded, and when what it holds is shown and ends."""

    number: int
    decoded: float
    begin: float
    end: float


def measure_timeline(shown: Mapping[str, Sequence[Packet]]) -> Timeline:
    """Return when picture, sound or both run by their packets that are shown, in the file's order; neither may be empty."""
    tables = {name: np.array(packets) for name, packets in shown.items()}
    strays: list[tuple[str, int]] = []
    clocks: dict[str, list[np.ndarray]] = {}
    for name, table in tables.items():
        wrong, begins = _breaks(table[:, 1])
        strays += [(name, int(number)) for number in table[wrong, 0]]
        clocks[name] = [part[~wrong[first : first + len(part)]] for first, part in _parts(table, begins)]
    unplaced = 0.0
    if len({len(parts) for parts in clocks.values()}) > 1:
        later = [part for parts in clocks.values() for part in parts[1:]]
        unplaced = sum(_extent([part])[1] - _extent([part])[0] for part in later)
        clocks = {name: parts[:1] for name, parts in clocks.items()}
    origin = _extent([parts[0] for parts in clocks.values()])[0]
    spans: dict[str, list[Span]] = {name: [] for name in clocks}
    restarts: list[Restart] = []
    after = origin
    for number in range(min(len(parts) for parts in clocks.values())):
        low, high = _extent([parts[number] for parts in clocks.values()])
        shift = after - low if number else 0.0
        for name, parts in clocks.items():
            spans[name] += _spans(parts[number], shift - origin)
            if number:
                restarts.append(Restart(stream=name, packet=int(parts[number][0, 0]), shift_seconds=shift))
        after = high + shift
    return Timeline(
        origin_seconds=origin,
        picture=tuple(spans.get(PICTURE, ())),
        sound=tuple(spans.get(SOUND, ())),
        restarts=tuple(restarts),
        strays=tuple(strays),
        unplaced_seconds=unplaced,
    )


def intersection(first: Sequence[Span], second: Sequence[Span]) -> list[Span]:
    """Return the stretches that lie in a span of both, in order."""
    common = [(max(a[0], b[0]), min(a[1], b[1])) for a in first for b in second]
    return [(begin, end) for begin, end in common if end > begin]


def length(spans: Sequence[Span]) -> float:
    """Return how many seconds spans cover together."""
    covered, until = 0.0, -np.inf
    for begin, end in sorted(spans):
        covered += max(0.0, end - max(begin, until))
        until = max(until, end)
    return covered


def _breaks(times: np.ndarray) -> tuple[np.ndarray, list[int]]:
    """Return which packets have wrong decoding times, and the first packets of the clocks that follow each other."""
    jumps = np.flatnonzero(np.abs(np.diff(times)) > _RESTART_SECONDS) + 1
    bounds = [0, *jumps.tolist(), len(times)]
    wrong = np.zeros(len(times), bool)
    begins, last = [0], -np.inf
    for place, (begin, end) in enumerate(itertools.pairwise(bounds)):
        following = times[end] if place + 2 < len(bounds) else np.inf
        goes_back = times[begin] < last - _RESTART_SECONDS
        too_far = times[end - 1] > following + _RESTART_SECONDS and following >= last - _RESTART_SECONDS
        if end - begin <= _MOST_STRAYS and len(times) > _MOST_STRAYS and (goes_back or too_far):
            wrong[begin:end] = True
            continue
        if goes_back:
            begins.append(begin)
        last = times[end - 1]
    return wrong, begins


def _parts(table: np.ndarray, begins: Sequence[int]) -> list[tuple[int, np.ndarray]]:
    return [(first, part) for first, part in zip(begins, np.split(table, begins[1:]), strict=True)]


def _extent(parts: Sequence[np.ndarray]) -> Span:
    return min(float(part[:, 2].min()) for part in parts), max(float(part[:, 3].max()) for part in parts)


def _spans(part: np.ndarray, shift: float) -> list[Span]:
    """Return the stretches of packets on one clock that no hole parts."""
    ordered = part[np.argsort(part[:, 2], kind="stable")]
    begins, ends = ordered[:, 2], np.maximum.accumulate(ordered[:, 3])
    holes = np.flatnonzero(begins[1:] - ends[:-1] > HOLE_SECONDS)
    firsts, lasts = [0, *(holes + 1).tolist()], [*holes.tolist(), len(ends) - 1]
    return [
        (float(begins[first] + shift), float(ends[last] + shift)) for first, last in zip(firsts, lasts, strict=True)
    ]

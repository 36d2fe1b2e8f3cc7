"""Picture and sound of a video as pieces that follow each other, a few frames at a time."""

import dataclasses
import itertools
from collections.abc import Iterator

import numpy as np

from datasets.media import Timeline, Window, cut

_PIECE_FRAMES = 32


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Frames:
    """Times of the frames to read."""

    seconds: np.ndarray
    parts: tuple[int, ...]
    """First frames of the stretches within which the frames follow each other at the frame rate."""
    frame_rate: float


def read_pieces(
    path: str, line: Timeline, frames: Frames, *, size: int, sample_rate: int
) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Yield the number of the first frame, frames uint8 (n, size, size, 3) and sound (samples,), piece by piece.

    Raises:
        MediaError: If the video cannot be read.
    """
    total, rate = len(frames.seconds), frames.frame_rate
    bounds = list(itertools.pairwise([*frames.parts, total]))
    length = min(_PIECE_FRAMES, *(end - begin for begin, end in bounds))
    # The last piece of a part ends with it and may begin before the one before it ends.
    firsts = [first for begin, end in bounds for first in [*range(begin, end - length, length), end - length]]
    starts = [float(frames.seconds[first]) for first in firsts]
    done = 0
    for index, pictures, sound, _ in cut(
        path,
        [Window(start_seconds=start, sound_start_seconds=start) for start in starts],
        line=line,
        clip_seconds=length / rate,
        frame_rate=rate,
        size=size,
        sample_rate=sample_rate,
    ):
        seen = done - firsts[index]
        yield done, pictures[seen:], np.clip(sound[round(seen / rate * sample_rate) :], -1, 1)
        done = firsts[index] + length

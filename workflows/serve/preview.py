"""A copy of a video that every browser plays: small H.264 pictures and the original sound in an MP4 file."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from PIL import Image

from datasets.media import Timeline, display_size, write_chunks
from infra.progress import Progress, silent
from workflows.localize.maps import VideoMaps
from workflows.localize.pieces import Frames, read_pieces

_HEIGHT = 360
_WIDEST = 1280
_FRAME_RATE = 25.0
_LEAST_FRAME_RATE = 20.0
_SAMPLE_RATE = 44100
_SHORTEST_SECONDS = 1.0


def write_preview(
    path: str, target: str, line: Timeline, maps: VideoMaps | None, *, progress: Progress = silent
) -> dict[str, Any]:
    """Write the copy; return its frame rate, and how many of its frames have the same map.

    With maps it shows the time that they cover.

    Raises:
        MediaError: If the video cannot be read.
    """
    repeats = 1 if maps is None else max(1, math.ceil(_LEAST_FRAME_RATE / maps.frame_rate))
    frames = _frames_of(line) if maps is None else _finer(maps, repeats)
    width, height = display_size(path)
    shown_width = min(_WIDEST, 2 * max(1, round(_HEIGHT * width / height / 2)))
    total = len(frames.seconds)

    def pieces() -> Iterator[tuple[Iterator[np.ndarray], np.ndarray]]:
        for first, pictures, sound in read_pieces(path, line, frames, size=_HEIGHT, sample_rate=_SAMPLE_RATE):
            yield (_resized(picture, shown_width) for picture in pictures), sound
            progress("writing", first + len(pictures), total)

    write_chunks(target, pieces(), frame_rate=frames.frame_rate, sample_rate=_SAMPLE_RATE, crf=23)
    return {"frame_rate": frames.frame_rate, "repeats": repeats}


def _frames_of(line: Timeline) -> Frames:
    """Return the frames of the time in which picture and sound both run."""
    spans = line.spans()
    longest = max(spans, key=lambda span: span[1] - span[0])
    counts = [(span[0], int((span[1] - span[0]) * _FRAME_RATE + 1e-6)) for span in spans]
    used = [(begin, count) for begin, count in counts if count >= _SHORTEST_SECONDS * _FRAME_RATE]
    used = used or [(longest[0], max(1, int((longest[1] - longest[0]) * _FRAME_RATE)))]
    return _joined(used, _FRAME_RATE)


def _finer(maps: VideoMaps, repeats: int) -> Frames:
    """Return the frames of maps, each as several that follow each other more quickly."""
    ends = (*maps.parts[1:], len(maps.seconds))
    parts = [(float(maps.seconds[begin]), (end - begin) * repeats) for begin, end in zip(maps.parts, ends, strict=True)]
    return _joined(parts, maps.frame_rate * repeats)


def _joined(parts: list[tuple[float, int]], frame_rate: float) -> Frames:
    """Return stretches, each from a time on and of so many frames, one after another."""
    firsts = np.cumsum([0, *(count for _, count in parts)])[:-1]
    seconds = np.concatenate([begin + np.arange(count) / frame_rate for begin, count in parts])
    return Frames(seconds=seconds, parts=tuple(map(int, firsts)), frame_rate=frame_rate)


def _resized(picture: np.ndarray, width: int) -> np.ndarray:
    if width == _HEIGHT:
        return picture
    return np.asarray(Image.fromarray(picture).resize((width, _HEIGHT), Image.Resampling.BILINEAR))

"""Mouth crops: a face is detected and followed through a clip, and the square around its mouth is cut out of every frame.

The face is found by dlib's frontal detector (HOG and a linear classifier; its wheel needs no further file), several times a second; of
several faces the one that is seen longest and largest is taken. Its place is smoothed over time, as boxes of the detector jump by some
pixels, and its size is one for the whole clip, so that a mouth that opens is not scaled away.

References:
    Chung and Zisserman, Out of Time: Automated Lip Sync in the Wild (2016).
    King, Max-Margin Object Detection (2015), https://arxiv.org/abs/1502.00046.
"""

import functools
import importlib.util
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from datasets.media import MediaError
from infra.errors import InputError

SEEN_SIZE = 384
"""Height and width of the frames, with bars, in which faces are looked for."""
_LOOKS_PER_SECOND = 4.0
_LARGER = (1, 2)
"""How often frames are enlarged to look for a face, the next only where none is found: the detector sees faces from 80 pixels on."""
_LEAST_SCORE = -0.2
_LEAST_OVERLAP = 0.3
_LEAST_SHARE = 0.5
"""Of the looks, in which a face that is followed must have been detected."""
_SMOOTH_SECONDS = 0.12
_WIDTH, _DOWN = 0.8, 0.30
"""Side of the mouth's square, and how far its center lies below that of the face, in widths of the detector's box."""


class Face(NamedTuple):
    """A detected face in pixels of the frame: its center and width, and how sure the detector is."""

    x: float
    y: float
    width: float
    score: float


def refuse_without_detector(fit: str) -> None:
    """Refuse to look for mouths where no detector is installed.

    Raises:
        InputError: If it is not.
    """
    if fit == "mouth" and importlib.util.find_spec("dlib") is None:
        raise InputError(
            "fit: mouth needs the face detector of dlib; install the extra: make setup, or pip install dlib-bin==20.0.1.post1"
        )


def mouth_frames(frames: np.ndarray, *, frame_rate: float, size: int) -> np.ndarray:
    """Return the square around the mouth in every frame, uint8 (frames, size, size, 3).

    Args:
        frames: uint8 (frames, height, width, 3), of a clip.
        frame_rate: Frames per second.
        size: Height and width of what comes out.

    Raises:
        MediaError: If no face is seen for half of the clip.
    """
    every = max(1, round(frame_rate / _LOOKS_PER_SECOND))
    looks = range(0, len(frames), every)
    track: list[tuple[int, Face]] = []
    for larger in _LARGER:
        track = longest_track([(at, _detect(frames[at], larger)) for at in looks])
        if len(track) >= max(1, _LEAST_SHARE * len(looks)):
            return _cut_out(frames, place_in_time(track, num_frames=len(frames), frame_rate=frame_rate), size)
    raise MediaError(
        "decode", "no face", f"a face is detected in {len(track)} of {len(looks)} frames that were looked at"
    )


def longest_track(looks: Sequence[tuple[int, Sequence[Face]]]) -> list[tuple[int, Face]]:
    """Return the frames and places of the face that is seen in most frames, the largest of those; empty where none is.

    Args:
        looks: numbers of frames in rising order, and the faces detected there.
    """
    tracks: list[list[tuple[int, Face]]] = []
    for at, faces in looks:
        for face in sorted(faces, key=lambda face: -face.score):
            behind = [track for track in tracks if track[-1][0] < at]
            nearest = max(behind, key=lambda track: _overlap(track[-1][1], face), default=None)
            if nearest is not None and _overlap(nearest[-1][1], face) >= _LEAST_OVERLAP:
                nearest.append((at, face))
            else:
                tracks.append([(at, face)])
    return max(tracks, key=lambda track: (len(track), np.mean([face.width for _, face in track])), default=[])


def place_in_time(track: Sequence[tuple[int, Face]], *, num_frames: int, frame_rate: float) -> np.ndarray:
    """Return center and width (frames, 3) of a face in every frame: between detections on a line, smoothed; the width is the median."""
    at = [number for number, _ in track]
    everywhere = np.arange(num_frames)
    places = np.stack([np.interp(everywhere, at, [face[axis] for _, face in track]) for axis in range(2)], axis=1)
    reach = max(1, round(3 * _SMOOTH_SECONDS * frame_rate))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / (_SMOOTH_SECONDS * frame_rate)) ** 2)
    padded = np.pad(places, ((reach, reach), (0, 0)), mode="edge")
    smooth = np.stack([np.convolve(padded[:, axis], kernel / kernel.sum(), mode="valid") for axis in range(2)], axis=1)
    width = np.median([face.width for _, face in track])
    return np.concatenate([smooth, np.full((num_frames, 1), width)], axis=1)


def _cut_out(frames: np.ndarray, places: np.ndarray, size: int) -> np.ndarray:
    mouths = np.empty((len(frames), size, size, 3), np.uint8)
    side = _WIDTH * places[0, 2]
    margin = int(np.ceil(side))
    for frame, (x, y, width), mouth in zip(frames, places, mouths, strict=True):
        # The margin takes squares that reach out of the frame.
        picture = Image.fromarray(np.pad(frame, ((margin, margin), (margin, margin), (0, 0)), mode="edge"))
        height, across = frame.shape[:2]
        left = np.clip(x + margin - side / 2, 0, across + 2 * margin - side)
        top = np.clip(y + _DOWN * width + margin - side / 2, 0, height + 2 * margin - side)
        box = (left, top, left + side, top + side)
        mouth[:] = np.asarray(picture.resize((size, size), Image.Resampling.BILINEAR, box=box))
    return mouths


def _detect(frame: np.ndarray, larger: int) -> list[Face]:
    gray = Image.fromarray(frame).convert("L")
    if larger > 1:
        gray = gray.resize((gray.width * larger, gray.height * larger), Image.Resampling.BICUBIC)
    boxes, scores, _ = _detector().run(np.asarray(gray), 0, _LEAST_SCORE)
    return [
        Face(
            x=(box.left() + box.right()) / 2 / larger,
            y=(box.top() + box.bottom()) / 2 / larger,
            width=(box.right() - box.left()) / larger,
            score=score,
        )
        for box, score in zip(boxes, scores, strict=True)
    ]


@functools.cache
def _detector() -> Any:
    import dlib  # pyright: ignore[reportMissingImports]  # an extra

    return dlib.get_frontal_face_detector()


def _overlap(first: Face, second: Face) -> float:
    """Return the intersection of two squares over their union."""
    across, down = (
        max(0.0, (first.width + second.width) / 2 - abs(a - b)) for a, b in ((first.x, second.x), (first.y, second.y))
    )
    shorter = min(first.width, second.width)
    shared = min(across, shorter) * min(down, shorter)
    return shared / (first.width**2 + second.width**2 - shared)

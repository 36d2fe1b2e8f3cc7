"""What every source shows and sounds: four colored corners, flashes in the middle with clicks at the same times, and a tone a channel."""

from collections.abc import Sequence
from fractions import Fraction

import av
import numpy as np

from tests.formats.cases import PART_SECONDS

EVENTS = (0.45, 0.9, 1.62, 2.05, 2.9, 3.4, 4.3, 4.7)
"""Seconds, irregular, so that no wrong flash lies as far from a click as the right one; a second part has them later by `_LATER_SECONDS`."""
_LATER_SECONDS = 0.17
CORNERS = np.array([[(200, 40, 50), (40, 180, 60)], [(50, 60, 200), (190, 180, 40)]], np.uint8)
"""RGB as a player shows it, (row, column, channel): red, green, blue, yellow."""
CLICK_HERTZ = 2500.0
CLICK_SECONDS = 0.006
_CLICK_LEVEL = 0.6
_WEIGHTS = {"bt601": (0.299, 0.114), "bt709": (0.2126, 0.0722), "bt2020": (0.2627, 0.0593)}
"""What red and blue are of the luma."""


def event_frames(times: Sequence[float]) -> list[int]:
    """Return which of the pictures shown at these times are flashes: those nearest to the events."""
    events = [part * (PART_SECONDS + _LATER_SECONDS) + event for part in range(2) for event in EVENTS]
    return [int(np.argmin(np.abs(np.asarray(times) - event))) for event in events if times[0] < event < times[-1]]


def paint(
    stored: np.ndarray, *, size: tuple[int, int], pixels: str, matrix: str, full_range: bool, flash: bool
) -> av.VideoFrame:
    """Return the picture with the corners `stored` (2, 2, 3), its middle third black or white, in exact values of YUV or RGB."""
    width, height = size
    form = av.VideoFormat(pixels, width, height)
    if form.is_rgb:
        rgb = np.stack([_plane(stored[..., i], 255 * flash, width, height) for i in range(3)], -1).astype(np.uint8)
        return av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format=pixels)
    corners, middle = (_yuv(rgb, matrix, full_range) for rgb in (stored, np.full(3, 255 * flash)))
    frame = av.VideoFrame(width, height, pixels)
    for index, (component, plane) in enumerate(zip(form.components, frame.planes, strict=True)):
        scale = 2 ** (component.bits - 8)
        kind = np.dtype("<u2" if component.bits > 8 else "u1")
        rows = np.zeros((plane.height, plane.line_size // kind.itemsize), kind)
        if index < 3:
            shown = np.rint(scale * _plane(corners[..., index], middle[index], plane.width, plane.height))
        else:
            shown = np.full((plane.height, plane.width), 2**component.bits - 1)
        rows[:, : plane.width] = np.clip(shown, 0, 2**component.bits - 1)
        plane.update(rows.tobytes())
    return frame


def _plane(corners: np.ndarray, middle: float, width: int, height: int) -> np.ndarray:
    plane = np.empty((height, width))
    for row in range(2):
        for column in range(2):
            bottom, right = height // 2 * row, width // 2 * column
            plane[bottom:, right:] = corners[row, column]
            if column == 0:
                plane[bottom:, width // 2 :] = corners[row, 1]
    plane[height // 3 : height - height // 3, width // 3 : width - width // 3] = middle
    return plane


def _yuv(rgb: np.ndarray, matrix: str, full_range: bool) -> np.ndarray:
    """Return Y, Cb, Cr on a scale of 8 bits, not rounded."""
    red, blue = _WEIGHTS[matrix]
    luma = (rgb / 255) @ np.array([red, 1 - red - blue, blue])
    chroma = [(rgb[..., 2] / 255 - luma) / (2 - 2 * blue), (rgb[..., 0] / 255 - luma) / (2 - 2 * red)]
    low, luma_range, chroma_range = (0, 255, 255) if full_range else (16, 219, 224)
    return np.stack([low + luma_range * luma, *(128 + chroma_range * part for part in chroma)], -1)


def tones(layout: str) -> list[tuple[float, float]]:
    """Return hertz and amplitude of every channel's own tone: low where the channel carries low sound only."""
    names = [channel.name for channel in av.AudioLayout(layout).channels]
    return [(60.0 if name == "LFE" else 260.0 + 130 * i, 0.12 + 0.02 * i) for i, name in enumerate(names)]


def sound(
    layout: str, sample_rate: int, seconds: tuple[float, float], clicks: Sequence[float], role: str
) -> np.ndarray:
    """Return the sound float32 (samples, channels) between two times; the middle of a click lies at its time.

    As `silent` it is none, as `foreign` one loud tone.
    """
    time = np.arange(round(seconds[0] * sample_rate), round(seconds[1] * sample_rate)) / sample_rate
    if role != "sound":
        other = 0.5 * np.sin(2 * np.pi * 1700 * time) if role == "foreign" else np.zeros_like(time)
        return np.stack([other] * len(tones(layout)), 1).astype(np.float32)
    click = np.zeros_like(time)
    for at in clicks:
        near = np.abs(time - at) < CLICK_SECONDS / 2
        t = time[near] - at
        click[near] = _CLICK_LEVEL * np.cos(2 * np.pi * CLICK_HERTZ * t) * np.cos(np.pi * t / CLICK_SECONDS) ** 2
    channels = [
        amplitude * np.sin(2 * np.pi * hertz * time) + click * (hertz > 100) for hertz, amplitude in tones(layout)
    ]
    return np.stack(channels, 1).astype(np.float32)


def frame_times(rate: Fraction, seconds: tuple[float, float], *, variable: bool) -> np.ndarray:
    """Return when pictures are shown; of a variable rate every third comes early and every fifth is left out."""
    indices = np.arange(round(seconds[0] * rate), round(seconds[1] * rate))
    if variable:
        indices = indices[indices % 5 != 2]
    times = indices * float(1 / rate)
    return times - 0.4 / float(rate) * (indices % 3 == 1) if variable else times

"""How loud, how silent and how lively a window is, measured before it has a label, so that screening by it cannot tell the label.

Loudness: level of the whole window, 10 log10 of the mean square, in dB of full scale, so that a sine of full scale has -3 dB.
Silence: share of the window's pieces of 20 ms whose level lies below -60 dB.
Motion: mean over pixels and successive frames of the absolute difference of the gray picture, black 0 and white 1, times the frame rate:
how much of the range from black to white a pixel changes in a second. Seen at 64 x 64 points at most. Gray is (red + 2 green + blue) / 4,
or the luma of BT.601 where there is no red, green and blue.
"""

import numpy as np

LOUDNESS, SILENCE, MOTION = "loudness_db", "silence_share", "motion"
FLOOR_DB = -120.0
"""Loudness of a window of zeros; sound of 16 bits has -96 dB or more, or none."""

_PIECE_SECONDS = 0.02
_SILENT_DB = -60.0
_MOST_POINTS = 64
_WHITE_OF_RGB = 4 * 255
_WHITE_OF_LUMA = 235 - 16


def measure_sound(waveform: np.ndarray, *, sample_rate: int) -> dict[str, float]:
    """Return the measures of a window's sound by the names of their columns.

    Args:
        waveform: float (samples,) in [-1, 1].
        sample_rate: sound samples per second.
    """
    return {LOUDNESS: loudness_db(waveform), SILENCE: silence_share(waveform, sample_rate=sample_rate)}


def loudness_db(waveform: np.ndarray) -> float:
    """Return the level of a sound (samples,) in dB of full scale."""
    return float(_level_db(np.mean(np.square(waveform, dtype=np.float64))))


def silence_share(waveform: np.ndarray, *, sample_rate: int) -> float:
    """Return the share of a sound's whole pieces of 20 ms that are silent."""
    length = max(1, round(_PIECE_SECONDS * sample_rate))
    pieces = waveform[: max(1, len(waveform) // length) * length].reshape(-1, min(length, len(waveform)))
    return float(np.mean(_level_db(np.mean(np.square(pieces, dtype=np.float64), axis=1)) < _SILENT_DB))


def motion(frames: np.ndarray, *, frame_rate: float) -> float | None:
    """Return how much the picture changes in a second; none for a single frame.

    Args:
        frames: uint8 (frames, height, width, 3), or planes of YUV 4:2:0, (frames, 3 height / 2, width).
        frame_rate: frames per second.
    """
    if len(frames) < 2:
        return None
    gray, white = _gray(frames)
    return float(np.abs(gray[1:] - gray[:-1]).mean() / white * frame_rate)


def _gray(frames: np.ndarray) -> tuple[np.ndarray, int]:
    """Return gray int16 (frames, points, points), and by how much white is above black."""
    if frames.ndim == 3:
        luma = frames[:, : frames.shape[1] * 2 // 3]
        return _points(luma).astype(np.int16), _WHITE_OF_LUMA
    points = _points(frames)
    gray = points[..., 1].astype(np.int16)
    gray *= 2  # in place: a quarter of the time of one sum
    gray += points[..., 0]
    gray += points[..., 2]
    return gray, _WHITE_OF_RGB


def _points(frames: np.ndarray) -> np.ndarray:
    step = -(-max(frames.shape[1:3]) // _MOST_POINTS)
    return frames[:, ::step, ::step]


def _level_db(power: np.ndarray | np.floating) -> np.ndarray:
    return 10 * np.log10(np.maximum(power, 10 ** (FLOOR_DB / 10)))

"""Fingerprints of sound, by which copies of a recording are told whatever codec, size or trim.

Sub-fingerprints after Haitsma and Kalker, A Highly Robust Audio Fingerprinting System (ISMIR 2002): 32 bits a hop, each the sign of
the change in time of the difference between neighboring bands. Two files are copies if, at one lag, few enough bits differ. Differs
from the paper in hop (32 ms instead of 11.6 ms, as whole files are compared) and in that silent hops are left out.
"""

from typing import Any

import numpy as np

SAMPLE_RATE = 8000
LONGEST_SECONDS = 60.0
_WINDOW, _HOP, _NUM_BANDS = 2048, 256, 33
_SHARE_OF_DIFFERENT_BITS = 0.25
_FEWEST_HOPS = 30
_SILENCE = 1e-8
_AT_ONCE = 16
"""Windows transformed at once; new memory for all takes three times as long."""

_HANN = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_WINDOW) / _WINDOW)).astype(np.float32)
_EDGES = np.searchsorted(np.fft.rfftfreq(_WINDOW, 1 / SAMPLE_RATE), np.geomspace(300, 3000, _NUM_BANDS + 1))


def fingerprint(waveform: np.ndarray) -> np.ndarray:
    """Return uint32 (hops,) sub-fingerprints of a sound float32 (samples,) at 8 kHz; 0 where it is silent."""
    if len(waveform) < _WINDOW + _HOP:
        return np.zeros(0, np.uint32)
    windows = np.lib.stride_tricks.sliding_window_view(waveform, _WINDOW)[::_HOP]
    bands = _bands(windows)
    change = np.diff(np.diff(bands, axis=1), axis=0)
    codes = np.packbits(change > 0, axis=1, bitorder="little").view("<u4")[:, 0]
    loud = bands.sum(axis=1) / _WINDOW**2 > _SILENCE
    return np.where(loud[1:] & loud[:-1], codes, 0).astype(np.uint32)


def _bands(windows: np.ndarray) -> np.ndarray:
    """Return the power (windows, bands) of windows of sound, some at a time in the same memory."""
    bands = np.empty((len(windows), _NUM_BANDS), np.float32)
    weighted = np.empty((_AT_ONCE, _WINDOW), np.float32)
    spectrum: Any = np.empty((_AT_ONCE, _WINDOW // 2 + 1), np.complex64)
    for begin in range(0, len(windows), _AT_ONCE):
        some = windows[begin : begin + _AT_ONCE]
        np.multiply(some, _HANN, out=weighted[: len(some)])
        np.fft.rfft(weighted[: len(some)], axis=1, out=spectrum[: len(some)])  # type: ignore[arg-type]
        heard = spectrum[: len(some), _EDGES[0] : _EDGES[-1]]
        power = heard.real**2 + heard.imag**2
        np.add.reduceat(power, _EDGES[:-1] - _EDGES[0], axis=1, out=bands[begin : begin + len(some)])
    return bands


def same_recording(first: np.ndarray, second: np.ndarray, *, lag: int) -> bool:
    """Return whether two fingerprints agree where they overlap, `second` starting `lag` hops into `first`."""
    begin, end = max(0, lag), min(len(first), len(second) + lag)
    if end - begin < _FEWEST_HOPS:
        return False
    one, other = first[begin:end], second[begin - lag : end - lag]
    heard = (one != 0) & (other != 0)
    if heard.sum() < _FEWEST_HOPS:
        return False
    different = np.bitwise_count(one[heard] ^ other[heard]).mean() / (_NUM_BANDS - 1)
    return bool(different < _SHARE_OF_DIFFERENT_BITS)

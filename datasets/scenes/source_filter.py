"""Source-filter synthesis: a pulse train and noise, shaped by spectra that change over time."""

import numpy as np

HOPS_PER_SECOND = 100


def hop_seconds(seconds: float) -> np.ndarray:
    """The times at which spectra are given, in seconds from zero past the end."""
    return np.arange(int(seconds * HOPS_PER_SECOND) + 2) / HOPS_PER_SECOND


def bin_frequencies(sample_rate: int) -> np.ndarray:
    """The frequencies at which spectra are given, in Hz, from zero to half the sample rate."""
    hop = sample_rate // HOPS_PER_SECOND
    return np.arange(hop + 1) * (0.5 * sample_rate / hop)


def pulse_train(pitch_hz: np.ndarray, *, sample_rate: int) -> np.ndarray:
    """One pulse a period of a pitch (samples,), each of the same energy a second, float32 (samples,)."""
    phase = np.cumsum(pitch_hz / sample_rate)
    begins = np.flatnonzero(np.diff(np.floor(phase), prepend=0.0) > 0)
    pulses = np.zeros(len(pitch_hz), np.float32)
    pulses[begins] = np.sqrt(sample_rate / np.maximum(pitch_hz[begins], 1.0))
    return pulses


def resonance(frequencies_hz: np.ndarray, center_hz: np.ndarray, bandwidth_hz: float) -> np.ndarray:
    """Gains (hops, bins) of a resonator whose center (hops,) moves; one at zero."""
    square = (center_hz**2)[:, None]
    away = square - frequencies_hz**2
    return square / np.sqrt(away**2 + (bandwidth_hz * frequencies_hz) ** 2 + 1e-6)


def band(frequencies_hz: np.ndarray, center_hz: np.ndarray, octaves: float) -> np.ndarray:
    """Gains (hops, bins) of a band of this width on either side of a moving center (hops,)."""
    return np.exp(-0.5 * (np.log2(np.maximum(frequencies_hz, 20.0) / center_hz[:, None]) / octaves) ** 2)


def filter_over_time(source: np.ndarray, gains: np.ndarray, level: np.ndarray, *, sample_rate: int) -> np.ndarray:
    """A source (samples,) whose spectrum follows gains (hops, bins) and whose loudness follows level (hops,).

    Gains of each hop are scaled to the same power, so that the level alone says how loud a white source becomes.
    """
    hop = sample_rate // HOPS_PER_SECOND
    num_hops, window = len(gains), np.sin(np.pi * (np.arange(2 * hop) + 0.5) / (2 * hop)).astype(np.float32)
    # Frame k is centered on time k / 100: the nearest sample, since a hop is rounded down to whole samples.
    begins = np.round(np.arange(num_hops) * sample_rate / HOPS_PER_SECOND).astype(int)
    padded = np.concatenate([np.zeros(hop), source, np.zeros(4 * hop)]).astype(np.float32)
    begins = begins[begins + 2 * hop <= len(padded)]
    gains, level = gains[: len(begins)], level[: len(begins)]
    frames = padded[begins[:, None] + np.arange(2 * hop)] * window
    power = np.sqrt(np.mean(gains**2, axis=1))
    scaled = (gains * (level / np.maximum(power, 1e-9))[:, None]).astype(np.float32)
    frames = np.fft.irfft(np.fft.rfft(frames) * scaled, 2 * hop).astype(np.float32) * window
    out = np.zeros(len(padded) + 2 * hop, np.float32)
    for first in (0, 1):
        places = begins[first::2, None] + np.arange(2 * hop)
        out[places] += frames[first::2]
    return out[hop : hop + len(source)]

"""Log-mel spectrograms in data workers, in plain numpy: importing torch would cost memory, and librosa seconds in every worker.

`models/frontends/log_mel.py` computes the same on the device; tests hold both against librosa.
"""

import dataclasses
import functools

import numpy as np

from infra.errors import InputError, refuse_outside

LOG_FLOOR = 1e-6


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class LogMelConfig:
    """Sizes of the spectrogram."""

    num_bins: int = 64
    """Mel bins."""
    window_ms: float = 32.0
    """Length of the analysis window."""
    hop_ms: float = 16.0
    """Step from one hop to the next."""

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        refuse_outside("log_mel.num_bins", self.num_bins, 1, 4096)
        refuse_outside("log_mel.window_ms", self.window_ms, 0.1, 10_000)
        refuse_outside("log_mel.hop_ms", self.hop_ms, 0.1, 10_000)

    def refuse_sound(self, num_samples: int, sample_rate: int) -> None:
        """Refuse sound of which there is no such spectrogram.

        Raises:
            InputError: If there is not one hop, or there are more bins than frequencies.
        """
        window = self.window_samples(sample_rate)
        if min(window, self.hop_samples(sample_rate)) < 1 or num_samples < window:
            raise InputError(
                f"sample_rate: {sample_rate} gives a clip of {num_samples} samples, too few for log_mel.window_ms {self.window_ms:g} and "
                f"log_mel.hop_ms {self.hop_ms:g}; give a higher rate, a longer clip or a shorter window"
            )
        if self.num_bins > window // 2 + 1:
            raise InputError(
                f"log_mel.num_bins: {self.num_bins} is more than the {window // 2 + 1} frequencies of a window of {window} samples; "
                "give fewer bins, a longer window or a higher sample_rate"
            )

    def window_samples(self, sample_rate: int) -> int:
        """Return the window in samples."""
        return round(self.window_ms * sample_rate / 1000)

    def hop_samples(self, sample_rate: int) -> int:
        """Return the hop in samples."""
        return round(self.hop_ms * sample_rate / 1000)

    def num_hops(self, num_samples: int, sample_rate: int) -> int:
        """Return how many whole windows fit: nothing is padded, so that edges carry no trace of the cut."""
        return 1 + (num_samples - self.window_samples(sample_rate)) // self.hop_samples(sample_rate)


def log_mel(waveform: np.ndarray, *, sample_rate: int, config: LogMelConfig) -> np.ndarray:
    """Return log(mel power + 1e-6), float32 (bins, hops), of a float waveform (samples,) in [-1, 1].

    Slaney's mel scale and area normalization, Hann window, no padding at the edges.
    """
    window = config.window_samples(sample_rate)
    pieces = np.lib.stride_tricks.sliding_window_view(waveform, window)[:: config.hop_samples(sample_rate)]
    spectrum = np.fft.rfft(pieces * _hann(window))
    power = spectrum.real**2 + spectrum.imag**2
    mel = mel_filters(config.num_bins, window, sample_rate) @ power.T
    return np.log(mel + LOG_FLOOR).astype(np.float32)


@functools.cache
def mel_filters(num_bins: int, window: int, sample_rate: int) -> np.ndarray:
    """Return Slaney's filters (bins, frequencies): triangles of equal area between neighbors, up to half the sample rate."""
    corners = _hertz(np.linspace(0, _mel(sample_rate / 2), num_bins + 2))
    frequencies = np.fft.rfftfreq(window, 1 / sample_rate)
    gaps = np.diff(corners)[:, None]
    rising = (frequencies - corners[:-2, None]) / gaps[:-1]
    falling = (corners[2:, None] - frequencies) / gaps[1:]
    return np.maximum(0, np.minimum(rising, falling)) * 2 / (gaps[:-1] + gaps[1:])


@functools.cache
def _hann(window: int) -> np.ndarray:
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)


def _mel(hertz: float) -> float:
    """Return a place on Slaney's scale: 15 steps up to 1 kHz, then 27 for every factor of 6.4."""
    return hertz * 15 / 1000 if hertz < 1000 else 15 + 27 * float(np.log(hertz / 1000) / np.log(6.4))


def _hertz(mel: np.ndarray) -> np.ndarray:
    return np.where(mel < 15, mel * 1000 / 15, 1000 * 6.4 ** ((mel - 15) / 27))

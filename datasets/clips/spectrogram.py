"""Log-mel spectrograms in data workers, by librosa, where importing torch would cost memory.

`models/frontends/log_mel.py` computes the same on the device; a test holds the two against each other.
"""

import dataclasses

import librosa
import numpy as np

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
    mel = librosa.feature.melspectrogram(
        y=waveform,
        sr=sample_rate,
        n_fft=window,
        hop_length=config.hop_samples(sample_rate),
        center=False,
        power=2.0,
        n_mels=config.num_bins,
    )
    return np.log(mel + LOG_FLOOR).astype(np.float32)

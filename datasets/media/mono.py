"""Sound of any layout as one channel: the mean of its channels, which stays within full scale where they do."""

import av
import numpy as np
from av.audio.resampler import AudioResampler


class Mono:
    """Sound of one format, layout and rate, resampled, as the mean of its channels.

    FFmpeg's own mix to one channel keeps the power of unrelated channels: equal channels come out 3 dB (stereo) to 13 dB (7.1) louder,
    beyond full scale.

    Args:
        sample_rate: samples per second of what comes out.
    """

    def __init__(self, sample_rate: int) -> None:
        self._resampler = AudioResampler(format="flt", rate=sample_rate)  # packed: PyAV crashes on eight planes

    def add(self, frame: av.AudioFrame) -> list[np.ndarray]:
        """Return the next pieces, float32 (samples,).

        Raises:
            av.error.FFmpegError: If the sound cannot be resampled.
            ValueError: If it is of another kind than before.
        """
        return [_mean(piece) for piece in self._resampler.resample(frame)]

    def finish(self) -> list[np.ndarray]:
        """Return the last pieces."""
        return [_mean(piece) for piece in self._resampler.resample(None)]


def _mean(piece: av.AudioFrame) -> np.ndarray:
    samples = piece.to_ndarray()[0]
    channels = piece.layout.nb_channels
    return samples if channels == 1 else samples.reshape(-1, channels).mean(axis=1)

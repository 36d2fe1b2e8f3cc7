"""Sound of any layout as one channel: the mean of its channels, which stays within full scale where they do."""

import av
import numpy as np
from av.audio.fifo import AudioFifo
from av.audio.resampler import AudioResampler


class Mono:
    """Sound of one format, layout and rate without a gap, resampled, as the mean of its channels.

    FFmpeg's own mix to one channel keeps the power of unrelated channels: equal channels come out 3 dB (stereo) to 13 dB (7.1) louder,
    beyond full scale.

    Args:
        sample_rate: samples per second of what comes out.
        at_once: samples of the file that are resampled together; frame by frame takes twice the time.
    """

    def __init__(self, sample_rate: int, *, at_once: int = 1) -> None:
        self._at_once = at_once
        self._waiting = AudioFifo()
        self._resampler = AudioResampler(format="flt", rate=sample_rate)  # packed: PyAV crashes on eight planes

    def add(self, frame: av.AudioFrame) -> list[np.ndarray]:
        """Take the next frame; return the pieces, float32 (samples,), that are ready.

        Raises:
            av.error.FFmpegError: If the sound cannot be resampled.
            ValueError: If it is of another kind than before.
        """
        frame.pts = None
        self._waiting.write(frame)
        return self._resampled() if self._waiting.samples >= self._at_once else []

    def finish(self) -> list[np.ndarray]:
        """Return the last pieces."""
        return self._resampled() + [_mean(piece) for piece in self._resampler.resample(None)]

    def _resampled(self) -> list[np.ndarray]:
        frame = self._waiting.read() if self._waiting.samples else None
        return [] if frame is None else [_mean(piece) for piece in self._resampler.resample(frame)]


def kind_of(frame: av.AudioFrame) -> tuple[str, str, int]:
    """Return format, layout and rate: sound of another kind needs another `Mono`."""
    return frame.format.name, frame.layout.name, frame.sample_rate


def _mean(piece: av.AudioFrame) -> np.ndarray:
    samples = piece.to_ndarray()[0]
    channels = piece.layout.nb_channels
    return samples if channels == 1 else samples.reshape(-1, channels).mean(axis=1)

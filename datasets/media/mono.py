"""Sound of any layout as one channel: the mean of its channels, which stays within full scale where they do."""

import av
import numpy as np
from av.audio.fifo import AudioFifo
from av.audio.resampler import AudioResampler

_FULL_SCALE = 32766.5 / 32768
_BELOW_FULL_SCALE = 32766 / 32768
_NEAR_SECONDS = 0.001


class Mono:
    """Sound of one format, layout and rate without a gap, resampled, as the mean of its channels.

    FFmpeg's own mix to one channel keeps the power of unrelated channels: equal channels come out 3 dB (stereo) to 13 dB (7.1) louder,
    beyond full scale.

    Args:
        sample_rate: samples per second of what comes out.
        at_once: samples of the file that are resampled together; frame by frame takes twice the time.
    """

    def __init__(self, sample_rate: int, *, at_once: int = 1) -> None:
        self._at_once, self._rate = at_once, sample_rate
        self._waiting = AudioFifo()
        self._resampler = AudioResampler(format="flt", rate=sample_rate)  # packed: PyAV crashes on eight planes
        self._recent: list[tuple[int, av.AudioFrame]] = []
        self._num_in = self._num_out = 0

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
        return self._resampled() + [self._limited(_mean(piece)) for piece in self._resampler.resample(None)]

    def _resampled(self) -> list[np.ndarray]:
        frame = self._waiting.read() if self._waiting.samples else None
        if frame is None:
            return []
        self._recent = [*self._recent[-1:], (self._num_in, frame)]
        self._num_in += frame.samples
        return [self._limited(_mean(piece)) for piece in self._resampler.resample(frame)]

    def _limited(self, samples: np.ndarray) -> np.ndarray:
        """Return samples that are at full scale only where a channel of the source is: filters overshoot beside loud samples."""
        full = np.flatnonzero(np.abs(samples) >= _FULL_SCALE)
        if full.size:
            loud = self._loud_seconds()
            near = np.abs((self._num_out + full)[:, None] / self._rate - loud).min(axis=1, initial=np.inf)
            alone = full[near > _NEAR_SECONDS]
            samples[alone] = np.sign(samples[alone]) * _BELOW_FULL_SCALE
        self._num_out += len(samples)
        return samples

    def _loud_seconds(self) -> np.ndarray:
        """Return when a channel was at full scale in what was read last, in seconds from the first sample on."""
        found = [np.zeros(0)]
        for first, frame in self._recent:
            frame.pts = None
            (packed,) = AudioResampler(format="flt").resample(frame)
            peaks = np.abs(packed.to_ndarray()[0].reshape(frame.samples, -1)).max(axis=1)
            found.append((first + np.flatnonzero(peaks >= _FULL_SCALE)) / frame.sample_rate)
        return np.concatenate(found)


def kind_of(frame: av.AudioFrame) -> tuple[str, str, int]:
    """Return format, layout and rate: sound of another kind needs another `Mono`."""
    return frame.format.name, frame.layout.name, frame.sample_rate


def _mean(piece: av.AudioFrame) -> np.ndarray:
    samples = piece.to_ndarray()[0]
    channels = piece.layout.nb_channels
    return samples if channels == 1 else samples.reshape(-1, channels).mean(axis=1)

"""The sound of a file, heard while its packets are read for something else."""

import time

import av
import numpy as np

from datasets.media.mono import Mono, kind_of
from datasets.media.probe import MediaError, decoded
from datasets.media.timeline import HOLE_SECONDS

_REANCHOR_SECONDS = 0.010
_AT_ONCE = 16384


class Listener:
    """Gathers mono sound from packets: a gap between time stamps is silence, a hole is left out, a packet that cannot be decoded is passed over.

    `seconds` is the time that this has taken.
    """

    def __init__(self, *, sample_rate: int, longest_seconds: float) -> None:
        self._rate = sample_rate
        self._longest = round(longest_seconds * sample_rate)
        self._stretch: Mono | None = None
        self._kind: tuple[str, str, int] | None = None
        self._tick = 0.0
        self._pieces: list[np.ndarray] = []
        self._num_samples = 0
        self._expected = 0.0
        self.seconds = 0.0

    def hear(self, packet: av.Packet) -> None:
        """Take the next packet of the sound."""
        if self._num_samples >= self._longest:
            return
        began = time.perf_counter()
        for frame in decoded(packet)[0]:
            if isinstance(frame, av.AudioFrame) and frame.pts is not None:
                self._add(frame, frame.pts)
        self.seconds += time.perf_counter() - began

    def sound(self) -> np.ndarray:
        """Return mono sound float32 (samples,), from the first frame on.

        Raises:
            MediaError: If a sample is NaN or infinite.
        """
        self._finish_stretch()
        sound = np.concatenate(self._pieces)[: self._longest] if self._pieces else np.zeros(0, np.float32)
        if not np.isfinite(sound).all():
            raise MediaError("fingerprint", "sound is not finite", "floating-point samples with NaN or infinity")
        return sound

    def _add(self, frame: av.AudioFrame, pts: int) -> None:
        kind = kind_of(frame)
        if self._kind != kind:
            self._kind, self._tick = kind, float(frame.time_base or 0)
            self._finish_stretch()
        gap = pts * self._tick - self._expected
        if self._stretch is None or abs(gap) > _REANCHOR_SECONDS:
            self._finish_stretch()
            if self._pieces and 0 < gap <= HOLE_SECONDS:
                self._keep([np.zeros(round(gap * self._rate), np.float32)])
            self._stretch, self._expected = Mono(self._rate, at_once=_AT_ONCE), pts * self._tick
        self._expected += frame.samples / frame.sample_rate
        self._keep(self._stretch.add(frame))

    def _finish_stretch(self) -> None:
        if self._stretch is not None:
            self._keep(self._stretch.finish())
            self._stretch = None

    def _keep(self, pieces: list[np.ndarray]) -> None:
        self._pieces += pieces
        self._num_samples += sum(len(piece) for piece in pieces)

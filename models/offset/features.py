"""Features of which the offset is read: those of a trained coincidence network, or, without a model, motion and loudness.

Both give picture (views, features, moments, cells), centered over time, and sound (features, fine moments), on the clock of
`moments_per_second`; moments are seconds from the first frame, or from the first hop, on.
"""

import math
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from models.blocks.time_alignment import align_time
from models.coincidence import Coincidence
from models.frontends.augmentation import center_crop, scale_frames
from models.metrics.motion_loudness import cell_motion
from models.offset.curve import PHASES, evidence_by_lag

_LEAST_SPREAD = 0.05
"""Of the logarithm of motion, and of loudness: what changes less says less."""
_DELAY_SECONDS = 0.05
"""Delays of features are shorter."""


@runtime_checkable
class OffsetFeatures(Protocol):
    """What is compared, and what was measured of it on drawn scenes."""

    moments_per_second: float
    gain: float
    """Of the soft maximum over cells."""
    sharpness: float
    """By which evidence, in units of its spread over lags, becomes the logarithm of a probability."""
    blur_seconds: float
    """Standard deviation of the error that remains where evidence is plenty."""
    least_peak: float
    """Evidence of the best lag, in units of its spread, below which it says nothing: that of sound from off screen is smaller."""
    delay_seconds: float
    """How late sound in sync seems, where pictures are shown at the moments they were taken."""

    def see(
        self, frames: UInt8[np.ndarray, "frames height width 3"], *, frame_rate: float, moments: list[float]
    ) -> Tensor:
        """Return features of the picture (views, features, moments, cells)."""
        ...

    def hear(self, log_mel: Float[np.ndarray, "bins hops"], *, moments: list[float]) -> Tensor:
        """Return features of the sound (features, moments)."""
        ...


class Slide:
    """Sound slid over pictures of one length by one set of lags.

    Args:
        features: What is compared.
        seconds: Length of the picture.
        max_offset_seconds: Largest lag on each side; some more are tried, as delays are taken off.
        shown_seconds: How long a frame is shown.
    """

    def __init__(
        self, features: OffsetFeatures, *, seconds: float, max_offset_seconds: float, shown_seconds: float
    ) -> None:
        self.features = features
        rate, fine = features.moments_per_second, PHASES * features.moments_per_second
        count = math.floor(seconds * rate + 1e-6)
        reach = PHASES * math.ceil((max_offset_seconds + _DELAY_SECONDS) * rate)
        self.moments = [(moment + 0.5) / rate for moment in range(count)]
        self.heard = 0.5 / rate + (np.arange(PHASES * count + 2 * reach) - reach) / fine
        """When the sound is read, in seconds from the picture's begin on."""
        self.lags = np.arange(-reach, reach + 1) / fine - (features.delay_seconds - shown_seconds / 2)
        """Lags (lags,) in seconds, above zero where the sound is late."""

    def see(self, frames: UInt8[np.ndarray, "frames height width 3"], *, frame_rate: float) -> Tensor:
        """Return features of a picture (views, features, moments, cells)."""
        return self.features.see(frames, frame_rate=frame_rate, moments=self.moments)

    def evidence(
        self,
        picture: Float[Tensor, "views features moments cells"],
        log_mel: Float[np.ndarray, "bins hops"],
        *,
        begin: float,
        known: Bool[np.ndarray, " heard"],
    ) -> Float[np.ndarray, " lags"]:
        """Return the evidence at every lag of a sound whose first hop begins so many seconds after the picture's first frame.

        Args:
            picture: What `see` returned.
            log_mel: Spectrogram of the sound.
            begin: Seconds, below zero where the sound begins earlier.
            known: At which of the times `heard` there is sound.
        """
        sound = self.features.hear(log_mel, moments=(self.heard - begin).tolist())
        curve = evidence_by_lag(sound, picture, torch.as_tensor(known), gain=self.features.gain)
        # The last phases of the last moment have no lag of their own.
        return curve[: len(self.lags)].double().numpy()


class NetworkFeatures:
    """Features of a coincidence network.

    Args:
        network: In evaluation mode.
        crop_size: Height and width that it sees.
    """

    gain, sharpness, blur_seconds, least_peak = 30.0, 1.2, 0.0075, 6.5
    _RESIDUAL_SECONDS = 0.007

    def __init__(self, network: Coincidence, *, crop_size: int) -> None:
        self._network, self._crop_size = network, crop_size
        self.moments_per_second = network.moments_per_second
        # Frames of its training were shown half a frame, on average, before the moments that they counted for.
        self.delay_seconds = 0.5 / network.frame_rate + self._RESIDUAL_SECONDS

    def see(
        self, frames: UInt8[np.ndarray, "frames height width 3"], *, frame_rate: float, moments: list[float]
    ) -> Tensor:
        """Return features of the picture (views, features, moments, cells)."""
        network = self._network
        video = scale_frames(center_crop(torch.as_tensor(frames)[None], size=self._crop_size))
        features = network.encode_motion(network.motion(video, frame_rate=frame_rate, moments=moments))[0]
        return features.unflatten(0, (-1, network.num_features)).flatten(3)

    def hear(self, log_mel: Float[np.ndarray, "bins hops"], *, moments: list[float]) -> Tensor:
        """Return features of the sound (features, moments)."""
        bands = torch.as_tensor(log_mel)[None]
        phases = [self._network.encode_audio(bands, moments=moments[phase::PHASES])[0] for phase in range(PHASES)]
        return torch.stack(phases, dim=-1).flatten(1)


class MotionLoudness:
    """Logarithm of the motion of every cell, and of the loudness: nothing is learned.

    Args:
        hop_seconds: From one hop of the spectrogram to the next.
        window_seconds: What a hop covers.
    """

    moments_per_second = 15.0
    gain, sharpness, blur_seconds, least_peak = 40.0, 2.5, 0.012, 4.2
    delay_seconds = 0.017
    _APART_SECONDS = 1 / 15

    def __init__(self, *, hop_seconds: float, window_seconds: float) -> None:
        self._hop_seconds, self._window_seconds = hop_seconds, window_seconds

    def see(
        self, frames: UInt8[np.ndarray, "frames height width 3"], *, frame_rate: float, moments: list[float]
    ) -> Tensor:
        """Return the motion of every cell by its spread (1, 1, moments, cells)."""
        apart = min(max(1, round(frame_rate * self._APART_SECONDS)), len(frames) - 1)
        motion = torch.as_tensor(cell_motion(frames, apart=apart), dtype=torch.float32).flatten(1)
        centers = [(frame + (apart + 1) / 2) / frame_rate for frame in range(len(motion))]
        return _by_spread(align_time(motion.T[None], centers=centers, targets=moments)[0]).T[None, None]

    def hear(self, log_mel: Float[np.ndarray, "bins hops"], *, moments: list[float]) -> Tensor:
        """Return the loudness by its spread (1, moments)."""
        power = torch.as_tensor(log_mel).exp().sum(dim=0).log()[None, None]
        centers = [hop * self._hop_seconds + self._window_seconds / 2 for hop in range(power.shape[2])]
        phases = [align_time(power, centers=centers, targets=moments[phase::PHASES])[0] for phase in range(PHASES)]
        return _by_spread(torch.stack(phases, dim=-1).flatten(1))


def _by_spread(values: Float[Tensor, "series moments"]) -> Float[Tensor, "series moments"]:
    centered = values - values.mean(dim=1, keepdim=True)
    return centered / (centered.square().mean(dim=1, keepdim=True).sqrt() + _LEAST_SPREAD)

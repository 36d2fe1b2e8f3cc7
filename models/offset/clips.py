"""Evidence over lags of stored clips: the one form in which every method answers by how much the sound of a clip is late."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, UInt8

from models.coincidence import Coincidence
from models.offset.features import NetworkFeatures, OffsetFeatures, Slide
from models.offset.grid import OffsetGrid
from models.synchronization import Synchronization


class ClipCurves(NamedTuple):
    """Evidence of clips at every lag, for each of several sounds; and how it is read."""

    lags: Float[np.ndarray, " lags"]
    """In seconds, above zero where the sound is late."""
    evidence: Float[np.ndarray, "sounds clips lags"]
    spread: float | None
    """What it is divided by; its own spread over lags where there is none."""
    gain: float
    """By which it becomes the logarithm of a probability, as cells are weighted by."""
    blur_seconds: float
    """Standard deviation of the error that remains where evidence is plenty."""


def slide_over_clips(
    features: OffsetFeatures,
    pictures: UInt8[np.ndarray, "clips frames height width 3"],
    sounds: Sequence[Float[np.ndarray, "clips bins hops"]],
    *,
    grid: OffsetGrid,
) -> ClipCurves:
    """Curves of pictures of `grid.picture_frames` with whole sounds of clips, the picture shown as if from the clip's middle."""
    slide = Slide(
        features,
        seconds=grid.picture_frames / grid.frame_rate,
        max_offset_seconds=float(grid.seconds[-1]),
        shown_seconds=1 / grid.frame_rate,
    )
    begin = float(grid.seconds[0])
    known = (slide.heard >= begin) & (slide.heard <= begin + grid.num_frames / grid.frame_rate)
    seen = [slide.see(frames, frame_rate=grid.frame_rate) for frames in pictures]
    evidence = [
        [slide.evidence(picture, clip, begin=begin, known=known) for picture, clip in zip(seen, sound, strict=True)]
        for sound in sounds
    ]
    return ClipCurves(slide.lags, np.asarray(evidence), None, features.gain, features.blur_seconds)


class CoincidenceSynchronization(Synchronization):
    """A coincidence network that says whether clips are in sync, and whose features say by how much they are not."""

    network: Coincidence

    @property
    def offset_features(self) -> NetworkFeatures:
        """What is compared at every lag."""
        return NetworkFeatures(self.network, crop_size=self.crop_size)

    def offset_curves(self, pictures: np.ndarray, sounds: Sequence[np.ndarray], *, grid: OffsetGrid) -> ClipCurves:
        """Return the curves of pictures with each of several sounds of clips."""
        return slide_over_clips(self.offset_features, pictures, sounds, grid=grid)

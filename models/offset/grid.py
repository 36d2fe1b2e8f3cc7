"""Offset classes of stored clips: the picture is a part of the clip, so that sound of its own clip lies on both sides of it.

A clip's sound ends with the clip. Moved sound that is real is there only for a picture that is shorter: a part of about half the clip,
which begins at one of `num_classes` frames. The whole sound then holds that of every class, nothing is wrapped, filled or taken from
another window. As the sound is always the whole clip's, it says nothing of the offset alone.
"""

import dataclasses

import numpy as np

FEWEST_FRAMES = 4
"""Of a clip that has offset classes."""
_STEPS_PER_SECOND = 15.0
_LARGEST_SECONDS = 1.0


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class OffsetGrid:
    """Offset classes of a clip, evenly spaced and symmetric around zero."""

    num_frames: int
    """Frames of the clip."""
    frame_rate: float
    step_frames: int
    """Frames from one class to the next."""
    reach: int
    """Classes on each side of zero."""

    @property
    def num_classes(self) -> int:
        """Offsets that are told apart."""
        return 2 * self.reach + 1

    @property
    def picture_frames(self) -> int:
        """Frames of the picture that is compared."""
        return self.num_frames - 2 * self.reach * self.step_frames

    @property
    def step_seconds(self) -> float:
        """Time from one class to the next."""
        return self.step_frames / self.frame_rate

    @property
    def seconds(self) -> np.ndarray:
        """Offsets (classes,), above zero where the sound is late."""
        return np.arange(-self.reach, self.reach + 1) * self.step_seconds

    def first_frame(self, number: int) -> int:
        """Return where in the clip the picture begins whose sound is late by the class of that number, if it is shown as if from the middle."""
        return number * self.step_frames

    def class_of(self, seconds: np.ndarray) -> np.ndarray:
        """Return the number of the nearest class of each offset."""
        return np.clip(np.rint(seconds / self.step_seconds).astype(int) + self.reach, 0, self.num_classes - 1)


def offset_grid(*, num_frames: int, frame_rate: float) -> OffsetGrid:
    """Classes of a fifteenth of a second, or a frame where that is longer, over a quarter of the clip on each side, at most a second.

    Raises:
        ValueError: If the clip is too short for three classes.
    """
    if num_frames < FEWEST_FRAMES:
        raise ValueError(f"{num_frames} frames are too few for three offset classes; give {FEWEST_FRAMES} or more")
    step = max(1, min(round(frame_rate / _STEPS_PER_SECOND), num_frames // 4))
    reach = min(num_frames // 4, max(step, int(_LARGEST_SECONDS * frame_rate + 1e-6))) // step
    return OffsetGrid(num_frames=num_frames, frame_rate=frame_rate, step_frames=step, reach=reach)

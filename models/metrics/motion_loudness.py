"""Correlation of motion and loudness: how far one gets without learning at telling sound and picture in sync from those that are not.

The floor under every learned answer: a model that does not beat it has learned nothing that a few sums do not know.

References:
    Hershey and Movellan, Audio Vision: Using Audio-Visual Synchrony to Locate Sounds (1999).
"""

from collections.abc import Mapping

import numpy as np
import torch
from jaxtyping import Float, UInt8

from models.blocks.cells import pixel_centers
from models.blocks.time_alignment import align_time

FLOORS: Mapping[str, str] = {
    "total_loudness": "total motion with loudness",
    "cells_loudness": "best 5 of 144 cells with loudness",
    "total_rise": "total motion with rise of loudness",
    "cells_rise": "best 5 of 144 cells with rise of loudness",
}
"""Titles of the kinds of correlation, in the order of `correlations`."""

_GRID = 12
_BEST = 5
_GRAY = np.array([0.299, 0.587, 0.114], np.float32)
_STILL = 0.1
"""Added to mean absolute differences, of 255, before the logarithm."""


def cell_motion(
    frames: UInt8[np.ndarray, "frames height width 3"], *, apart: int = 1
) -> Float[np.ndarray, "steps rows columns"]:
    """Log of the mean absolute difference of gray frames so many apart, in cells of a 12x12 grid; of as many as there are pixels in smaller frames."""
    gray = frames @ _GRAY
    change = np.abs(gray[apart:] - gray[:-apart])
    for axis in (1, 2):
        length = change.shape[axis]
        edges = np.linspace(0, length, min(_GRID, length) + 1).astype(int)
        change = np.add.reduceat(change, edges[:-1], axis=axis) / np.diff(edges).reshape(-1, *[1] * (2 - axis))
    return np.log(change + _STILL)


def loudness(log_mel: Float[np.ndarray, "bins hops"], *, steps: int) -> Float[np.ndarray, " steps"]:
    """Log of the power over all bins, at the moments between `steps` + 1 frames of the same clip."""
    power = np.log(np.exp(log_mel).sum(axis=0))
    moments = [(step + 1) / (steps + 1) for step in range(steps)]
    hops = pixel_centers(len(power)).tolist()
    read = align_time(torch.as_tensor(power, dtype=torch.float32)[None, None], centers=hops, targets=moments)
    return read[0, 0].numpy()


def correlations(
    loudness: Float[np.ndarray, " steps"], motion: Float[np.ndarray, "steps rows columns"]
) -> Float[np.ndarray, " kinds"]:
    """Correlation over time of a sound's loudness, and of its rise, with a picture's total motion and that of its best cells.

    One value for each of `FLOORS`, in [-1, 1]; nothing that stays as it is correlates with anything.
    """
    total = np.log(np.exp(motion).mean(axis=(1, 2)))[:, None]
    cells = motion.reshape(len(motion), -1)
    found = []
    for sound in (loudness, np.maximum(np.diff(loudness, prepend=loudness[:1]), 0)):
        for seen in (total, cells):
            each = _unit(seen).T @ _unit(sound[:, None])[:, 0]
            found.append(np.sort(each)[-_BEST:].mean())
    return np.asarray(found)


def _unit(values: Float[np.ndarray, "steps series"]) -> Float[np.ndarray, "steps series"]:
    centered = values - values.mean(axis=0)
    return centered / np.maximum(np.linalg.norm(centered, axis=0), 1e-6)

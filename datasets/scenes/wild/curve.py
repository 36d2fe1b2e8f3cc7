"""Smooth curves over time, which move a picture and shape a sound alike."""

from dataclasses import dataclass

import numpy as np

VALUES_PER_SECOND = 100
LEAD_SECONDS = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """A quantity from `LEAD_SECONDS` before time zero to as long after the end, 100 values a second."""

    values: np.ndarray

    def at(self, times: np.ndarray) -> np.ndarray:
        """Values at these times, in seconds, interpolated linearly."""
        return np.interp((times + LEAD_SECONDS) * VALUES_PER_SECOND, np.arange(len(self.values)), self.values)


def grid(seconds: float) -> np.ndarray:
    """The times of a curve's values, in seconds."""
    return np.arange(round((seconds + 2 * LEAD_SECONDS) * VALUES_PER_SECOND)) / VALUES_PER_SECOND - LEAD_SECONDS


def through(knots: np.ndarray, values: np.ndarray, *, seconds: float) -> Curve:
    """The curve through values (n,) at knots (n,), level at each of them (raised cosines)."""
    times = grid(seconds)
    last = np.clip(np.searchsorted(knots, times, side="right") - 1, 0, len(knots) - 2)
    share = np.clip((times - knots[last]) / np.maximum(knots[last + 1] - knots[last], 1e-6), 0.0, 1.0)
    rise = 0.5 - 0.5 * np.cos(np.pi * share)
    return Curve(values[last] + rise * (values[last + 1] - values[last]))


def draw_wander(rng: np.random.Generator, low: float, high: float, *, hertz: float, seconds: float) -> Curve:
    """A random curve between low and high that turns about `hertz` times a second."""
    num_knots = int((seconds + 2 * LEAD_SECONDS) * hertz * 1.7) + 4
    knots = -LEAD_SECONDS - 1.0 / hertz + np.cumsum(rng.uniform(0.6, 1.4, num_knots)) / hertz
    return through(knots, rng.uniform(low, high, num_knots), seconds=seconds)

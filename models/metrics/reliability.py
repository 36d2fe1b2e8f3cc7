"""Reliability of probabilities: how often yes is true where it was said to be so likely, and the expected calibration error.

References:
    Naeini et al., Obtaining Well Calibrated Probabilities Using Bayesian Binning (2015), for the error.
    Nixon et al., Measuring Calibration in Deep Learning (2019), for bins of equal mass.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from models.metrics.binary import bootstrap_interval

_NUM_BINS = 10
_NUM_RESAMPLES = 1000
_FEW_CLUSTERS = 10
_NUM_PERFECT = 200


class Bin(NamedTuple):
    """Examples of about the same probability: its mean, and the share that is true with its interval over clusters."""

    said: float
    true: float
    low: float
    high: float
    num_examples: int


def reliability(
    probabilities: Float[np.ndarray, " examples"],
    targets: Float[np.ndarray, " examples"],
    *,
    clusters: Sequence[object] | np.ndarray,
    interval: bool = True,
) -> tuple[Bin, ...]:
    """Ten bins with about as many examples each, by rising probability; fewer where many examples have the same probability.

    Args:
        probabilities: Of yes, in [0, 1].
        targets: 1 for yes and 0 for no.
        clusters: The cluster (the video) of every example.
        interval: Whether 95 % intervals are computed; nan if not.
    """
    names, numbers = np.asarray(clusters), _bin(probabilities)
    found = []
    for number in np.unique(numbers):
        members = numbers == number
        low, high = (
            bootstrap_interval(targets[members], clusters=names[members], seed=0) if interval else (np.nan, np.nan)
        )
        said, true = float(probabilities[members].mean()), float(targets[members].mean())
        found.append(Bin(said, true, low, high, int(members.sum())))
    return tuple(found)


def calibration_error(probabilities: Float[np.ndarray, " examples"], targets: Float[np.ndarray, " examples"]) -> float:
    """Expected calibration error: |share that is true - mean probability|, the mean over ten bins of equal mass; nan without examples."""
    if not len(probabilities):
        return float("nan")
    sums = np.bincount(_bin(probabilities), weights=targets - probabilities)
    return float(np.abs(sums).sum() / len(probabilities))


def calibration_error_interval(
    probabilities: Float[np.ndarray, " examples"],
    targets: Float[np.ndarray, " examples"],
    *,
    clusters: Sequence[object] | np.ndarray,
) -> tuple[float, float]:
    """Basic bootstrap interval (95 %) of the expected calibration error, from resampling whole clusters.

    Resamples have larger errors than the sample, as chance adds to them; the basic interval, 2 * error - quantiles, takes that off
    again. It is cut at zero and widened to hold the error itself. Fewer than ten clusters have none: nan.
    """
    _, index = np.unique(np.asarray(clusters).astype(str), return_inverse=True)
    num_clusters = int(index.max()) + 1 if len(index) else 0
    if num_clusters < _FEW_CLUSTERS:
        return float("nan"), float("nan")
    numbers = _bin(probabilities)
    gaps = np.zeros((num_clusters, numbers.max() + 1))
    np.add.at(gaps, (index, numbers), targets - probabilities)
    counts, chance = np.bincount(index), np.random.default_rng(0)
    errors = np.empty(_NUM_RESAMPLES)
    for number in range(_NUM_RESAMPLES):
        drawn = np.bincount(chance.integers(num_clusters, size=num_clusters), minlength=num_clusters)
        errors[number] = np.abs(drawn @ gaps).sum() / (drawn @ counts)
    error = calibration_error(probabilities, targets)
    low, high = 2 * error - np.quantile(errors, [0.975, 0.025])
    return min(error, max(0.0, float(low))), max(error, float(high))


def perfect_calibration_error(probabilities: Float[np.ndarray, " examples"]) -> float:
    """What the expected calibration error is on average where the probabilities are right, from so few examples; nan without any."""
    if not len(probabilities):
        return float("nan")
    numbers, chance = _bin(probabilities), np.random.default_rng(0)
    draws = (chance.random(len(probabilities)) < probabilities for _ in range(_NUM_PERFECT))
    gaps = [np.abs(np.bincount(numbers, weights=drawn - probabilities)).sum() for drawn in draws]
    return float(np.mean(gaps) / len(probabilities))


def _bin(probabilities: np.ndarray) -> np.ndarray:
    """Number of every example's bin; equal probabilities share one."""
    if not len(probabilities):
        return np.zeros(0, int)
    edges = np.unique(np.quantile(probabilities, np.linspace(0, 1, _NUM_BINS + 1)[1:-1]))
    return np.searchsorted(edges, probabilities, side="right")

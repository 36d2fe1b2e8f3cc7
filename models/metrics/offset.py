"""Offsets that were told against offsets that are known: classes with a tolerance, errors, coverage of intervals, risk against coverage.

References:
    Iashin et al., Sparse in Space and Time (2022), for accuracy at plus or minus one class.
    El-Yaniv and Wiener, On the Foundations of Noise-free Selective Classification (2010), for risk against coverage.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Int

_NUM_RESAMPLES = 1000
_FEW_CLUSTERS = 10


def class_hits(
    told: Int[np.ndarray, " clips"], known: Int[np.ndarray, " clips"], *, tolerance: int = 0
) -> Bool[np.ndarray, " clips"]:
    """Which classes are told, or at most `tolerance` classes off."""
    return np.abs(told - known) <= tolerance


def chance_of_hit(num_classes: int, *, tolerance: int = 0) -> float:
    """Share of hits of the best answer that never changes, where all classes are equally frequent."""
    return min(1.0, (2 * tolerance + 1) / num_classes)


def share_within(errors: Float[np.ndarray, " clips"], most: float) -> float:
    """Share of errors of at most so much, in either direction; nan without any."""
    return float((np.abs(errors) <= most).mean()) if len(errors) else float("nan")


def median_error(errors: Float[np.ndarray, " clips"]) -> float:
    """Median size of errors; nan without any."""
    return float(np.median(np.abs(errors))) if len(errors) else float("nan")


def median_error_interval(
    errors: Float[np.ndarray, " clips"], *, clusters: Sequence[object] | np.ndarray
) -> tuple[float, float]:
    """Percentile interval (95 %) of the median error, from resampling whole clusters; nan with fewer than ten."""
    _, index = np.unique(np.asarray(clusters).astype(str), return_inverse=True)
    num_clusters = int(index.max()) + 1 if len(index) else 0
    if num_clusters < _FEW_CLUSTERS:
        return float("nan"), float("nan")
    order = np.argsort(np.abs(errors), kind="stable")
    sizes, members, chance = np.abs(errors)[order], index[order], np.random.default_rng(0)
    medians = np.empty(_NUM_RESAMPLES)
    for number in range(_NUM_RESAMPLES):
        drawn = np.bincount(chance.integers(num_clusters, size=num_clusters), minlength=num_clusters)
        weights = np.cumsum(drawn[members])
        medians[number] = sizes[np.searchsorted(weights, weights[-1] / 2)]
    low, high = np.quantile(medians, [0.025, 0.975])
    return float(low), float(high)


def interval_hits(
    known: Float[np.ndarray, " clips"], low: Float[np.ndarray, " clips"], high: Float[np.ndarray, " clips"]
) -> Bool[np.ndarray, " clips"]:
    """Which intervals hold what is known."""
    return (low <= known) & (known <= high)


def surest(sureness: Float[np.ndarray, " clips"], share: float) -> Int[np.ndarray, " kept"]:
    """Numbers of the clips of the highest sureness, so many of all: those that are answered at a coverage. Ties go to the earlier clip."""
    count = max(1, round(share * len(sureness))) if len(sureness) else 0
    return np.sort(np.argsort(-sureness, kind="stable")[:count])

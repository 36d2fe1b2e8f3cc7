"""How often a yes-or-no answer is right, and how sure one can be of that number."""

from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
from jaxtyping import Bool, Float

_FEW_CLUSTERS = 10


def correct(
    logits: Float[np.ndarray, " examples"], targets: Float[np.ndarray, " examples"]
) -> Bool[np.ndarray, " examples"]:
    """Whether each answer is right: yes is a logit above zero; targets are 0 or 1."""
    return (logits > 0) == (targets > 0.5)


def accuracy(logits: Float[np.ndarray, " examples"], targets: Float[np.ndarray, " examples"]) -> float:
    """Share of right answers, in [0, 1]; nan without examples.

    On all four pairings of pairs it is exactly 0.5 for whatever decides from one modality.
    """
    return float(correct(logits, targets).mean()) if len(logits) else float("nan")


def bootstrap_interval(
    values: Bool[np.ndarray, " examples"] | Float[np.ndarray, " examples"],
    *,
    clusters: Sequence[object] | np.ndarray,
    partners: Sequence[object] | np.ndarray | None = None,
    seed: int,
    confidence: float = 0.95,
    num_resamples: int = 2000,
) -> tuple[float, float]:
    """Percentile interval of the mean value, from resampling whole clusters.

    Examples of one video are not independent: videos are drawn with replacement, each with all of
    its examples, and the mean is taken over the examples drawn. Fewer than 10 clusters say too little
    about their spread to be resampled: each then counts as one answer, and the interval is Wilson's
    (1927, Probable inference, the law of succession, and statistical inference, JASA 22:209).

    Args:
        values: One value per example, as from `correct`.
        clusters: The cluster (the video) of every example.
        partners: A second cluster of every example, where it is of two videos. An example then weighs as
            often as one was drawn times as often as the other: the pigeonhole bootstrap of Owen (2007,
            The pigeonhole bootstrap, Annals of Applied Statistics 1:2), which errs on the wide side.
        seed: Seed of the resampling; equal seeds give equal intervals.
        confidence: Share of resamples inside the interval.
        num_resamples: Number of resamples.

    Returns:
        Lower and upper end; nan without examples.
    """
    if len(values) == 0:
        return float("nan"), float("nan")
    names = np.asarray(clusters).astype(str)
    others = names if partners is None else np.asarray(partners).astype(str)
    _, index = np.unique(np.concatenate([names, others]), return_inverse=True)
    first, second = np.split(index, 2)
    num_clusters = int(index.max()) + 1
    if num_clusters < _FEW_CLUSTERS:
        return _wilson_interval(float(np.mean(values)), num_clusters, confidence)
    totals, counts = np.bincount(first, weights=values), np.bincount(first)
    rng = np.random.default_rng(seed)
    means = np.full(num_resamples, np.nan)
    # One resample at a time: a table of all of them would be large for many videos.
    for number in range(num_resamples):
        drawn = np.bincount(rng.integers(num_clusters, size=num_clusters), minlength=num_clusters)
        if partners is None:
            means[number] = (totals * drawn).sum() / (counts * drawn).sum()
            continue
        weights = drawn[first] * drawn[second]
        if weights.any():
            means[number] = (values * weights).sum() / weights.sum()
    low, high = np.nanquantile(means, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def _wilson_interval(share: float, num_trials: int, confidence: float) -> tuple[float, float]:
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    shrink = 1 + z**2 / num_trials
    center = (share + z**2 / (2 * num_trials)) / shrink
    half = z / shrink * np.sqrt(share * (1 - share) / num_trials + z**2 / (4 * num_trials**2))
    return float(max(0.0, center - half)), float(min(1.0, center + half))

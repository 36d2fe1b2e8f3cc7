"""The finding of a check, and the statistical rule by which a number counts as a leak."""

import dataclasses
from statistics import NormalDist
from typing import Literal

import numpy as np

from models.metrics.binary import bootstrap_interval

Verdict = Literal["pass", "leak", "too little data"]

NUM_CHECKS = 10
LEVEL = 0.05 / (20 * NUM_CHECKS)
"""Chance of a false alarm of one check: one in twenty over twenty datasets and all checks."""
POWER = 0.8
"""Chance that a leak of the smallest detectable size is found."""

_MOST_DETECTABLE = 0.2
_FEWEST_CLUSTERS = 10


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """One check's finding; `value` is to be read against `chance`, in the same unit as `smallest_detectable`."""

    name: str
    verdict: Verdict
    value: float
    interval: tuple[float, float]
    chance: float
    smallest_detectable: float
    """The smallest distance from chance that this check would have found at its level, with power 0.8."""
    detail: str


def quantile(probability: float) -> float:
    """Return the standard normal quantile."""
    return NormalDist().inv_cdf(probability)


def detectable(standard_error: float, *, num_tests: int = 1) -> float:
    """Return the effect that a one-sided test at the checks' level finds with power 0.8."""
    return (quantile(1 - LEVEL / num_tests) + quantile(POWER)) * standard_error


def decide(excess: float, standard_error: float, *, num_tests: int = 1) -> Verdict:
    """Return the verdict on a value that lies `excess` above chance."""
    if excess > quantile(1 - LEVEL / num_tests) * standard_error:
        return "leak"
    return "pass" if detectable(standard_error, num_tests=num_tests) <= _MOST_DETECTABLE else "too little data"


def accuracy_check(name: str, right: np.ndarray, clusters: np.ndarray, *, chance: float, detail: str) -> Check:
    """Return the check of an accuracy that must not exceed chance.

    The standard error is that of independent examples or of whole clusters (recordings), whichever is larger.

    Args:
        name: the check's name.
        right: which examples are right, (examples,).
        clusters: the recording of every example.
        chance: accuracy without a leak.
        detail: what was asked.
    """
    if not len(right) or chance == 1:
        return too_little(name, chance=chance, detail=f"{detail}; {'one answer only' if len(right) else 'no examples'}")
    value = float(np.mean(right))
    names, index = np.unique(clusters, return_inverse=True)
    spread = np.bincount(index, weights=right - value)
    error = max(np.sqrt(chance * (1 - chance) / len(right)), float(np.sqrt((spread**2).sum())) / len(right))
    verdict = decide(value - chance, error) if len(names) >= _FEWEST_CLUSTERS else "too little data"
    return Check(
        name=name,
        verdict=verdict,
        value=value,
        interval=bootstrap_interval(np.asarray(right, float), clusters=clusters, seed=0),
        chance=chance,
        smallest_detectable=detectable(error),
        detail=f"{detail}; {len(right)} examples of {len(names)} recordings",
    )


def too_little(name: str, *, chance: float, detail: str) -> Check:
    """Return the finding of a check that had too little data."""
    nothing = float("nan")
    return Check(
        name=name,
        verdict="too little data",
        value=nothing,
        interval=(nothing, nothing),
        chance=chance,
        smallest_detectable=nothing,
        detail=detail,
    )

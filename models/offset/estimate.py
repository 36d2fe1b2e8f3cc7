"""Offset, its interval and the probability of being in sync, from curves of evidence over lags.

Evidence less its median, by its spread over lags (median absolute deviation), times a sharpness, is the logarithm of a probability;
blurred by what remains uncertain where evidence is plenty. Sharpness and blur were fitted on drawn scenes of known offsets. Where the
curve is flat, or has many peaks, the interval is wide: that is the answer "cannot tell".

A clock that runs at another speed makes the offset a line over time: lines are tried as offsets are, and the slope has a probability too.
"""

import dataclasses
import math

import numpy as np
import torch
from jaxtyping import Float
from torch.nn import functional

_FINE_SECONDS = 0.001
_WIDEST_SECONDS = 0.3
"""Interval above which nothing can be told."""
_COVERAGE = 0.95
_SLOPES = np.linspace(-2e-3, 2e-3, 81)
"""Seconds a second that are tried: 50 pictures a second played as 49.9 give 2e-3."""
_FLAT = 1e-6
SHARPNESSES = np.geomspace(0.05, 5.0, 21)
"""That are tried where one is fitted."""
_LEAST_DENSITY = 1e-9


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Estimate:
    """Offset in seconds at the middle of the file, with the ends of its interval, and the evidence behind it."""

    offset_seconds: float
    low_seconds: float
    high_seconds: float
    lags: np.ndarray
    """Lags (lags,) in seconds."""
    evidence: np.ndarray
    """Evidence at every lag (lags,), in units of its spread."""
    density: np.ndarray
    """Probability of every lag (lags,); sums to one."""
    stands_out: bool
    """Whether the best lag has more evidence than unrelated sound has."""
    drift: tuple[float, float, float] | None = None
    """Slope in seconds a second with the ends of its interval; None where there are too few windows."""

    @property
    def is_flat(self) -> bool:
        """Whether no lag has more evidence than others."""
        return not bool(self.evidence.any())

    @property
    def at_the_edge(self) -> bool:
        """Whether the offset may lie beyond the lags that were tried."""
        return not self.is_flat and self.offset_seconds in (float(self.lags[0]), float(self.lags[-1]))

    @property
    def is_decided(self) -> bool:
        """Whether the interval is narrow enough to say anything."""
        narrow = self.high_seconds - self.low_seconds <= _WIDEST_SECONDS
        return narrow and self.stands_out and not self.is_flat and not self.at_the_edge

    @property
    def drifts(self) -> bool:
        """Whether the slope's interval leaves out zero."""
        return self.drift is not None and self.drift[1] * self.drift[2] > 0

    def probability_between(self, low_seconds: float, high_seconds: float) -> float:
        """Return the probability of an offset between two."""
        return float(self.density[(self.lags >= low_seconds) & (self.lags <= high_seconds)].sum())


def estimate(
    curves: Float[np.ndarray, "windows lags"],
    lags: Float[np.ndarray, " lags"],
    *,
    seconds: Float[np.ndarray, " windows"],
    sharpness: float,
    blur_seconds: float,
    least_peak: float = -math.inf,
    spread: float | None = None,
) -> Estimate:
    """The offset of a file from the evidence of its windows.

    Args:
        curves: Evidence of each window at each lag.
        lags: Evenly spaced, ascending, in seconds.
        seconds: Middle of each window.
        sharpness: Of evidence in units of its spread.
        blur_seconds: Standard deviation of what remains.
        least_peak: Evidence, in units of its spread, that the best lag must have.
        spread: What evidence is divided by that is a logarithm of probabilities by itself; from others their median is taken, and they are
            divided by their own spread.
    """
    fine = np.linspace(lags[0], lags[-1], round((lags[-1] - lags[0]) / _FINE_SECONDS) + 1)
    read = _interpolate(curves, len(fine))
    total = read.mean(axis=0)
    drift = (
        _drift(read, fine, seconds - seconds.mean(), spread=spread or _spread(total), sharpness=sharpness)
        if len(curves) > 3
        else None
    )
    if drift is not None and drift[1] * drift[2] > 0:
        total = _along(read, fine, seconds - seconds.mean(), drift[0])
    evidence = _in_units(total) if spread is None else total / spread
    density = _density(evidence, sharpness=sharpness, blur_seconds=blur_seconds)
    low, high = _quantiles(fine, density, (1 - _COVERAGE) / 2, (1 + _COVERAGE) / 2)
    return Estimate(
        offset_seconds=float(fine[np.argmax(evidence)]),
        low_seconds=low,
        high_seconds=high,
        lags=fine,
        evidence=evidence,
        density=density,
        stands_out=bool(evidence.max() >= least_peak),
        drift=drift,
    )


def log_odds_of_best(
    evidence: Float[np.ndarray, "*clips lags"], lags: Float[np.ndarray, " lags"], *, gain: float, within: float
) -> Float[np.ndarray, "*clips"]:
    """Log odds that the offset lies at most so far from the best lag, if the evidence times a gain is a logarithm of probabilities."""
    logits = gain * evidence
    best = lags[evidence.argmax(axis=-1)]
    near = np.abs(lags - best[..., None]) <= within + _FINE_SECONDS / 2
    inside, outside = (np.logaddexp.reduce(np.where(part, logits, -np.inf), axis=-1) for part in (near, ~near))
    return inside - outside


def sharpness_likelihoods(
    evidence: Float[np.ndarray, "files lags"],
    lags: Float[np.ndarray, " lags"],
    known: Float[np.ndarray, " files"],
    *,
    blur_seconds: float,
) -> Float[np.ndarray, "files sharpnesses"]:
    """Log likelihood of offsets that are known, under each of `SHARPNESSES`.

    Args:
        evidence: That of each file's estimate.
        lags: Those of the estimates, in seconds.
        known: The files' offsets in seconds.
        blur_seconds: As of `estimate`.
    """
    places = np.clip(np.searchsorted(lags, known - _FINE_SECONDS / 2), 0, len(lags) - 1)
    kernel = _kernel(blur_seconds)
    around = places[:, None] + np.arange(len(kernel)) - len(kernel) // 2
    inside = (around >= 0) & (around < len(lags))
    found = np.empty((len(evidence), len(SHARPNESSES)))
    for column, sharpness in enumerate(SHARPNESSES):
        density = np.exp(sharpness * (evidence - evidence.max(axis=1, keepdims=True)))
        near = np.take_along_axis(density, around.clip(0, len(lags) - 1), axis=1) * inside
        found[:, column] = near @ kernel / density.sum(axis=1)
    return np.log(found.clip(min=_LEAST_DENSITY))


def _density(evidence: np.ndarray, *, sharpness: float, blur_seconds: float) -> np.ndarray:
    return _blurred(_normalized(sharpness * evidence), blur_seconds)


def _in_units(total: np.ndarray) -> np.ndarray:
    """Evidence less its median, by its spread over lags."""
    spread = _spread(total)
    return np.zeros(len(total)) if spread < _FLAT else (total - np.median(total)) / spread


def _interpolate(curves: Float[np.ndarray, "windows lags"], length: int) -> Float[np.ndarray, "windows fine"]:
    """Curves at finer lags, by cubic convolution."""
    grid = torch.as_tensor(curves, dtype=torch.float64)[:, None, None]
    return functional.interpolate(grid, size=(1, length), mode="bicubic", align_corners=True)[:, 0, 0].numpy()


def _spread(curve: np.ndarray) -> float:
    return 1.4826 * float(np.median(np.abs(curve - np.median(curve))))


def _along(read: np.ndarray, lags: np.ndarray, seconds: np.ndarray, slope: float) -> np.ndarray:
    """Mean of the windows' curves, each read where a line of this slope through each lag passes."""
    return np.mean([np.interp(lags + slope * at, lags, curve) for at, curve in zip(seconds, read, strict=True)], axis=0)


def _drift(
    read: np.ndarray, lags: np.ndarray, seconds: np.ndarray, *, spread: float, sharpness: float
) -> tuple[float, float, float] | None:
    """The slope and the ends of its interval, over all offsets."""
    if spread < _FLAT:
        return None
    totals = np.stack([_along(read, lags, seconds, slope) for slope in _SLOPES])
    scaled = sharpness * totals / spread
    over_offsets = scaled.max(axis=1) + np.log(np.exp(scaled - scaled.max(axis=1, keepdims=True)).sum(axis=1))
    density = _normalized(over_offsets)
    low, high = _quantiles(_SLOPES, density, (1 - _COVERAGE) / 2, (1 + _COVERAGE) / 2)
    return float(_SLOPES[np.argmax(density)]), low, high


def _normalized(logarithms: np.ndarray) -> np.ndarray:
    values = np.exp(logarithms - logarithms.max())
    return values / values.sum()


def _blurred(density: np.ndarray, blur_seconds: float) -> np.ndarray:
    kernel = _kernel(blur_seconds)
    reach = len(kernel) // 2
    wide = np.convolve(density, kernel)
    inside = wide[reach : reach + len(density)].copy()
    inside[0] += wide[:reach].sum()
    inside[-1] += wide[reach + len(density) :].sum()
    return inside


def _kernel(blur_seconds: float) -> np.ndarray:
    reach = math.ceil(4 * blur_seconds / _FINE_SECONDS)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) * _FINE_SECONDS / blur_seconds) ** 2)
    return kernel / kernel.sum()


def _quantiles(values: np.ndarray, density: np.ndarray, *shares: float) -> tuple[float, ...]:
    """Where the cumulated density, half of each value's own before it, passes shares."""
    cumulated = np.cumsum(density) - density / 2
    return tuple(float(np.interp(share, cumulated, values)) for share in shares)

"""Checks of a trained model: its answers and maps when sound or picture is foreign, missing, noise or late.

These are findings on a model, not on data: a `leak` is a model that decides from one modality or from traces of the cut: its 95 % interval
lies wholly beyond the stated limit; `too little data` is an interval that holds the limit. The smallest detectable distance from chance is the
limit and half the interval.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from infra.seeding import generator
from workflows.audit.checks.check import Check, Verdict, too_little
from workflows.audit.checks.responses import DELAYS_MS, Responses

_NUM_RESAMPLES = 400
_HALF_OF_VARIANCE = 0.5**0.5
_FEWEST_RECORDINGS = 10
_LEAST_REACTION = 0.1

Statistic = Callable[[np.ndarray], float]
"""A number from rows."""


def check_model(found: Responses) -> list[Check]:
    """Return all checks of a model from its responses."""
    return [
        _correlation_check("model: frame swap", found, found.foreign_picture, "sound"),
        _correlation_check("model: sound swap", found, found.foreign_sound, "picture"),
        _advantage(found),
        _delays(found),
        _flatness(found),
        _map_change(found),
        _reaction("model: silence", found, found.silent_evidence),
        _reaction("model: noise", found, found.noise_evidence),
        _off_screen(found),
    ]


def response_curves(found: Responses) -> dict[str, Any]:
    """Return the share of windows called out of sync by delay of the sound, and the accuracy by quarters of the shift."""
    right = (found.logits > 0) == (found.examples.target == 1)
    shifted = np.flatnonzero((found.examples.target == 0) & np.isfinite(found.shifts))
    curves: dict[str, Any] = {
        "delay_ms": list(DELAYS_MS),
        "called_out_of_step": [float((logits <= 0).mean()) for logits in found.delayed],
        "by_shift": [],
    }
    if len(shifted):
        order = shifted[np.argsort(found.shifts[shifted], kind="stable")]
        for rows in np.array_split(order, min(4, len(order))):
            low, high = found.shifts[rows[0]], found.shifts[rows[-1]]
            curves["by_shift"].append({"seconds": [float(low), float(high)], "accuracy": float(right[rows].mean())})
    return curves


def _correlation_check(name: str, found: Responses, swapped: np.ndarray, kept: str) -> Check:
    return _beyond(
        name,
        lambda rows: _correlation(found.logits[rows], swapped[rows]),
        found.example_recordings,
        limit=_HALF_OF_VARIANCE,
        detail=f"correlation of logits with those of the same {kept} and a foreign {'picture' if kept == 'sound' else 'sound'}",
    )


def _advantage(found: Responses) -> Check:
    """Return the check that the accuracy with both modalities exceeds that with the better one alone."""
    truth = found.examples.target == 1
    right = np.stack([(logits > 0) == truth for logits in (found.logits, found.gray_picture, found.silent_sound)])

    def advantage(rows: np.ndarray) -> float:
        both, sound, picture = right[:, rows].mean(axis=1)
        return float(both - max(sound, picture, 0.5))

    value, low, high = _estimate(advantage, found.example_recordings)
    both = right[0].mean()
    verdict: Verdict = "pass" if low > 0 else "leak" if both - 0.5 > high - value else "too little data"
    return _check(
        "model: above one modality",
        value,
        (low, high),
        verdict,
        found.example_recordings,
        smallest=high - value,
        detail=f"accuracy {both:.3f} less the better of sound alone {right[1].mean():.3f}, picture alone {right[2].mean():.3f} and chance",
    )


def _delays(found: Responses) -> Check:
    """Return the check that delayed sound is called out of sync like the dataset's own out-of-sync sound; a detector of cuts calls it in sync.

    How the reaction grows with the delay is in `response_curves`. It is no verdict: on scenes that are sharp in time a sound model may
    well react to one frame.
    """
    fired = found.delayed <= 0
    rejected = found.logits <= 0
    in_sync = found.examples.target == 1
    name = "model: late sound"
    if rejected[~in_sync].mean() - rejected[in_sync].mean() < _LEAST_REACTION:
        return too_little(
            name, chance=0.0, detail="the dataset's out-of-sync sound is not called so more often than the other"
        )
    reaction = fired[1:].mean(axis=0) - fired[0]
    members = np.concatenate([found.recordings, found.example_recordings])
    num_windows = len(found.recordings)

    def missing(rows: np.ndarray) -> float:
        windows, examples = rows[rows < num_windows], rows[rows >= num_windows] - num_windows
        own = rejected[examples][~in_sync[examples]].mean() - rejected[examples][in_sync[examples]].mean()
        return float(1 - reaction[windows].mean() / max(own, 1e-9))

    detail = f"part of the reaction to the dataset's out-of-sync sound that sound late by {DELAYS_MS[1]} to {DELAYS_MS[-1]} ms does not cause"
    return _beyond(name, missing, members, limit=0.5, detail=detail)


def _flatness(found: Responses) -> Check:
    """Return the check that maps differ within a frame, not only between frames and clips."""
    detail = "share of the maps' variance that lies between whole frames"
    return _beyond("model: flat maps", found.maps.variance_between_frames, found.recordings, limit=0.5, detail=detail)


def _map_change(found: Responses) -> Check:
    """Return the check that a foreign sound changes where the map points."""
    detail = "correlation over the picture of a map and that of a foreign sound"
    return _beyond(
        "model: map under foreign sound",
        lambda rows: float(found.foreign_correlation[rows].mean()),
        found.recordings,
        limit=_HALF_OF_VARIANCE,
        detail=detail,
    )


def _reaction(name: str, found: Responses, evidence: np.ndarray) -> Check:
    """Return the check that maps show little evidence under a sound that is none of the window's."""
    own = found.maps.evidence
    return _beyond(
        name,
        lambda rows: float(evidence[rows].mean() / max(own[rows].mean(), 1e-9)),
        found.recordings,
        limit=0.5,
        detail="evidence that the maps still show, as a share of that with the windows' own sound",
    )


def _off_screen(found: Responses) -> Check:
    name = "model: off-screen sound"
    hidden = found.off_screen
    if not hidden.any() or hidden.all():
        return too_little(name, chance=0.0, detail="no windows that are known to sound from off the screen")
    evidence = found.maps.evidence

    def left(rows: np.ndarray) -> float:
        seen, unseen = evidence[rows][~hidden[rows]], evidence[rows][hidden[rows]]
        return float(unseen.mean() / max(seen.mean(), 1e-9)) if len(seen) and len(unseen) else 1.0

    detail = "evidence on windows that sound from off the screen, as a share of that on the others"
    return _beyond(name, left, found.recordings, limit=0.5, detail=detail)


def _beyond(name: str, statistic: Statistic, clusters: np.ndarray, *, limit: float, detail: str) -> Check:
    """Return the check that a number, 0 for a model that uses sound and picture, does not lie beyond a limit."""
    value, low, high = _estimate(statistic, clusters)
    verdict: Verdict = "leak" if low > limit else "pass" if high < limit else "too little data"
    return _check(
        name,
        value,
        (low, high),
        verdict,
        clusters,
        smallest=limit + (high - low) / 2,
        detail=f"{detail}; limit {limit:.2f}",
    )


def _check(
    name: str,
    value: float,
    interval: tuple[float, float],
    verdict: Verdict,
    clusters: np.ndarray,
    *,
    smallest: float,
    detail: str,
) -> Check:
    num_recordings = len(np.unique(clusters))
    return Check(
        name=name,
        verdict=verdict if num_recordings >= _FEWEST_RECORDINGS else "too little data",
        value=value,
        interval=interval,
        chance=0.0,
        smallest_detectable=smallest,
        detail=f"{detail}; {num_recordings} recordings",
    )


def _estimate(statistic: Statistic, clusters: np.ndarray) -> tuple[float, float, float]:
    """Return a statistic and its 95 % interval, recordings drawn with replacement."""
    names, index = np.unique(clusters, return_inverse=True)
    members = np.split(np.argsort(index, kind="stable"), np.cumsum(np.bincount(index))[:-1])
    chance = generator("resample")
    drawn = [
        statistic(np.concatenate([members[one] for one in chance.integers(len(names), size=len(names))]))
        for _ in range(_NUM_RESAMPLES)
    ]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return statistic(np.arange(len(clusters))), float(low), float(high)


def _correlation(first: np.ndarray, second: np.ndarray) -> float:
    if first.std() < 1e-9 or second.std() < 1e-9:
        return 0.0
    return float(np.corrcoef(first, second)[0, 1])

"""Label leaks in one modality: cross-fitted probes of sound and of picture, and simple statistics of the sound."""

import numpy as np

from workflows.audit.checks.balance import balanced_check, is_balanced
from workflows.audit.checks.check import Check, accuracy_check, decide, detectable, too_little
from workflows.audit.checks.probe import cross_fit
from workflows.audit.checks.windows import Examples, Windows

_SEEDS = (0, 1)


def check_probes(windows: Windows, examples: Examples) -> list[Check]:
    """Return the checks of sound alone and of picture alone."""
    return [
        _probe("audio only", windows.log_mel, examples.sound, windows, examples),
        _probe("video only", windows.thumbnails, examples.picture, windows, examples),
    ]


def check_sound_statistics(windows: Windows, examples: Examples) -> Check:
    """Return the check of statistics that need no network: seam, edges, silence.

    The value is the area under the curve of the most telling statistic; its standard error is that of the rank-sum test
    (Hanley and McNeil 1982, Radiology 143:29, for equal distributions), divided over the number of statistics.
    """
    name = "sound statistics"
    ones, zeros = examples.target.sum(), (1 - examples.target).sum()
    if not ones or not zeros:
        return too_little(name, chance=0.5, detail="one label only")
    if is_balanced(examples.sound, examples.target):
        return balanced_check(name, chance=0.5)
    areas = {statistic: _area(values[examples.sound], examples.target) for statistic, values in windows.sounds.items()}
    worst = max(areas, key=lambda statistic: abs(areas[statistic] - 0.5))
    value = 0.5 + abs(areas[worst] - 0.5)
    error = float(np.sqrt((ones + zeros + 1) / (12 * ones * zeros)))
    # Either sign counts: two tests a statistic.
    num_tests = 2 * len(areas)
    return Check(
        name=name,
        verdict=decide(value - 0.5, error, num_tests=num_tests),
        value=value,
        interval=(value - 1.96 * error, min(1.0, value + 1.96 * error)),
        chance=0.5,
        smallest_detectable=detectable(error, num_tests=num_tests),
        detail=f"{worst} tells the label best; area under the curve of {len(areas)} statistics",
    )


def _probe(name: str, sequences: np.ndarray, rows: np.ndarray, windows: Windows, examples: Examples) -> Check:
    recordings = windows.recordings[rows]
    if is_balanced(rows, examples.target):
        return balanced_check(name, chance=0.5)
    answers = [cross_fit(sequences[rows], examples.target, recordings, num_classes=2, seed=seed) for seed in _SEEDS]
    each = [float((answer.argmax(axis=1) == examples.target).mean()) for answer in answers]
    right = np.mean(answers, axis=0).argmax(axis=1) == examples.target
    majority = max(examples.target.mean(), 1 - examples.target.mean())
    seeds = ", ".join(f"{value:.3f}" for value in each)
    return accuracy_check(name, right, recordings, chance=float(majority), detail=f"cross-fitted probe, seeds {seeds}")


def _area(values: np.ndarray, target: np.ndarray) -> float:
    """Return the area under the ROC curve, ties counted half."""
    ranks = _average_ranks(values)
    ones = int(target.sum())
    return float((ranks[target == 1].sum() - ones * (ones + 1) / 2) / (ones * (len(target) - ones)))


def _average_ranks(values: np.ndarray) -> np.ndarray:
    _, index, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[index]

"""Start positions of windows: whether they differ between labels, can be read from a modality, and can be matched across recordings."""

import dataclasses

import numpy as np

from workflows.audit.checks.balance import balanced_check, is_balanced
from workflows.audit.checks.check import LEVEL, POWER, Check, accuracy_check, quantile, too_little
from workflows.audit.checks.probe import cross_fit
from workflows.audit.checks.windows import Examples, Windows

_NUM_BINS = 4
_MOST_DETECTABLE = 0.4


def check_marginals(windows: Windows, examples: Examples) -> Check:
    """Return the check that starts of picture and of sound, and the sound's place in the codec's frame, are distributed alike for both labels.

    Chi-square test of label against start bin; the value is Cramer's V, whose chance level is its expectation without a leak, and the
    smallest detectable is how far above it V is expected at the non-centrality that the test finds with the checks' power.
    """
    name = "start marginals"
    if is_balanced(examples.picture, examples.target) and is_balanced(examples.sound, examples.target):
        return balanced_check(name, chance=0.0)
    if len(np.unique(examples.target)) < 2:
        return too_little(name, chance=0.0, detail="one label only")
    starts = {
        "picture start": windows.starts[examples.picture],
        "sound start": windows.sound_starts[examples.sound],
        "the sound's place in the codec's frame": windows.frame_places[examples.sound],
    }
    statistics = {what: _chi_square(_table(_bins(values), examples.target)) for what, values in starts.items()}
    worst = max(statistics, key=lambda what: statistics[what])
    size, freedom = len(examples.target), _NUM_BINS - 1
    critical = _chi_square_quantile(1 - LEVEL / len(starts), freedom)
    noncentrality = _noncentrality(critical, freedom)
    expected = float(np.sqrt(freedom / size))
    value = float(np.sqrt(statistics[worst] / size))
    spread = 1.96 / np.sqrt(size)
    enough = np.sqrt(noncentrality / size) < _MOST_DETECTABLE
    return Check(
        name=name,
        verdict="leak" if statistics[worst] > critical else "pass" if enough else "too little data",
        value=value,
        interval=(max(0.0, value - spread), value + spread),
        chance=expected,
        smallest_detectable=float(np.sqrt((freedom + noncentrality) / size)) - expected,
        detail=f"Cramer's V of label against {worst} in {_NUM_BINS} bins, chi-square {statistics[worst]:.1f}",
    )


def check_clocks(windows: Windows) -> list[Check]:
    """Return the checks of reading the time from sound, from picture, and of matching the two across sources.

    That a modality gives its position away is a warning, not a leak: AAC at 44.1 kHz nearly always does (SparseSync, Iashin et
    al. 2022, BMVC). It is a leak if, for a picture, the sound of another recording from about its own start can be told from one from
    its partner's start, by comparing the two read times: such a network would be right without any correspondence.
    """
    bins = _bins(windows.starts)
    share = float(np.bincount(bins).max() / len(bins))
    times, checks = {}, []
    for name, sequences in (("sound", windows.log_mel), ("picture", windows.thumbnails)):
        answers = cross_fit(sequences, bins, windows.recordings, num_classes=_NUM_BINS, seed=0)
        times[name] = np.exp(answers) @ np.arange(_NUM_BINS)
        read = accuracy_check(
            f"position from {name}",
            answers.argmax(axis=1) == bins,
            windows.recordings,
            chance=share,
            detail=f"which of {_NUM_BINS} start bins",
        )
        checks.append(_as_warning(read) if read.verdict == "leak" else read)
    checks.append(_match_clocks(windows, times["sound"], times["picture"]))
    return checks


def _as_warning(check: Check) -> Check:
    note = f"{check.detail}; readable: a warning, a leak only together with clock matching"
    return dataclasses.replace(check, verdict="pass", detail=note)


def _match_clocks(windows: Windows, heard: np.ndarray, seen: np.ndarray) -> Check:
    """Return how often a picture's read time is nearer to that of a foreign sound from its own start than from another's."""
    right, clusters = [], []
    order = np.argsort(windows.starts, kind="stable")
    places = np.empty(len(order), int)
    places[order] = np.arange(len(order))
    other_start = np.where(windows.partner >= 0, windows.partner, np.roll(np.arange(len(order)), 1))
    for row in range(len(order)):
        same = _nearest_foreign(windows, order, int(places[row]), row)
        away = _nearest_foreign(windows, order, int(places[other_start[row]]), row)
        if same < 0 or away < 0 or abs(windows.starts[row] - windows.starts[away]) < 1e-6:
            continue
        near, far = abs(seen[row] - heard[same]), abs(seen[row] - heard[away])
        right.append(0.5 if near == far else float(near < far))
        clusters.append(windows.recordings[row])
    return accuracy_check(
        "clock matching",
        np.asarray(right),
        np.asarray(clusters),
        chance=0.5,
        detail="another recording's sound from the same start, told from one from another start by read times",
    )


def _nearest_foreign(windows: Windows, order: np.ndarray, place: int, row: int) -> int:
    """Return the window nearest in start to a place in the order whose recording is another's."""
    for distance in range(1, len(order)):
        for neighbor in (place + distance, place - distance):
            if 0 <= neighbor < len(order) and windows.recordings[order[neighbor]] != windows.recordings[row]:
                return int(order[neighbor])
    return -1


def _bins(starts: np.ndarray) -> np.ndarray:
    edges = np.quantile(starts, np.linspace(0, 1, _NUM_BINS + 1)[1:-1])
    return np.searchsorted(edges, starts, side="right")


def _table(bins: np.ndarray, target: np.ndarray) -> np.ndarray:
    return np.stack([np.bincount(bins[target == label], minlength=_NUM_BINS) for label in (0, 1)]).astype(float)


def _chi_square(table: np.ndarray) -> float:
    expected = table.sum(1, keepdims=True) * table.sum(0, keepdims=True) / max(1.0, table.sum())
    return float(np.divide((table - expected) ** 2, expected, out=np.zeros_like(table), where=expected > 0).sum())


def _chi_square_quantile(probability: float, freedom: int) -> float:
    """Return the chi-square quantile by the cube-root normal approximation (Wilson and Hilferty 1931, PNAS 17:684)."""
    scale = 2 / (9 * freedom)
    return freedom * (1 - scale + quantile(probability) * np.sqrt(scale)) ** 3


def _noncentrality(critical: float, freedom: int) -> float:
    """Return the non-centrality at which the statistic exceeds `critical` with the checks' power, by a normal approximation."""
    low, high = 0.0, 1000.0
    for _ in range(60):
        middle = (low + high) / 2
        mean, spread = freedom + middle, np.sqrt(2 * (freedom + 2 * middle))
        low, high = (middle, high) if mean - quantile(POWER) * spread < critical else (low, middle)
    return high

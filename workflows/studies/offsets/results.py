"""Figures of answers about known offsets: error, coverage of the interval, and how often nothing is told."""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from models.metrics import offset as metrics
from workflows.studies.offsets.trials import errors_ms

_NEAR_MS = 100.0


def figures_of(answers: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return a row of figures for each method and kind of file."""

    def key(answer: dict[str, Any]) -> tuple[str, str]:
        return answer["method"], answer["kind"]

    return [
        {"method": method, "kind": kind, **_figures(list(group))}
        for (method, kind), group in itertools.groupby(sorted(answers, key=key), key)
    ]


def _figures(answers: list[dict[str, Any]]) -> dict[str, Any]:
    told = [answer for answer in answers if answer["verdict"] != "cannot tell"]
    late, low, high = (np.array([answer[name] for answer in told], float) for name in ("late_ms", "low_ms", "high_ms"))
    covered = metrics.interval_hits(late, low, high)
    right = [(answer["verdict"] == "in sync") == answer["in_tolerance"] for answer in told]
    every, of_told = errors_ms(answers), errors_ms(told)
    return {
        "files": len(answers),
        "median_error_ms": _rounded(metrics.median_error(every)),
        "within_100_ms": _rounded(metrics.share_within(every, _NEAR_MS), 3),
        "cannot_tell": _rounded(1 - len(told) / len(answers), 3),
        "told_within_100_ms": _rounded(metrics.share_within(of_told, _NEAR_MS), 3) if told else None,
        "told_bias_ms": _rounded(np.median(errors_ms(told))) if told else None,
        "coverage": _rounded(np.mean(covered), 3) if told else None,
        "interval_ms": _rounded(np.median([answer["high_ms"] - answer["low_ms"] for answer in told])) if told else None,
        "verdict_right": _rounded(np.mean(right), 3) if told else None,
    }


def _rounded(value: Any, digits: int = 1) -> float:
    return round(float(value), digits)


def describe(figures: Sequence[dict[str, Any]]) -> str:
    """Return the figures as a table."""
    names = list(figures[0]) if figures else []
    rows = [[name.replace("_", " ") for name in names]]
    rows += [["-" if row[name] is None else str(row[name]) for name in names] for row in figures]
    widths = [max(len(row[column]) for row in rows) for column in range(len(names))]
    return "\n".join("  ".join(word.ljust(width) for word, width in zip(row, widths, strict=True)) for row in rows)

"""Balanced windows: where each occurs as often with either label, no function of one modality predicts the label."""

import numpy as np

from workflows.audit.checks.check import Check


def is_balanced(rows: np.ndarray, target: np.ndarray) -> bool:
    """Return whether every window occurs equally often with both labels."""
    return not np.bincount(rows, weights=2 * target - 1).any()


def balanced_check(name: str, *, chance: float) -> Check:
    """Return the finding of a check that passes by construction, so that no leak is too small for it."""
    return Check(
        name=name,
        verdict="pass",
        value=chance,
        interval=(chance, chance),
        chance=chance,
        smallest_detectable=0.0,
        detail="every window occurs as often with either label: no function of it can be right more often",
    )

"""Calibration by Platt scaling: evidence becomes the logit of a probability, by a scale and an offset fitted on answers of known truth.

The order of clips by their evidence stays, and so does all that asks only for it, such as paired accuracy.

References:
    Platt, Probabilistic Outputs for Support Vector Machines (1999). Guo et al., On Calibration of Modern Neural Networks (2017).
"""

from typing import NamedTuple, TypeVar

import numpy as np
from jaxtyping import Float
from torch import Tensor

Values = TypeVar("Values", Tensor, np.ndarray, float)

_LEAST_EVIDENCE = 1e-3
_MOST_STEPS = 100
_DAMPING = 1e-9


class Calibration(NamedTuple):
    """The two numbers: calibrated logit = scale * logit + offset, with a scale above zero."""

    scale: float = 1.0
    """Inverse of the temperature."""
    offset: float = 0.0

    def apply(self, logits: Values) -> Values:
        """Return the calibrated logits."""
        return logits * self.scale + self.offset

    def undo(self, logits: Values) -> Values:
        """Return the logits that were calibrated."""
        return (logits - self.offset) / self.scale


def fit_calibration(logits: Float[np.ndarray, " examples"], targets: Float[np.ndarray, " examples"]) -> Calibration:
    """The scale and offset with the lowest cross-entropy, by Newton's method on a convex function of two numbers.

    Targets count as (yes + 1) / (yes + 2) and 1 / (no + 2), as Platt proposes, so that answers that are all right do not ask for
    an infinite scale. Where evidence is of no use, or against the truth, all probabilities are that of yes: the scale makes the largest
    logit 0.001, and is still above zero.

    Args:
        logits: Evidence in nats.
        targets: 1 for yes and 0 for no; at least one of each.
    """
    yes, no = float(targets.sum()), float((1 - targets).sum())
    wanted = np.where(targets > 0.5, (yes + 1) / (yes + 2), 1 / (no + 2))
    scale, offset = _minimize(np.stack([logits.astype(float), np.ones(len(logits))]), wanted)
    smallest = _LEAST_EVIDENCE / max(float(np.abs(logits).max()), 1e-12)
    if scale < smallest:
        scale = smallest
        (offset,) = _minimize(np.ones((1, len(logits))), wanted, fixed=scale * logits)
    return Calibration(float(scale), float(offset))


def _minimize(
    inputs: Float[np.ndarray, "weights examples"], wanted: np.ndarray, *, fixed: np.ndarray | float = 0.0
) -> Float[np.ndarray, " weights"]:
    """Weights of the inputs under which the logistic function fits best; steps are halved until they go down."""
    size = np.abs(inputs).max(axis=1, keepdims=True).clip(min=1e-12)
    inputs = inputs / size

    def loss(weights: np.ndarray) -> float:
        logits = weights @ inputs + fixed
        return float((np.logaddexp(0, logits) - wanted * logits).mean())

    weights = np.zeros(len(inputs))
    for _ in range(_MOST_STEPS):
        said = 1 / (1 + np.exp(-np.clip(weights @ inputs + fixed, -500, 500)))
        gradient = inputs @ (said - wanted) / len(wanted)
        curvature = (inputs * (said * (1 - said))) @ inputs.T / len(wanted) + _DAMPING * np.eye(len(inputs))
        step = np.linalg.solve(curvature, gradient)
        present = loss(weights)
        share = 1.0
        while loss(weights - share * step) > present and share > 1e-6:
            share /= 2
        weights = weights - share * step
        if np.abs(share * step).max() < 1e-10 * max(1.0, np.abs(weights).max()):
            break
    return weights / size[:, 0]

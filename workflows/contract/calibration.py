"""Calibration of a model: fitted on answers about held-out recordings, saved in the model's description, judged by what it does to its figures.

An evaluator of yes-or-no answers has a function `answers(rows)`, and a module that can be calibrated an attribute `calibration`, which it
applies to all that it gives. The engine knows no more of a system than these two.
"""

import dataclasses
from collections.abc import Mapping
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from infra.seeding import generator
from models.calibration import Calibration, fit_calibration
from models.metrics.reliability import (
    Bin,
    calibration_error,
    calibration_error_interval,
    perfect_calibration_error,
    reliability,
)
from workflows.contract.figure import NOTHING, Figure, Rows

FEWEST_RECORDINGS = 10
_NUM_FOLDS = 5


class Answers(NamedTuple):
    """Yes-or-no answers: logits as the network gave them, targets 0 or 1, and the recording of each; (examples,) each."""

    logits: np.ndarray
    targets: np.ndarray
    recordings: np.ndarray

    @property
    def num_recordings(self) -> int:
        """How many recordings the answers are about."""
        return len(np.unique(self.recordings))

    def of(self, chosen: np.ndarray) -> "Answers":
        """Return some of the answers."""
        return Answers(*(values[chosen] for values in self))


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class CalibrationRecord:
    """What a model's description says of its calibration."""

    scale: float
    offset: float
    dataset: str
    """Dataset of the answers that the two were fitted on."""
    fingerprint: str
    split: str
    num_recordings: int
    note: str = ""
    """Why nothing was fitted; empty where it was."""

    @property
    def numbers(self) -> Calibration:
        """Scale and offset."""
        return Calibration(self.scale, self.offset)

    def overlaps(self, fingerprint: str, split: str) -> bool:
        """Whether it was fitted on clips of a split."""
        return fingerprint == self.fingerprint and (split == self.split or "all" in (split, self.split))

    def __str__(self) -> str:
        """Say what was fitted on what."""
        if self.note:
            return f"not calibrated: {self.note}"
        return (
            f"scale {self.scale:.3f}, offset {self.offset:+.3f}, "
            f"fitted on {self.num_recordings} recordings of the {self.split} split of `{self.dataset.rsplit('/', 1)[-1]}`"
        )


def read_calibration(description: Mapping[str, Any]) -> CalibrationRecord | None:
    """Return what a model's description says of its calibration; None of one that was made without."""
    values = description.get("calibration")
    return None if values is None else CalibrationRecord(**values)


def answers_of(evaluator: ModuleType, rows: Rows) -> Answers | None:
    """Return the yes-or-no answers among what an evaluator collected; None if it asks for no such answers."""
    return evaluator.answers(rows) if hasattr(evaluator, "answers") else None


def calibrate_on(answers: Answers, *, dataset: str, fingerprint: str, split: str) -> CalibrationRecord:
    """Return the calibration that fits answers best, or the identity where they are too few or all alike."""
    note = ""
    if answers.num_recordings < FEWEST_RECORDINGS:
        note = f"{answers.num_recordings} recordings are fewer than {FEWEST_RECORDINGS}"
    elif len(np.unique(answers.targets)) < 2:
        note = "all answers are of one class"
    fitted = Calibration() if note else fit_calibration(answers.logits, answers.targets)
    return CalibrationRecord(
        scale=fitted.scale,
        offset=fitted.offset,
        dataset=dataset,
        fingerprint=fingerprint,
        split=split,
        num_recordings=answers.num_recordings,
        note=note,
    )


def cross_fitted(answers: Answers) -> np.ndarray:
    """Return calibrated logits (examples,): those of each fold of recordings by a calibration that was fitted on the others."""
    folds = folds_of(answers.recordings)
    found = np.empty(len(answers.logits))
    for fold in np.unique(folds):
        rest = answers.of(folds != fold)
        found[folds == fold] = fit_calibration(rest.logits, rest.targets).apply(answers.logits[folds == fold])
    return found


def folds_of(recordings: np.ndarray) -> np.ndarray:
    """Return the fold (examples,) that each example's recording is in, for what is fitted on the other folds."""
    names, index = np.unique(recordings, return_inverse=True)
    return generator("calibration").permutation(len(names))[index] % _NUM_FOLDS


def calibration_figures(answers: Answers, logits: np.ndarray, *, intervals: bool = True) -> list[Figure]:
    """Return expected calibration error and log loss of calibrated logits, each beside what it was before."""
    said, before = _probabilities(logits), _probabilities(answers.logits)
    changed = not np.allclose(said, before, atol=1e-5)
    targets = answers.targets
    low, high = (
        calibration_error_interval(said, targets, clusters=answers.recordings) if intervals else (NOTHING, NOTHING)
    )
    return [
        Figure(
            name="expected_calibration_error",
            title="expected calibration error",
            value=calibration_error(said, targets),
            low=low,
            high=high,
            uncalibrated=calibration_error(before, targets) if changed else NOTHING,
            ceiling=perfect_calibration_error(said),
            ceiling_title="right probabilities",
            better="lower",
            num_examples=len(logits),
            num_groups=answers.num_recordings,
        ),
        Figure(
            name="loss",
            title="loss",
            value=log_loss(logits, targets),
            uncalibrated=log_loss(answers.logits, targets) if changed else NOTHING,
            chance=float(np.log(2)),
            better="lower",
            num_examples=len(logits),
            num_groups=answers.num_recordings,
        ),
    ]


def reliability_curves(answers: Answers, logits: np.ndarray, *, intervals: bool = True) -> dict[str, tuple[Bin, ...]]:
    """Return the reliability curves of logits before and after calibration."""
    return {
        name: reliability(_probabilities(values), answers.targets, clusters=answers.recordings, interval=intervals)
        for name, values in (("uncalibrated", answers.logits), ("calibrated", logits))
    }


def log_loss(logits: np.ndarray, targets: np.ndarray) -> float:
    """Return the mean cross-entropy in nats; nan without examples."""
    return float((np.logaddexp(0, logits) - logits * targets).mean()) if len(logits) else NOTHING


def _probabilities(logits: np.ndarray) -> np.ndarray:
    return np.exp(-np.logaddexp(0, -logits.astype(float)))

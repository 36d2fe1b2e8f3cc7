"""What stops trials early, and why. A sweep that goes on is told how its earlier trials did, so that new ones are measured against them too."""

import dataclasses
import math
from collections.abc import Iterable, Sequence
from typing import Any

from ray.tune.schedulers import ASHAScheduler, FIFOScheduler, MedianStoppingRule, TrialScheduler

from tune.plan import Mode, Scheduler
from workflows.train.loop import EPOCHS_DONE

_FEWEST_TO_COMPARE = 3


def make_scheduler(
    name: Scheduler,
    *,
    metric: str,
    epochs: int,
    mode: Mode = "max",
    grace: int = 1,
    reduction_factor: int = 3,
    past: Iterable[Sequence[tuple[int, float]]] = (),
) -> TrialScheduler:
    """Return a scheduler that knows the trials that ended already.

    Args:
        name: asha keeps the best at each rung, median stops what is worse than the others' median, none stops nothing.
        metric: what trials are compared by.
        epochs: epochs of a whole trial.
        mode: whether a high or a low metric is good.
        grace: epochs after which a trial may be stopped first.
        reduction_factor: asha keeps one of so many trials, and its rungs lie so many times further apart each.
        past: of each earlier trial, the metric by epochs done.
    """
    if name == "none":
        return FIFOScheduler()
    shared: dict[str, Any] = {"metric": metric, "mode": mode, "time_attr": EPOCHS_DONE, "grace_period": grace}
    if name == "asha":
        found = _Asha(**shared, max_t=epochs, reduction_factor=reduction_factor)
    else:
        # Without the slice it takes turns between trials as long as there are too few to compare, each turn a new start.
        found = _Median(**shared, min_samples_required=_FEWEST_TO_COMPARE, min_time_slice=math.inf)  # type: ignore[arg-type]
    found.epochs = epochs
    for number, curve in enumerate(past):
        trial: Any = _PastTrial(f"past-{number}")
        found.on_trial_add(None, trial)  # type: ignore[arg-type]
        for epoch, objective in curve:
            found.on_trial_result(None, trial, {EPOCHS_DONE: epoch, metric: objective})
    return found


def rungs(*, epochs: int, grace: int, reduction_factor: int) -> list[int]:
    """Return after how many epochs ASHA compares trials."""
    found = [grace]
    while found[-1] * reduction_factor < epochs:
        found.append(found[-1] * reduction_factor)
    return [epoch for epoch in found if epoch < epochs]


def why_stopped(scheduler: TrialScheduler, trial: Any) -> str | None:
    """Return why a scheduler stopped a trial, None where it did not."""
    return getattr(scheduler, "reasons", {}).get(trial.trial_id)


@dataclasses.dataclass(frozen=True, slots=True)
class _PastTrial:
    trial_id: str


class _Sparing:
    """A scheduler that stops no trial after its last epoch, as it ends by itself then, to keep its model."""

    epochs: int

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.reasons: dict[str, str] = {}

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        if EPOCHS_DONE not in result:  # a trial whose epochs were all done before has nothing to report
            return TrialScheduler.CONTINUE
        decision = super().on_trial_result(tune_controller, trial, result)  # type: ignore[misc]
        if decision != TrialScheduler.STOP or result[EPOCHS_DONE] >= self.epochs:
            return TrialScheduler.CONTINUE
        value = f"{result[self.metric]:.3f} after epoch {result[EPOCHS_DONE]}"
        self.reasons[trial.trial_id] = f"{value} {self._why(trial, result)}"
        return decision

    def _why(self, trial: Any, result: dict[str, Any]) -> str:
        raise NotImplementedError


class _Asha(_Sparing, ASHAScheduler):
    def _why(self, trial: Any, result: dict[str, Any]) -> str:
        bracket: Any = self._trial_info[trial.trial_id]
        recorded = next(recorded for milestone, recorded in bracket._rungs if result[EPOCHS_DONE] >= milestone)
        return f"is not among the best 1/{bracket.rf:g} of {len(recorded)} trials there"


class _Median(_Sparing, MedianStoppingRule):
    def _why(self, trial: Any, result: dict[str, Any]) -> str:
        return "and all before are worse than the median of the other trials"

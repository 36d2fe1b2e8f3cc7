"""What stops trials early. A sweep that goes on is told how its earlier trials did, so that new ones are measured against them too."""

import dataclasses
import math
from collections.abc import Iterable, Sequence
from typing import Any

from ray.tune.schedulers import ASHAScheduler, FIFOScheduler, MedianStoppingRule, TrialScheduler

from tune.plan import Scheduler
from workflows.train.loop import EPOCHS_DONE, OBJECTIVE

_REDUCTION_FACTOR = 3
_FEWEST_TO_COMPARE = 3


def make_scheduler(name: Scheduler, *, epochs: int, past: Iterable[Sequence[tuple[int, float]]] = ()) -> TrialScheduler:
    """Return a scheduler that knows the trials that ended already.

    Args:
        name: asha keeps the best third at each rung, median stops what lies below the others' median, none stops nothing.
        epochs: epochs of a whole trial.
        past: of each earlier trial, the objective by epochs done.
    """
    if name == "none":
        return FIFOScheduler()
    shared: dict[str, Any] = {"metric": OBJECTIVE, "mode": "max", "time_attr": EPOCHS_DONE, "grace_period": 1}
    if name == "asha":
        found = _Asha(**shared, max_t=epochs, reduction_factor=_REDUCTION_FACTOR)
    else:
        # Without the slice it takes turns between trials as long as there are too few to compare, each turn a new start.
        found = _Median(**shared, min_samples_required=_FEWEST_TO_COMPARE, min_time_slice=math.inf)  # type: ignore[arg-type]
    found.epochs = epochs
    for number, curve in enumerate(past):
        trial: Any = _PastTrial(f"past-{number}")
        found.on_trial_add(None, trial)  # type: ignore[arg-type]
        for epoch, objective in curve:
            found.on_trial_result(None, trial, {EPOCHS_DONE: epoch, OBJECTIVE: objective})
    return found


@dataclasses.dataclass(frozen=True, slots=True)
class _PastTrial:
    trial_id: str


class _Sparing:
    """A scheduler that stops no trial after its last epoch: it ends by itself then, to keep its model."""

    epochs: int

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        if EPOCHS_DONE not in result:  # a trial whose epochs were all done before has nothing to report
            return TrialScheduler.CONTINUE
        decision = super().on_trial_result(tune_controller, trial, result)  # type: ignore[misc]
        return TrialScheduler.CONTINUE if result[EPOCHS_DONE] >= self.epochs else decision


class _Asha(_Sparing, ASHAScheduler):
    pass


class _Median(_Sparing, MedianStoppingRule):
    pass

"""Trials run by Ray Tune: as many at a time as fit, the hopeless ones stopped early, each on record."""

import functools
import logging
import math
import os
import tempfile
from collections.abc import Callable
from typing import Any

os.environ.setdefault("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")
os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")
# A trial that was killed after its last epoch has nothing to report when it goes on.
os.environ.setdefault("TUNE_DISABLE_STRICT_METRIC_CHECKING", "1")
# A process is used again once its stopped trial has ended by itself; where that takes longer, Tune drops the next trial.
os.environ.setdefault("TUNE_FUNCTION_THREAD_TIMEOUT_S", "120")

import ray.tune
from ray.tune.search import Searcher
from ray.tune.search.optuna import OptunaSearch

from infra import cluster
from infra.errors import InputError
from tune.plan import SweepPlan
from tune.schedulers import make_scheduler
from tune.space import Fields, Space
from tune.trials import (
    FAILED,
    FINISHED,
    STOPPED,
    close_run,
    environment,
    objective_curve,
    read_records,
    run_trial,
    trial_name,
    write_record,
)
from workflows.train.loop import OBJECTIVE

Progress = Callable[[dict[str, Any], int], None]
"""Takes the record of a trial that ended, and how many have."""

for _name in ("ray.tune", "ray.air"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)  # what becomes of a trial stands in its record

_DRIVER_PROCESSORS = 0.01


def run_trials(
    plan: SweepPlan,
    searcher: Searcher,
    *,
    count: int,
    max_concurrent: int,
    progress: Progress,
) -> None:
    """Run trials until `count` more have ended. One whose process dies is tried once more, then it has failed; the others go on.

    Args:
        plan: what the trials share.
        searcher: gives their fields.
        count: how many.
        max_concurrent: at most so many at a time.
        progress: is told of every trial that ends.
    """
    processors, gpus = _reserved(plan)
    past = [objective_curve(plan, record) for record in read_records(plan) if record.get("status")]
    work = functools.partial(run_trial, plan=plan, variables=environment())
    trainable = ray.tune.with_resources(work, {"cpu": processors, "gpu": gpus})
    with tempfile.TemporaryDirectory() as folder:
        ended = ray.tune.Tuner(
            trainable,
            tune_config=ray.tune.TuneConfig(
                search_alg=searcher,
                scheduler=make_scheduler(plan.scheduler, epochs=plan.config.cadence.epochs, past=past),
                num_samples=count,
                max_concurrent_trials=max_concurrent,
                reuse_actors=plan.workers_per_trial == 0,  # one that waits for workers does not end by itself
            ),
            run_config=ray.tune.RunConfig(
                name="tune",
                storage_path=folder,
                verbose=0,
                failure_config=ray.tune.FailureConfig(max_failures=1),
                callbacks=[_Book(plan, progress)],
            ),
        ).fit()
    for each in ended:
        if each.error is not None and each.config is not None:
            write_record(plan, trial_name(each.config), reason=_reason(each.error))


def fitting_trials(plan: SweepPlan, wanted: int) -> int:
    """Return how many trials of those wanted at a time fit the running cluster.

    Raises:
        InputError: If not one does.
    """
    total = _processors_of_a_trial(plan)
    fitting = math.floor(cluster.num_processors() / total + 1e-6)
    if plan.gpus_per_trial:
        fitting = min(fitting, math.floor(ray.cluster_resources().get("GPU", 0) / plan.gpus_per_trial + 1e-6))
    if fitting < 1:
        needs = f"{total:g} processors{f' and {plan.gpus_per_trial:g} GPUs' if plan.gpus_per_trial else ''}"
        raise InputError(
            f"--{'gpus' if plan.gpus_per_trial else 'workers'}-per-trial: one trial needs {needs}, and the cluster has {cluster.num_processors():g} processors "
            f"and {ray.cluster_resources().get('GPU', 0):g} GPUs; give fewer"
        )
    return min(wanted, fitting)


class ListSearcher(Searcher):
    """Gives the trials of a list, one after another."""

    def __init__(self, trials: list[Fields]) -> None:
        super().__init__(metric=OBJECTIVE, mode="max")
        self._waiting = list(trials)

    def suggest(self, trial_id: str) -> Fields | None:
        """Return the next trial's fields."""
        return self._waiting.pop(0) if self._waiting else None

    def on_trial_complete(self, trial_id: str, result: dict | None = None, error: bool = False) -> None:
        """Nothing is learned from a trial."""

    def save(self, checkpoint_path: str) -> None:
        """Nothing is kept: the records are."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing is kept: the records are."""


def optuna_searcher(space: Space, *, begun: list[Fields], ended: list[tuple[Fields, float]], seed: int) -> Searcher:
    """Return Optuna's sampler (TPE), told what earlier trials came to, with those that were begun and did not end first."""
    draw = {"choice": ray.tune.choice, "uniform": ray.tune.uniform, "loguniform": ray.tune.loguniform}
    domains = {
        field: draw[d.kind](list(d.values)) if d.kind == "choice" else draw[d.kind](*d.values)
        for field, d in space.items()
    }
    distributions = OptunaSearch.convert_search_space(domains)
    searcher = OptunaSearch(distributions, metric=OBJECTIVE, mode="max", points_to_evaluate=begun or None, seed=seed)
    for fields, value in ended:
        searcher.add_evaluated_point(fields, value)
    return searcher


class _Book(ray.tune.Callback):
    """Writes down what becomes of every trial, in the sweep's own process: a trial that is stopped ends without a word."""

    def __init__(self, plan: SweepPlan, progress: Progress) -> None:
        self._plan, self._progress = plan, progress
        self._best: dict[str, dict[str, Any]] = {}

    def on_trial_result(self, iteration: int, trials: list, trial: Any, result: dict, **info: Any) -> None:
        """Keep a trial's best epoch."""
        name = trial_name(trial.config)
        found = {key: result[key] for key in result if isinstance(result[key], float | int) and "/" in key}
        found |= {"epoch": result.get("epoch"), OBJECTIVE: result.get(OBJECTIVE)}
        if found[OBJECTIVE] is None or found[OBJECTIVE] != found[OBJECTIVE]:
            return
        best = self._best.get(name)
        if best is None or found[OBJECTIVE] >= best[OBJECTIVE]:
            self._best[name] = found

    def on_trial_complete(self, iteration: int, trials: list, trial: Any, **info: Any) -> None:
        """Put a trial on record that finished or was stopped."""
        name = trial_name(trial.config)
        record = write_record(self._plan, name, fields=dict(trial.config))
        if record.get("status") not in (FINISHED, FAILED):
            seconds = (trial.last_result or {}).get("time_total_s", 0.0)
            record = write_record(self._plan, name, status=STOPPED, metrics=self._best.get(name, {}), seconds=seconds)
        self._end(record)

    def on_trial_error(self, iteration: int, trials: list, trial: Any, **info: Any) -> None:
        """Put a trial on record that failed twice."""
        record = write_record(
            self._plan,
            trial_name(trial.config),
            fields=dict(trial.config),
            status=FAILED,
            metrics=self._best.get(trial_name(trial.config), {}),
        )
        self._end(record)

    def _end(self, record: dict[str, Any]) -> None:
        close_run(self._plan, record)
        ended = [other for other in read_records(self._plan) if other.get("status")]
        self._progress(record, len(ended))


def _processors_of_a_trial(plan: SweepPlan) -> float:
    each = (plan.scaling.resources_per_worker or {}).get("CPU", 0.5)
    return plan.scaling.num_workers * each + _reserved(plan)[0]


def _reserved(plan: SweepPlan) -> tuple[float, float]:
    """Return processors and GPUs of a trial's own process; where it has workers, they do the work and reserve for themselves."""
    if plan.scaling.num_workers:
        return _DRIVER_PROCESSORS, 0.0
    return 1.0, plan.gpus_per_trial


def _reason(error: Exception) -> str:
    """Return the first line of what made a trial fail."""
    found: BaseException = error
    while isinstance(cause := getattr(found, "cause", None) or found.__cause__, BaseException):
        found = cause
    return (str(found).strip().splitlines() or [type(found).__name__])[0][:500]

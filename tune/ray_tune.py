"""Trials run by Ray Tune: as many at a time as fit, the hopeless ones stopped early, each on record."""

import functools
import logging
import math
import os
import tempfile
from typing import Any

os.environ.setdefault("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")
os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")
# Ctrl-C answers at once: Tune's own handler first waits for the trials.
os.environ.setdefault("TUNE_DISABLE_SIGINT_HANDLER", "1")
# A trial that was killed after its last epoch has nothing to report when it goes on.
os.environ.setdefault("TUNE_DISABLE_STRICT_METRIC_CHECKING", "1")

import ray.tune
from ray.tune.schedulers import TrialScheduler
from ray.tune.search import Searcher

from infra import cluster
from infra.errors import InputError
from tune.live import LiveSweep
from tune.plan import Scheduler, SweepPlan
from tune.schedulers import make_scheduler, why_stopped
from tune.study import SweepStudy
from tune.trials import (
    FAILED,
    FINISHED,
    STOPPED,
    add_to_curve,
    close_run,
    environment,
    read_curve,
    read_records,
    run_trial,
    write_record,
)
from workflows.train.loop import EPOCHS_DONE

for _name in ("ray.tune", "ray.air"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)  # what becomes of a trial stands in its record

_DRIVER_PROCESSORS = 0.01


def run_trials(
    plan: SweepPlan,
    searcher: Searcher,
    *,
    count: int,
    max_concurrent: int,
    scheduler: Scheduler,
    study: SweepStudy,
    live: LiveSweep,
) -> None:
    """Run trials until `count` more have ended. One whose process dies is tried once more, then it has failed; the others go on.

    Args:
        plan: what the trials share.
        searcher: gives the trials.
        count: how many.
        max_concurrent: at most so many at a time.
        scheduler: what stops them early.
        study: is told of every trial and epoch.
        live: shows them.
    """
    processors, gpus = _reserved(plan)
    stopping = _scheduler(plan, scheduler)
    work = functools.partial(run_trial, plan=plan, variables=environment())
    trainable = ray.tune.with_resources(work, {"cpu": processors, "gpu": gpus})
    with tempfile.TemporaryDirectory() as folder:
        tuner = ray.tune.Tuner(
            trainable,
            tune_config=ray.tune.TuneConfig(
                search_alg=searcher,
                scheduler=stopping,
                num_samples=count,
                max_concurrent_trials=max_concurrent,
                reuse_actors=plan.workers_per_trial == 0,  # one that waits for workers does not end by itself
            ),
            run_config=ray.tune.RunConfig(
                name="tune",
                storage_path=folder,
                verbose=0,
                failure_config=ray.tune.FailureConfig(max_failures=1),
                callbacks=[_Book(plan, stopping, study, live)],
            ),
        )
        try:
            ended = tuner.fit()
        except ray.tune.TuneError as error:
            if isinstance(error.__context__, InputError):  # raised by the callback
                raise error.__context__ from None
            raise
    for each in ended:
        if each.error is not None and each.config is not None:
            write_record(plan, each.config["name"], reason=_reason(each.error))


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


def _scheduler(plan: SweepPlan, name: Scheduler) -> TrialScheduler:
    """Return what stops trials early, told how those did that ended before."""
    return make_scheduler(
        name,
        metric=plan.metric,
        mode=plan.mode,
        epochs=plan.config.cadence.epochs,
        grace=plan.first_rung,
        reduction_factor=plan.reduction_factor,
        past=[read_curve(plan, record["name"]) for record in read_records(plan) if record.get("status")],
    )


class _Book(ray.tune.Callback):
    """Writes down what becomes of every trial, in the sweep's own process: a trial that is stopped ends without a word."""

    def __init__(self, plan: SweepPlan, scheduler: TrialScheduler, study: SweepStudy, live: LiveSweep) -> None:
        self._plan, self._scheduler, self._study, self._live = plan, scheduler, study, live
        self._best: dict[str, dict[str, Any]] = {}

    def __getstate__(self) -> dict[str, Any]:
        """Return nothing: Tune pickles its callbacks to restore a sweep, which the records do here."""
        return {}

    def on_trial_start(self, iteration: int, trials: list, trial: Any, **info: Any) -> None:
        """Tell of a trial that begins; the study has trials in their order, although they may start in another."""
        for each in trials:
            if each.config["number"] <= trial.config["number"]:
                self._study.begin(each.config)
        self._live.begun(trial.config)

    def on_trial_result(self, iteration: int, trials: list, trial: Any, result: dict, **info: Any) -> None:
        """Put an epoch on record, and keep a trial's best."""
        if EPOCHS_DONE not in result:  # a trial whose epochs were all done before has nothing to report
            return
        name = trial.config["name"]
        epoch, value = add_to_curve(self._plan, name, result)
        self._live.reported(name, epoch, value)
        if math.isnan(value):
            return
        self._study.report(name, epoch, value)
        found = {key: result[key] for key in result if isinstance(result[key], float | int) and "/" in key}
        found |= {"epoch": result.get("epoch")}
        best = self._best.get(name)
        if best is None or self._plan.cost({"metrics": found}) <= self._plan.cost({"metrics": best}):
            self._best[name] = found

    def on_trial_complete(self, iteration: int, trials: list, trial: Any, **info: Any) -> None:
        """Put a trial on record that finished or was stopped."""
        name = trial.config["name"]
        record = write_record(self._plan, name, **trial.config)
        if record.get("status") not in (FINISHED, FAILED):
            seconds = (trial.last_result or {}).get("time_total_s", 0.0)
            found = {"metrics": self._best.get(name, {}), "reason": why_stopped(self._scheduler, trial)}
            record = write_record(self._plan, name, status=STOPPED, seconds=seconds, **found)
        self._end(record)

    def on_trial_error(self, iteration: int, trials: list, trial: Any, **info: Any) -> None:
        """Put a trial on record that failed twice."""
        name = trial.config["name"]
        found = {"metrics": self._best.get(name, {}), "reason": _reason(trial.get_pickled_error())}
        self._end(write_record(self._plan, name, **trial.config, status=FAILED, **found))

    def _end(self, record: dict[str, Any]) -> None:
        close_run(self._plan, record)
        self._study.end(record)
        self._live.ended(record)


def _processors_of_a_trial(plan: SweepPlan) -> float:
    each = (plan.scaling.resources_per_worker or {}).get("CPU", 0.5)
    return plan.scaling.num_workers * each + _reserved(plan)[0]


def _reserved(plan: SweepPlan) -> tuple[float, float]:
    """Return processors and GPUs of a trial's own process; where it has workers, they do the work and reserve for themselves."""
    if plan.scaling.num_workers:
        return _DRIVER_PROCESSORS, 0.0
    return 1.0, plan.gpus_per_trial


def _reason(error: BaseException | None) -> str:
    """Return the first line of what made a trial fail."""
    if error is None:
        return "its process died"
    found = error
    while isinstance(cause := getattr(found, "cause", None) or found.__cause__, BaseException):
        found = cause
    return (str(found).strip().splitlines() or [type(found).__name__])[0][:500]

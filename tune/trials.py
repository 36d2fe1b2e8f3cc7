"""One trial of a sweep: a run of the training loop with some fields of the configuration replaced, and what is on record of it.

The record, `trial.json` in the trial's run folder, outlives the sweep's processes: a sweep that was killed goes on from it.
"""

import contextlib
import os
import time
from collections.abc import Mapping
from typing import Any

import ray
import ray.tune

from infra import storage
from infra.seeding import digest
from infra.tracking import Run, find_run, tracking_uri
from tune.plan import SweepPlan
from tune.space import Fields, with_fields
from workflows.train.curves import OBJECTIVE_CURVE
from workflows.train.fit import DivergedError, Trial, fit
from workflows.train.loop import OBJECTIVE

FINISHED, STOPPED, FAILED = "finished", "stopped early", "failed"
_RECORD = "trial.json"
# A process is used again once its stopped trial has ended by itself; where that takes longer than so many seconds, Tune drops the next
# trial. Read in the trial's process, which on a cluster that was there before knows nothing of the sweep's environment.
_LONGEST_END = ("TUNE_FUNCTION_THREAD_TIMEOUT_S", "120")


def trial_name(fields: Mapping[str, Any]) -> str:
    """Return a name that the fields alone decide, so that a trial is known again."""
    return f"trial-{digest(sorted(fields.items())).hex()[:8]}"


def environment() -> dict[str, str]:
    """Return what a trial's process, maybe on another machine, has to know to write where the sweep does and to end in time."""
    name, seconds = _LONGEST_END
    return {
        "SENSORIUM_HOME": str(storage.home()),
        "MLFLOW_TRACKING_URI": tracking_uri(),
        name: os.environ.get(name, seconds),
    }


def run_trial(fields: Fields, *, plan: SweepPlan, variables: Mapping[str, str]) -> None:
    """Train with some fields replaced, reporting every epoch to Tune; goes on from an earlier try's checkpoint."""
    os.environ.update(variables)
    name = trial_name(fields)
    node = ray.get_runtime_context().get_node_id()
    write_record(plan, name, fields=fields, began=time.time(), node=node, process=os.getpid())
    callbacks: tuple[Any, ...] = ()
    if plan.scaling.num_workers:
        from ray.tune.integration.ray_train import TuneReportCallback

        callbacks = (TuneReportCallback(),)
    try:
        result = fit(
            plan.recipe,
            with_fields(plan.config, fields),
            data=plan.data,
            run_name=os.path.join(plan.name, name),
            scaling=plan.scaling,
            trial=Trial(parent_run=plan.parent_run, report=ray.tune.report, callbacks=callbacks),
        )
    except DivergedError as error:
        write_record(plan, name, status=FAILED, reason=str(error))
        return
    write_record(
        plan,
        name,
        status=FINISHED,
        metrics=result.metrics,
        run_id=result.run_id,
        seconds=sum(result.seconds.values()),
        stages=result.seconds,
    )


def write_record(plan: SweepPlan, name: str, **values: Any) -> dict[str, Any]:
    """Add values to a trial's record; return it."""
    uri = storage.join(plan.folder, name, _RECORD)
    record = {"name": name, **(storage.read_json(uri) if storage.exists(uri) else {}), **values}
    storage.write_json(uri, record)
    return record


def read_records(plan: SweepPlan) -> list[dict[str, Any]]:
    """Return the records of all trials that were begun."""
    return [storage.read_json(uri) for uri in storage.list_files(plan.folder, suffix="/" + _RECORD)]


def objective_curve(plan: SweepPlan, record: Mapping[str, Any]) -> list[tuple[int, float]]:
    """Return a trial's objective by epochs done."""
    run = find_run(_run_id(plan, record))
    if run is None:
        return []
    epochs = dict(run.curve("epoch"))
    return [(round(epochs[step]), value) for step, value in run.curve(OBJECTIVE_CURVE) if step in epochs]


def close_run(plan: SweepPlan, record: Mapping[str, Any]) -> None:
    """End a trial's run as its record says, without waiting: a killed process leaves it running, a stopped one failed."""
    run_id = _run_id(plan, record)
    if run_id is None:
        return
    run, status = Run(run_id), record.get("status")
    run.set_tags({"trial_status": status, "trial_reason": record.get("reason")})
    run.set_status({FINISHED: "FINISHED", STOPPED: "FINISHED", FAILED: "FAILED"}.get(status or "", "KILLED"))
    with contextlib.suppress(KeyError):
        run.log_metrics({"best_objective": record["metrics"][OBJECTIVE]})


def _run_id(plan: SweepPlan, record: Mapping[str, Any]) -> str | None:
    uri = storage.join(plan.folder, record["name"], "run_id")
    return storage.read_bytes(uri).decode() if storage.exists(uri) else None

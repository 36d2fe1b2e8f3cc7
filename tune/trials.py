"""One trial of a sweep: a run of the training loop with some fields of the configuration replaced, and what is on record of it.

The record, `trial.json` in the trial's run folder, outlives the sweep's processes: a sweep that was killed goes on from it.
"""

import contextlib
import dataclasses
import os
import time
from collections.abc import Mapping
from typing import Any

import ray.tune

from infra import storage
from infra.seeding import digest
from infra.tracking import find_run
from tune.spaces import Fields, with_fields
from workflows.driver import Scaling, Trial, fit

FINISHED, STOPPED, FAILED = "finished", "stopped early", "failed"
OBJECTIVE = "selection"
"""By how much sound and picture together beat the best shortcut, on the validation split."""
_RECORD = "trial.json"


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Sweep:
    """What all trials share."""

    name: str
    recipe: str
    config: Any
    """The configuration whose fields are replaced."""
    dataset: str
    scaling: Scaling
    folder: str
    parent_run: str
    home: str
    tracking_uri: str


def trial_name(fields: Mapping[str, Any]) -> str:
    """Return a name that the fields alone decide, so that a trial is known again."""
    return f"trial-{digest(sorted(fields.items())).hex()[:8]}"


def run_trial(fields: Fields, *, sweep: Sweep) -> None:
    """Train with some fields replaced, reporting every epoch to Tune; goes on from an earlier try's checkpoint."""
    os.environ.update(SENSORIUM_HOME=sweep.home, MLFLOW_TRACKING_URI=sweep.tracking_uri)
    name = trial_name(fields)
    began = time.monotonic()
    write_record(sweep, name, fields=fields)
    callbacks: tuple[Any, ...] = ()
    if sweep.scaling.num_workers:
        from ray.tune.integration.ray_train import TuneReportCallback

        callbacks = (TuneReportCallback(),)
    result = fit(
        sweep.recipe,
        with_fields(sweep.config, fields),
        dataset=sweep.dataset,
        run_name=os.path.join(sweep.name, name),
        scaling=sweep.scaling,
        trial=Trial(parent_run=sweep.parent_run, report=ray.tune.report, callbacks=callbacks),
    )
    write_record(
        sweep, name, status=FINISHED, metrics=result.metrics, seconds=time.monotonic() - began, run_id=result.run_id
    )


def write_record(sweep: Sweep, name: str, **values: Any) -> dict[str, Any]:
    """Add values to a trial's record; return it."""
    uri = storage.join(sweep.folder, name, _RECORD)
    record = {"name": name, **(storage.read_json(uri) if storage.exists(uri) else {}), **values}
    storage.write_json(uri, record)
    return record


def read_records(sweep: Sweep) -> list[dict[str, Any]]:
    """Return the records of all trials that were begun."""
    return [storage.read_json(uri) for uri in storage.list_files(sweep.folder, suffix="/" + _RECORD)]


def close_run(sweep: Sweep, record: Mapping[str, Any]) -> None:
    """End a trial's run as its record says: a killed process leaves it running, a stopped one failed."""
    uri = storage.join(sweep.folder, record["name"], "run_id")
    run = find_run(storage.read_bytes(uri).decode()) if storage.exists(uri) else None
    if run is None:
        return
    status = record.get("status")
    run.set_tags({"trial_status": status, "trial_reason": record.get("reason")})
    ending = {FINISHED: "FINISHED", STOPPED: "FINISHED", FAILED: "FAILED"}.get(status or "", "KILLED")
    if run.status != ending:
        run.finish(ending)
    with contextlib.suppress(KeyError):
        run.log_metrics({"best_selection": record["metrics"][OBJECTIVE]})

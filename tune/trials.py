"""One trial of a sweep: a run of the training loop with some fields of the configuration replaced, and what is on record of it.

The record, `trial.json` in the trial's run folder, outlives the sweep's processes: a sweep that was killed goes on from it.
"""

import contextlib
import os
import time
from collections.abc import Mapping, Sequence
from typing import Any

import ray
import ray.tune

from infra import storage
from infra.errors import InputError
from infra.tracking import Run, tracking_uri
from tune.plan import SweepPlan
from tune.space import Fields, identity, with_fields
from workflows.train.fit import DivergedError, Trial, fit
from workflows.train.loop import EPOCHS_DONE

FINISHED, STOPPED, FAILED = "finished", "stopped early", "failed"
Entry = dict[str, Any]
"""A trial before it begins: `number`, `name`, `fields`, and `confirms`, the name of the trial that it repeats with another seed."""

_RECORD, _CURVE = "trial.json", "curve.json"
_SHORT = {"optim.name": "", "weight_decay": "wd", "batch_size": "batch"}
_MOST_NAME_CHARACTERS = 100
# A process is used again once its stopped trial has ended by itself; where that takes longer than so many seconds, Tune drops the next
# trial. Read in the trial's process, which on a cluster that was there before knows nothing of the sweep's environment.
_LONGEST_END = ("TUNE_FUNCTION_THREAD_TIMEOUT_S", "120")


def trial_name(number: int, fields: Fields, *, preset: bool = False) -> str:
    """Return a name that tells order and content, such as `07 adamw lr 7.9e-3 wd 3e-3`."""
    words = [f"{number:02d}", *(["preset"] if preset else [])]
    for field, value in fields.items():
        last = field.rpartition(".")[2]
        words += [_SHORT.get(field, _SHORT.get(last, last)), _shown(value)]
    text = "".join(c if c.isprintable() and c not in "/\\" else "_" for c in " ".join(filter(None, words)))
    return text[:_MOST_NAME_CHARACTERS].rstrip()


def _shown(value: Any) -> str:
    if not isinstance(value, float):
        return str(value).replace(" ", "")
    short = f"{value:.1e}".replace("e-0", "e-").replace("e+0", "e").replace(".0e", "e")
    return f"{value:.2g}" if 0.1 <= abs(value) < 100 or value == 0 else short


class Entries:
    """Gives every trial its number and name, those of before to a trial that was begun.

    Args:
        plan: the sweep.
        records: what is on record of its trials.
    """

    def __init__(self, plan: SweepPlan, records: Sequence[Mapping[str, Any]]) -> None:
        self._preset = identity(plan.preset_fields)
        self._known = {identity(record["fields"]): record for record in records}
        self._next = 1 + max((record["number"] for record in records), default=-1)

    def __call__(self, fields: Fields, *, confirms: str = "") -> Entry:
        """Return the entry of a trial."""
        key = identity(fields)
        if key not in self._known:
            name = trial_name(self._next, fields, preset=key == self._preset)
            self._known[key] = {"number": self._next, "name": name, "fields": fields, "confirms": confirms}
            self._next += 1
        return {name: self._known[key][name] for name in ("number", "name", "fields", "confirms")}


def environment() -> dict[str, str]:
    """Return what a trial's process, maybe on another machine, has to know to write where the sweep does and to end in time."""
    name, seconds = _LONGEST_END
    return {
        "SENSORIUM_HOME": str(storage.home()),
        "MLFLOW_TRACKING_URI": tracking_uri(),
        name: os.environ.get(name, seconds),
    }


def run_trial(entry: Entry, *, plan: SweepPlan, variables: Mapping[str, str]) -> None:
    """Train with some fields replaced, reporting every epoch to Tune; goes on from an earlier try's checkpoint."""
    os.environ.update(variables)
    name = entry["name"]
    node = ray.get_runtime_context().get_node_id()
    write_record(plan, name, **entry, began=time.time(), node=node, process=os.getpid())
    callbacks: tuple[Any, ...] = ()
    if plan.scaling.num_workers:
        from ray.tune.integration.ray_train import TuneReportCallback

        callbacks = (TuneReportCallback(),)
    try:
        result = fit(
            plan.recipe,
            with_fields(plan.config, entry["fields"]),
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


def write_record(plan: SweepPlan, name: str, /, **values: Any) -> dict[str, Any]:
    """Add values to a trial's record; return it."""
    uri = storage.join(plan.folder, name, _RECORD)
    record = {"name": name, **(storage.read_json(uri) if storage.exists(uri) else {}), **values}
    storage.write_json(uri, record)
    return record


def read_records(plan: SweepPlan) -> list[dict[str, Any]]:
    """Return the records of all trials that were begun, by number."""
    found = [storage.read_json(uri) for uri in storage.list_files(plan.folder, suffix="/" + _RECORD)]
    return sorted(found, key=lambda record: record["number"])


def add_to_curve(plan: SweepPlan, name: str, result: Mapping[str, Any]) -> tuple[int, float]:
    """Put the objective of an epoch on record, for those that go on with the sweep; return epochs done and objective.

    Raises:
        InputError: If the validation has no such figure.
    """
    if plan.metric not in result:
        known = sorted(key.removeprefix("validation/") for key in result if key.startswith("validation/"))
        raise InputError(
            f"--objective: '{plan.figure}' is no figure of a validation here; "
            + (f"choose from {', '.join(known)}" if known else "the dataset has no validation clips")
        )
    point = (int(result[EPOCHS_DONE]), float(result[plan.metric]))
    before = [each for each in read_curve(plan, name) if each[0] < point[0]]
    storage.write_json(storage.join(plan.folder, name, _CURVE), [*before, point])
    return point


def read_curve(plan: SweepPlan, name: str) -> list[tuple[int, float]]:
    """Return a trial's objective by epochs done."""
    uri = storage.join(plan.folder, name, _CURVE)
    return [(epoch, value) for epoch, value in storage.read_json(uri)] if storage.exists(uri) else []


def close_run(plan: SweepPlan, record: Mapping[str, Any]) -> None:
    """End a trial's run as its record says, without waiting: a killed process leaves it running, a stopped one failed."""
    run_id = _run_id(plan, record)
    if run_id is None:
        return
    run, status = Run(run_id), record.get("status")
    run.set_tags({"trial_status": status, "trial_reason": record.get("reason")})
    run.set_status({FINISHED: "FINISHED", STOPPED: "FINISHED", FAILED: "FAILED"}.get(status or "", "KILLED"))
    with contextlib.suppress(KeyError):
        run.log_metrics({"best_objective": record["metrics"][plan.metric]})


def _run_id(plan: SweepPlan, record: Mapping[str, Any]) -> str | None:
    uri = storage.join(plan.folder, record["name"], "run_id")
    return storage.read_bytes(uri).decode() if storage.exists(uri) else None

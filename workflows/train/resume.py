"""Resuming: what a run began with, on record in its folder, and whether it may go on from its last checkpoint."""

import dataclasses
from collections.abc import Iterator
from typing import Any

from datasets.reading.selection import Selection
from infra import storage
from infra.errors import InputError
from workflows.contract.config import restore_config
from workflows.contract.registry import load_recipe
from workflows.train.job import Job, Scaling, digest_plans, read_plans
from workflows.trained.checkpoint import list_checkpoints, read_description, read_state

_FREE = ("cadence.max_minutes", "cadence.validate_every", "cadence.keep_checkpoints")
"""Fields that may differ when a run goes on: they change neither the data's order nor the weights."""
_FREE_BETWEEN_EPOCHS = ("loader.batch_size", "loader.pool_mb")


_RECORD = "options.json"


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Begun:
    """What a run began with."""

    recipe: str
    config: Any
    data: dict[str, str]
    scaling: Scaling
    selection: Selection


def record_options(job: Job, scaling: Scaling) -> None:
    """Put on record what a run begins with, so that its name alone makes it go on."""
    begun = Begun(
        recipe=job.recipe,
        config=job.config,
        data={name: part.dataset for name, part in job.streams.items()},
        scaling=scaling,
        selection=job.selection,
    )
    storage.write_json(storage.join(job.run_folder, _RECORD), dataclasses.asdict(begun))


def read_options(run_name: str) -> Begun:
    """Return what a run began with.

    Raises:
        InputError: If there is no run of this name to go on with.
    """
    folder = storage.run_folder(run_name, field="--resume")
    uri = storage.join(folder, _RECORD)
    if not storage.exists(uri):
        raise _no_checkpoint(run_name, folder)
    values = storage.read_json(uri)
    selection: dict[str, Any] = {
        name: tuple(each) if isinstance(each, list) else each for name, each in values["selection"].items()
    }
    return Begun(
        recipe=values["recipe"],
        config=restore_config(load_recipe(values["recipe"]).Config, values["config"]),
        data=values["data"],
        scaling=Scaling(**values["scaling"]),
        selection=Selection(**selection),
    )


def _no_checkpoint(run_name: str, folder: str) -> InputError:
    return InputError(f"--resume: '{run_name}' has no checkpoint in {folder}; start it without --resume")


def check_resume(job: Job, run_name: str, scaling: Scaling) -> None:
    """Refuse to go on with other data or options than the run began with.

    Raises:
        InputError: Naming the first thing that differs.
    """
    checkpoints = list_checkpoints(job.run_folder)
    if not checkpoints:
        raise _no_checkpoint(run_name, job.run_folder)
    state, description = read_state(checkpoints[-1]), read_description(checkpoints[-1])
    for name, before in description["selection"].items():
        now = _plain(getattr(job.selection, name))
        if now != before:
            option = f"--{name.replace('_', '-')}"
            raise InputError(f"{option}: '{run_name}' began with {before}, now it is {now}; give the same")
    for name, part in job.streams.items():
        before, now = description["data"][name]["fingerprint"], part.card["fingerprint"]
        if before != now:
            raise InputError(
                f"--data: '{run_name}' began on other clips (fingerprint {before[:8]}) than are in '{part.dataset}' ({now[:8]}); "
                "give the same, or start a new run"
            )
    _check_config(job, run_name, description["config"], inside_epoch=bool(state["step"]))
    plans = read_plans(job, rank=0, world_size=scaling.world_size)
    if state["step"] and state["plan"] != digest_plans(plans):
        raise InputError(
            f"--resume: '{run_name}' stopped inside an epoch, and its data, batch or number of workers are other now; "
            "give the same, or start a new run"
        )


def _check_config(job: Job, run_name: str, before: dict[str, Any], *, inside_epoch: bool) -> None:
    now = _plain(dataclasses.asdict(job.config))
    free = _FREE if inside_epoch else _FREE + _FREE_BETWEEN_EPOCHS
    for name, old, new in _differences(before, now):
        if name == "cadence.epochs":
            if job.config.schedule.kind != "constant":
                raise InputError(
                    f"--resume: the schedule of '{run_name}' lies over {old} epochs, now it would be {new}; "
                    "give the same --epochs, or start a new run"
                )
        elif name not in free:
            option = name.replace("_", "-")
            raise InputError(
                f"--{option}: '{run_name}' began with {old}, now it is {new}; give the same, or start a new run"
            )


def _differences(before: dict[str, Any], now: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any, Any]]:
    for name in dict.fromkeys([*before, *now]):
        old, new = before.get(name), now.get(name)
        if isinstance(old, dict) and isinstance(new, dict):
            yield from _differences(old, new, f"{prefix}{name}.")
        elif old != new:
            yield prefix + name, old, new


def _plain(value: Any) -> Any:
    """Return a value as JSON gives it back."""
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, tuple | list) else value

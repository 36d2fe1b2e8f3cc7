"""What a sweep is to do, on record before it starts: `sweep.json` in its run folder, from which it goes on."""

import dataclasses
from pathlib import Path
from typing import Any, Literal

from infra import storage
from infra.errors import InputError
from infra.seeding import generator
from tune.space import Dimension, Fields, Space, default_space, grid_trials, parse_space, random_trials, with_fields
from workflows.cli import command
from workflows.contract.registry import load_recipe, named_configurations
from workflows.train.job import Scaling, make_job

Search = Literal["random", "grid", "optuna"]
Scheduler = Literal["asha", "median", "none"]
_RECORD = "sweep.json"


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class SweepPlan:
    """The options of a sweep, its space, and its trials where they are known beforehand."""

    name: str
    recipe: str
    data: dict[str, str]
    """Dataset of every stream of the recipe."""
    preset: str
    num_trials: int
    search: Search
    scheduler: Scheduler
    epochs: int | None
    trial_seconds: float | None
    workers_per_trial: int
    gpus_per_trial: float
    seed: int
    space: Space = dataclasses.field(default_factory=default_space)
    trials: tuple[Fields, ...] = ()
    """All trials of a random search or a grid; none where each is proposed from what the others came to."""
    parent_run: str = ""
    """Run of the sweep, once it has begun."""

    @property
    def folder(self) -> str:
        """Where the sweep's records lie."""
        return storage.resolve(f"runs/{self.name}", field="--run-name")

    @property
    def scaling(self) -> Scaling:
        """What a trial trains with."""
        share = self.gpus_per_trial / max(1, self.workers_per_trial)
        return Scaling(
            num_workers=self.workers_per_trial,
            use_gpu=share > 0,
            resources_per_worker={"CPU": 1, "GPU": share} if share else None,
        )

    @property
    def config(self) -> Any:
        """The configuration whose fields the trials replace."""
        presets = named_configurations(load_recipe(self.recipe))
        config = command.choose(presets, self.preset, option="--preset")()
        minutes = None if self.trial_seconds is None else self.trial_seconds / 60
        cadence = dataclasses.replace(
            config.cadence,
            epochs=self.epochs or config.cadence.epochs,
            max_minutes=minutes,
            validate_every=1,
            keep_checkpoints=1,
        )
        return dataclasses.replace(config, cadence=cadence)


def plan_sweep(plan: SweepPlan, *, space_file: str | None) -> SweepPlan:
    """Return the plan with its space and trials; writes nothing.

    Raises:
        InputError: If the space, the options or the dataset cannot be.
    """
    for option, value in (
        ("--num-trials", plan.num_trials),
        ("--epochs", plan.epochs),
        ("--trial-seconds", plan.trial_seconds),
    ):
        if value is not None and value <= 0:
            raise InputError(f"{option}: {value} is not above zero; give a larger value")
    for option, value in (
        ("--workers-per-trial", plan.workers_per_trial),
        ("--gpus-per-trial", plan.gpus_per_trial),
    ):
        if value < 0:
            raise InputError(f"{option}: {value} is below zero; give 0 or more")
    if storage.exists(storage.join(plan.folder, _RECORD)):
        raise InputError(
            f"--run-name: '{plan.name}' exists already in {plan.folder}; choose another name, or continue it with --resume {plan.name}"
        )
    config = plan.config
    if space_file is not None:
        if not Path(space_file).is_file():
            raise InputError(f"--space: '{space_file}' does not exist; give a text file of fields and ranges")
        plan = dataclasses.replace(plan, space=parse_space(Path(space_file).read_text(), config, name=space_file))
    chance = generator("sweep", plan.seed)
    trials: list[Fields] = []
    if plan.search == "random":
        trials = random_trials(plan.space, plan.num_trials, chance)
    elif plan.search == "grid":
        trials = grid_trials(plan.space, plan.num_trials)
        plan = dataclasses.replace(plan, num_trials=len(trials))
    for fields in trials or random_trials(plan.space, 1, chance):
        changed = with_fields(config, fields)
        make_job(plan.recipe, changed, data=plan.data, run_name=plan.name, scaling=plan.scaling)
    return dataclasses.replace(plan, trials=tuple(trials))


def write_sweep_plan(plan: SweepPlan) -> None:
    """Put a plan on record."""
    storage.write_json(storage.join(plan.folder, _RECORD), dataclasses.asdict(plan))


def read_sweep_plan(name: str) -> SweepPlan:
    """Return the plan of a sweep.

    Raises:
        InputError: If there is none of this name.
    """
    uri = storage.join(storage.resolve(f"runs/{name}", field="--resume"), _RECORD)
    if not storage.exists(uri):
        raise InputError(f"--resume: there is no sweep '{name}', as {uri} does not exist; give the name of one")
    values = storage.read_json(uri)
    space = {field: Dimension(kind=d["kind"], values=tuple(d["values"])) for field, d in values.pop("space").items()}
    return SweepPlan(**{**values, "space": space, "trials": tuple(values["trials"])})

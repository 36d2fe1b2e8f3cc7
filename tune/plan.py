"""What a sweep is to do, on record before it starts: `sweep.json` in its run folder, from which it goes on."""

import dataclasses
import itertools
import math
import shlex
from collections.abc import Mapping
from typing import Any, Literal

from infra import storage
from infra.errors import InputError
from infra.seeding import generator
from tune.space import (
    Dimension,
    Fields,
    Space,
    contains,
    default_space,
    fields_of,
    grid_trials,
    num_combinations,
    random_trials,
    read_space,
    with_fields,
)
from workflows.cli import command
from workflows.contract.registry import load_recipe, named_configurations
from workflows.train.job import Scaling, make_job

Search = Literal["random", "grid", "optuna"]
Scheduler = Literal["asha", "median", "none"]
Mode = Literal["max", "min"]
_RECORD = "sweep.json"
ONE_CYCLE_RISE = 0.3
"""Share of the steps over which `one_cycle` rises where `warmup_share` is 0."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class SweepOptions:
    """What a sweep is asked to do."""

    num_trials: int = 12
    """Trainings in all, the first with the preset itself."""
    search: Search = "random"
    """Fields drawn at random, all of a grid, or proposed by Optuna from what came out so far."""
    objective: str | None = None
    """Figure of the validation by which trials are compared, such as loss; the recipe's if not given."""
    mode: Mode = "max"
    """Whether a high or a low objective is good."""
    scheduler: Scheduler = "asha"
    """Stop the hopeless early: ASHA keeps the best third at each rung, median stops what is worse than the others' median."""
    grace_epochs: int | None = None
    """Epochs before which no trial is stopped; those of the learning rate's warm-up if not given."""
    reduction_factor: int = 3
    """ASHA keeps one of so many trials at each rung."""
    confirm: int = 0
    """Train so many of the best again with two more seeds, and choose by the mean."""
    preset: str = "demo"
    """Named configuration whose other fields all trials share."""
    epochs: int | None = None
    """Epochs of a trial; the preset's if not given."""
    trial_seconds: float | None = None
    """A trial stops after this long, finished or not."""
    workers_per_trial: int = 0
    """Workers of Ray Train for each trial; 0 trains in the trial's own process."""
    gpus_per_trial: float = 0
    """GPUs that a trial reserves, shared by its workers; 0.5 lets two trials share one."""
    seed: int = 0
    """Seed of the search."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class SweepPlan(SweepOptions):
    """The options of a sweep, its space, and its trials where they are known beforehand."""

    name: str
    recipe: str
    data: dict[str, str]
    """Dataset of every stream of the recipe."""
    space: Space = dataclasses.field(default_factory=default_space)
    trials: tuple[Fields, ...] = ()
    """All trials of a random search or a grid; none where each is proposed from what the others came to."""
    parent_run: str = ""
    """Run of the sweep, once it has begun."""

    @property
    def figure(self) -> str:
        """Name of the objective among a validation's figures."""
        return self.objective or load_recipe(self.recipe).objective(self.config).figure

    @property
    def metric(self) -> str:
        """Name of the objective among the metrics of an epoch."""
        return f"validation/{self.figure}"

    @property
    def title(self) -> str:
        """The objective as people read it."""
        known = load_recipe(self.recipe).objective(self.config)
        return known.title if known.figure == self.figure else self.figure.replace("_", " ")

    def value(self, record: Mapping[str, Any]) -> float:
        """Return the objective of a trial by its record, nan where it has none."""
        found = record.get("metrics", {}).get(self.metric)
        return math.nan if found is None else float(found)

    @property
    def shortcuts(self) -> tuple[str, ...]:
        """The recipe's shortcuts among the metrics of an epoch."""
        return tuple(f"validation/{name}" for name in load_recipe(self.recipe).objective(self.config).shortcuts)

    def shortcut(self, record: Mapping[str, Any]) -> float:
        """Return the best shortcut of a trial by its record, nan where none was measured."""
        metrics = record.get("metrics", {})
        return max((float(metrics[name]) for name in self.shortcuts if metrics.get(name) is not None), default=math.nan)

    def cost(self, record: Mapping[str, Any]) -> float:
        """Return what is the lower the better a trial is; infinite where it has no objective."""
        value = self.value(record)
        return math.inf if math.isnan(value) else -value if self.mode == "max" else value

    @property
    def preset_fields(self) -> Fields:
        """What the preset has in the fields that are searched: the first trial."""
        return fields_of(self.config, self.space)

    @property
    def warmup_epochs(self) -> int:
        """Epochs that the learning rate rises in, of the trial in which it does so longest."""
        searched = {
            name: [*dimension.grid(2), fields_of(self.config, [name])[name]]
            for name, dimension in self.space.items()
            if name.startswith(("schedule.", "cadence."))
        }
        configs = [
            with_fields(self.config, dict(zip(searched, values, strict=True)))
            for values in itertools.product(*searched.values())
        ]
        return max(_warmup_epochs(config) for config in configs)

    @property
    def first_rung(self) -> int:
        """Epochs after which a trial may be stopped first."""
        grace = self.warmup_epochs if self.grace_epochs is None else self.grace_epochs
        return min(max(1, grace), self.config.cadence.epochs)

    @property
    def folder(self) -> str:
        """Where the sweep's records lie."""
        return storage.run_folder(self.name)

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


def plan_sweep(plan: SweepPlan, *, space_file: str | None, space_fields: Mapping[str, str] = {}) -> SweepPlan:
    """Return the plan with its space and trials, the first of which is the preset itself; writes nothing.

    Args:
        plan: the options.
        space_file: text or YAML file of the space.
        space_fields: kind and values of single fields.

    Raises:
        InputError: If the space, the options or the dataset cannot be.
    """
    for option, value in (
        ("--num-trials", plan.num_trials),
        ("--epochs", plan.epochs),
        ("--trial-seconds", plan.trial_seconds),
        ("--grace-epochs", plan.grace_epochs),
    ):
        if value is not None and value <= 0:
            raise InputError(f"{option}: {value} is not above zero; give a larger value")
    for option, value in (
        ("--workers-per-trial", plan.workers_per_trial),
        ("--gpus-per-trial", plan.gpus_per_trial),
        ("--confirm", plan.confirm),
    ):
        if value < 0:
            raise InputError(f"{option}: {value} is below zero; give 0 or more")
    if plan.reduction_factor < 2:
        raise InputError(f"--reduction-factor: {plan.reduction_factor} is below 2; give 2 or more")
    if storage.exists(storage.join(plan.folder, _RECORD)):
        raise InputError(
            f"--run-name: '{plan.name}' exists already in {plan.folder}; choose another name, or continue it with --resume {plan.name}"
        )
    config = plan.config
    plan = dataclasses.replace(plan, space=read_space(space_file, space_fields, config))
    chance, preset = generator("sweep", plan.seed), plan.preset_fields
    trials: list[Fields] = []
    if plan.search == "random":
        trials = [preset, *random_trials(plan.space, plan.num_trials - 1, chance, taken=[preset])]
    elif plan.search == "grid":
        room = plan.num_trials - (not contains(plan.space, preset))
        trials = [preset, *(fields for fields in grid_trials(plan.space, room) if fields != preset)][: plan.num_trials]
    most = num_combinations(plan.space) + (not contains(plan.space, preset))
    num_trials = len(trials) or int(min(plan.num_trials, most))
    for fields in trials or [preset, *random_trials(plan.space, 1, chance)]:
        changed = with_fields(config, fields)
        make_job(plan.recipe, changed, data=plan.data, run_name=plan.name, scaling=plan.scaling)
    return dataclasses.replace(plan, num_trials=num_trials, trials=tuple(trials))


def training_command(plan: SweepPlan, fields: Fields) -> str:
    """Return the command that trains once with some fields replaced, as a trial did."""
    words = ["python", "-m", "workflows.train", plan.recipe]
    for stream, dataset in plan.data.items():
        words += ["--data", dataset if len(plan.data) == 1 else f"{stream}={dataset}"]
    words += ["--preset", plan.preset, "--num-workers", str(plan.workers_per_trial)]
    if plan.scaling.use_gpu:
        words.append("--use-gpu")
    given: dict[str, Any] = {"cadence.epochs": plan.config.cadence.epochs, "cadence.validate_every": 1}
    if plan.config.cadence.max_minutes is not None:
        given["cadence.max_minutes"] = plan.config.cadence.max_minutes
    for name, value in (given | fields).items():
        above, _, last = name.replace("_", "-").rpartition(".")
        if isinstance(value, bool):
            words.append(f"--{above + '.' if above else ''}{'' if value else 'no-'}{last}")
        else:
            words += [f"--{above + '.' if above else ''}{last}", str(value)]
    return shlex.join(words)


def _warmup_epochs(config: Any) -> int:
    """Return the epochs within which the learning rate rises to its highest."""
    share = config.schedule.warmup_share or (ONE_CYCLE_RISE if config.schedule.kind == "one_cycle" else 0.0)
    return math.ceil(share * config.cadence.epochs - 1e-9)


def write_sweep_plan(plan: SweepPlan) -> None:
    """Put a plan on record."""
    storage.write_json(storage.join(plan.folder, _RECORD), dataclasses.asdict(plan))


def read_sweep_plan(name: str) -> SweepPlan:
    """Return the plan of a sweep.

    Raises:
        InputError: If there is none of this name.
    """
    uri = storage.join(storage.run_folder(name, field="--resume"), _RECORD)
    if not storage.exists(uri):
        raise InputError(f"--resume: there is no sweep '{name}', as {uri} does not exist; give the name of one")
    values = storage.read_json(uri)
    space = {field: Dimension(kind=d["kind"], values=tuple(d["values"])) for field, d in values.pop("space").items()}
    return SweepPlan(**{**values, "space": space, "trials": tuple(values["trials"])})

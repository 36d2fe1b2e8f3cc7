"""Sweep over settings of a recipe: many trainings compared, on Ray Tune.

python -m tune.sweep multisensory --data DATASET --num-trials 12 --max-concurrent 2
python -m tune.sweep multisensory --data DATASET --space.optim.lr "loguniform 1e-4 1e-1" --space.channels "choice 16 32"
python -m tune.sweep --resume NAME
"""

import functools
import sys
from collections.abc import Mapping
from typing import Annotated

import tyro

from infra.errors import InputError
from tune.plan import Mode, Scheduler, Search, SweepPlan, plan_sweep, read_sweep_plan
from tune.run import carry_out
from workflows.cli import command
from workflows.contract.registry import load_recipe, named_configurations, recipe_names
from workflows.contract.streams import parse_data
from workflows.train.fit import default_run_name


def sweep(
    recipe: Annotated[str | None, tyro.conf.Positional] = None,
    data: tyro.conf.UseAppendAction[tuple[str, ...]] = (),
    num_trials: int = 12,
    max_concurrent: int = 2,
    search: Search = "random",
    scheduler: Scheduler = "asha",
    space: str | None = None,
    objective: str | None = None,
    mode: Mode = "max",
    grace_epochs: int | None = None,
    reduction_factor: int = 3,
    confirm: int = 0,
    preset: str = "demo",
    epochs: int | None = None,
    trial_seconds: float | None = None,
    workers_per_trial: int = 0,
    gpus_per_trial: float = 0,
    run_name: str | None = None,
    resume: str | None = None,
    seed: int = 0,
    *,
    space_fields: Annotated[Mapping[str, str], tyro.conf.Suppress] = {},
) -> None:
    """Search a recipe's configuration on a dataset; a sweep that was killed goes on with --resume.

    Args:
        recipe: Name of a recipe, a file in workflows/recipes.
        data: Dataset that workflows.prepare made; NAME=DATASET for each stream where the recipe reads several.
        num_trials: Trainings in all.
        max_concurrent: Trainings at a time; fewer where fewer fit.
        search: The first trial is the preset itself; the others have fields drawn at random, all of a grid, or proposed by Optuna from what came out so far.
        scheduler: Stop the hopeless early: ASHA keeps the best third at each rung, median stops what is worse than the others' median.
        space: Text or YAML file of fields and ranges, one a line: optim.lr loguniform 1e-4 1e-1; the optimizer's three if not given. A single field: --space.optim.lr "loguniform 1e-4 1e-1"; kinds are choice, uniform, loguniform, int, quniform.
        objective: Figure of the validation by which trials are compared, such as sync_accuracy or loss; the recipe's if not given.
        mode: Whether a high or a low objective is good.
        grace_epochs: Epochs before which no trial is stopped; those of the learning rate's warm-up if not given.
        reduction_factor: ASHA keeps one of so many trials at each rung.
        confirm: Train so many of the best again with two more seeds, and choose by the mean.
        preset: Named configuration whose other fields all trials share.
        epochs: Epochs of a trial; the preset's if not given.
        trial_seconds: A trial stops after this long, finished or not.
        workers_per_trial: Workers of Ray Train for each trial; 0 trains in the trial's own process.
        gpus_per_trial: GPUs that a trial reserves, shared by its workers; 0.5 lets two trials share one.
        run_name: Name of the sweep and its folder below runs/.
        resume: Name of a sweep to go on with; its options are those it was started with, save max-concurrent.
        seed: Seed of the search.
        space_fields: Kind and values of the single fields.
    """
    if resume is not None:
        plan = read_sweep_plan(resume)
    else:
        if recipe is None:
            raise InputError(f"recipe: missing; give one of {', '.join(recipe_names())} first")
        presets = named_configurations(load_recipe(recipe))
        config = command.choose(presets, preset, option="--preset")()
        asked = SweepPlan(
            name=run_name or default_run_name(f"{recipe}-sweep"),
            recipe=recipe,
            data=parse_data(data, load_recipe(recipe).streams(config)),
            preset=preset,
            num_trials=num_trials,
            search=search,
            scheduler=scheduler,
            epochs=epochs,
            trial_seconds=trial_seconds,
            workers_per_trial=workers_per_trial,
            gpus_per_trial=gpus_per_trial,
            seed=seed,
            objective=objective or "",
            mode=mode,
            grace_epochs=grace_epochs,
            reduction_factor=reduction_factor,
            confirm=confirm,
        )
        plan = _planned(asked, space, space_fields)
    carry_out(plan, max_concurrent=max_concurrent)


def _planned(asked: SweepPlan, space: str | None, space_fields: Mapping[str, str]) -> SweepPlan:
    """Return the plan with its space and trials; say so where there are fewer than were asked for."""
    plan = plan_sweep(asked, space_file=space, space_fields=space_fields)
    if plan.num_trials < asked.num_trials:
        print(f"{plan.num_trials} of {asked.num_trials} trials: the {plan.search} search has no more combinations")
    return plan


def split_space_fields(words: list[str]) -> tuple[dict[str, str], list[str]]:
    """Return kind and values by field of the options `--space.FIELD`, and the other words of a command line.

    Raises:
        InputError: If one has no value.
    """
    found: dict[str, str] = {}
    others, left = [], iter(words)
    for word in left:
        if not word.startswith("--space."):
            others.append(word)
            continue
        option, has_value, value = word.partition("=")
        value = value if has_value else next(left, "")
        if not value or value.startswith("--"):
            raise InputError(f'{option}: missing; give kind and values in quotes, such as "loguniform 1e-4 1e-1"')
        found[option.removeprefix("--space.").replace("-", "_")] = value
    return found, others


def main() -> None:
    """Parse the command line and sweep."""
    space_fields, words = split_space_fields(sys.argv[1:])
    command.parse(functools.partial(sweep, space_fields=space_fields), words)


if __name__ == "__main__":
    command.run(main)

"""Sweep over settings of a recipe: many trainings compared, on Ray Tune.

python -m tune.sweep multisensory --data DATASET --num-trials 12 --max-concurrent 2
python -m tune.sweep multisensory --data DATASET --space.optim.lr "loguniform 1e-4 1e-1" --space.channels "choice 16 32"
python -m tune.sweep --resume NAME
"""

import dataclasses
import functools
import sys
from collections.abc import Mapping
from typing import Annotated

import tyro

from infra import storage
from infra.errors import InputError
from tune.plan import SweepOptions, SweepPlan, plan_sweep, read_sweep_plan
from workflows.cli import command
from workflows.cli.run_name import RunName, default_run_name
from workflows.contract.registry import load_recipe, named_configurations, recipe_names
from workflows.contract.streams import parse_data


def sweep(
    recipe: Annotated[str | None, tyro.conf.Positional, tyro.conf.arg(metavar=command.choices(recipe_names()))] = None,
    data: tyro.conf.UseAppendAction[tuple[str, ...]] = (),
    options: Annotated[SweepOptions, tyro.conf.arg(name="")] = SweepOptions(),
    max_concurrent: int = 2,
    space: str | None = None,
    run_name: RunName = None,
    resume: RunName = None,
    *,
    space_fields: Annotated[Mapping[str, str], tyro.conf.Suppress] = {},
) -> None:
    """Search a recipe's configuration on a dataset; a sweep that was killed goes on with --resume.

    Args:
        recipe: Name of a recipe, a file in workflows/recipes.
        data: Dataset that workflows.prepare made; NAME=DATASET for each stream where the recipe reads several.
        options: What the sweep does.
        max_concurrent: Trainings at a time; fewer where fewer fit.
        space: Text or YAML file of fields and ranges, one a line: optim.lr loguniform 1e-4 1e-1; the optimizer's three if not given. A single field: --space.optim.lr "loguniform 1e-4 1e-1"; kinds are choice, uniform, loguniform, int, quniform.
        run_name: Name of the sweep and its folder below runs/.
        resume: Name of a sweep to go on with; its options are those it was started with, save max-concurrent.
        space_fields: Kind and values of the single fields.
    """
    from tune.run import carry_out

    if resume is not None:
        plan = read_sweep_plan(resume)
    else:
        if recipe is None:
            raise InputError(f"recipe: missing; give one of {', '.join(recipe_names())} first")
        presets = named_configurations(load_recipe(recipe))
        config = command.choose(presets, options.preset, option="--preset")()
        asked = SweepPlan(
            name=run_name or default_run_name(f"{recipe}-sweep"),
            recipe=recipe,
            data=parse_data(data, load_recipe(recipe).streams(config)),
            **dataclasses.asdict(options),
        )
        plan = _planned(asked, space, space_fields)
    carry_out(plan, max_concurrent=max_concurrent)


def _planned(asked: SweepPlan, space: str | None, space_fields: Mapping[str, str]) -> SweepPlan:
    """Return the plan with its space and trials; say so where there are fewer than were asked for."""
    file = storage.resolve(space, field="--space") if space else None
    plan = plan_sweep(asked, space_file=file, space_fields=space_fields)
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
    verb = functools.partial(sweep, space_fields=space_fields)
    verb.__doc__ = sweep.__doc__
    command.parse(verb, words)


if __name__ == "__main__":
    command.run(main)

"""The recipe that a command line names, and the configuration that its options' defaults come from."""

from types import ModuleType
from typing import Any, NamedTuple

from workflows.cli import command
from workflows.contract.registry import default_configuration, load_recipe, named_configurations, recipe_names


class Asked(NamedTuple):
    """What is known before the command line is parsed: recipe, preset and its configuration."""

    module: ModuleType
    preset: str
    config: Any


def ask_recipe(known: str | None = None) -> Asked:
    """Return the recipe of the first argument with the configuration of `--preset`.

    Args:
        known: name of the recipe where the command line need not say it.

    Raises:
        InputError: If there is no such recipe or preset.
    """
    module = load_recipe(known or command.first_argument(recipe_names(), field="recipe"))
    preset = command.peek("--preset", default_configuration(module))
    return Asked(module, preset, command.choose(named_configurations(module), preset, option="--preset")())

"""The recipes and the evaluators, found by their file names."""

import importlib
import pkgutil
from collections.abc import Callable
from types import ModuleType
from typing import Any

import workflows.evaluators
import workflows.recipes
from infra.errors import InputError


def recipe_names() -> list[str]:
    """Return the names of all recipes."""
    return sorted(module.name for module in pkgutil.iter_modules(workflows.recipes.__path__))


def load_recipe(name: str) -> ModuleType:
    """Return a recipe's module.

    Raises:
        InputError: If there is none of that name.
    """
    if name not in recipe_names():
        raise InputError(f"recipe: '{name}' does not exist; choose one of {', '.join(recipe_names())}")
    return importlib.import_module(f"workflows.recipes.{name}")


def load_evaluator(name: str) -> ModuleType:
    """Return an evaluator's module: `NEEDS`, `collect`, `measure`, `summarize`."""
    return importlib.import_module(f"workflows.evaluators.{name}")


def named_configurations(recipe: ModuleType) -> dict[str, Callable[[], Any]]:
    """Return a recipe's named configurations: its functions without arguments that return its Config."""
    return {
        name: value
        for name, value in vars(recipe).items()
        if callable(value) and getattr(value, "__annotations__", {}) == {"return": recipe.Config}
    }


def reads_any(recipe: ModuleType) -> tuple[str, ...]:
    """Return the fields of preparation in which clips may differ from those trained on: its `READS_ANY`, else none."""
    return getattr(recipe, "READS_ANY", ())


def default_configuration(recipe: ModuleType) -> str:
    """Return the name of the configuration that a recipe is trained with where none is named: its `DEFAULT`, else `paper`."""
    return getattr(recipe, "DEFAULT", "paper")

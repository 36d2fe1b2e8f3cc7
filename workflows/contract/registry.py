"""The recipes, found by their file names, and what each of them is."""

import importlib
import pkgutil
from collections.abc import Callable
from types import ModuleType
from typing import Any

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


def named_configurations(recipe: ModuleType) -> dict[str, Callable[[], Any]]:
    """Return a recipe's named configurations: its functions without arguments that return its Config."""
    return {
        name: value
        for name, value in vars(recipe).items()
        if callable(value) and getattr(value, "__annotations__", {}) == {"return": recipe.Config}
    }

"""The page docs/recipes.md, made from the docstrings of all recipes.

python -m tests.docs.recipes

It stands among the tests, as the benchmarks do that write docs/performance.md: no command of a user needs it.
"""

import inspect
from pathlib import Path

from infra.cluster import ROOT
from workflows.contract.registry import load_recipe, named_configurations, recipe_names

PAGE = Path(ROOT) / "docs" / "recipes.md"

_HEAD = """# Recipes

<!-- made from the recipes' docstrings by `make docs`; do not edit -->

A recipe is one system: a paper's network, data, loss and settings in one file of `workflows/recipes/`. A preset is one of its named
configurations, chosen with `--preset`. [training.md](training.md) describes how to train a recipe.
"""


def page() -> str:
    """Return the page as Markdown: of every recipe its docstring and its presets."""
    return "\n".join([_HEAD, *(_section(name) for name in recipe_names())])


def _section(name: str) -> str:
    recipe = load_recipe(name)
    file = f"workflows/recipes/{name}.py"
    presets = [f"| `{preset}` | {inspect.getdoc(make)} |" for preset, make in named_configurations(recipe).items()]
    lines = [f"## {name}", "", inspect.getdoc(recipe), "", "| preset | what it is |", "|---|---|", *presets]
    return "\n".join([*lines, "", f"Source: [{file}](../{file})", ""])


if __name__ == "__main__":
    PAGE.write_text(page())

"""`--help` of every command: without what only work needs, so that it takes a moment, as wide as the terminal, with examples."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from workflows.__main__ import commands
from workflows.contract.registry import recipe_names

ROOT = Path(__file__).resolve().parents[3]
_COLUMNS = 100
_PRINT_HELP = """
import contextlib, io, json, runpy, sys
found = {}
for command in sys.argv[1:]:
    sys.argv = [*command.split(), "--help"]
    said = io.StringIO()  # it has no encoding, so that no boxes are drawn
    with contextlib.redirect_stdout(said), contextlib.suppress(SystemExit):
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    found[command] = said.getvalue(), sorted({name.partition(".")[0] for name in sys.modules})
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def helps():
    """Text and imported packages by command; all ran in one process, so that what one imports counts for those after it, too."""
    asked = [
        *commands(),
        *(f"workflows.train {name}" for name in recipe_names()),
        "workflows.crossvalidate multisensory",
    ]
    done = subprocess.run(
        [sys.executable, "-c", _PRINT_HELP, *asked],
        cwd=ROOT, env={**os.environ, "COLUMNS": str(_COLUMNS)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return json.loads(done.stdout)


def test_help_imports_neither_torch_nor_ray_nor_mlflow(helps):
    slow = {"torch", "ray", "mlflow", "matplotlib", "pandas", "optuna"}
    assert {command: found for command, (_, imported) in helps.items() if (found := slow & {*imported})} == {}


def test_help_says_what_a_command_does_and_gives_two_examples(helps):
    for command, (said, _) in helps.items():
        name = command.split()[0]
        assert said.startswith(f"usage: python -m {name}")
        assert said.count(f"  python -m {name} ") + said.count(f"  python -m {name}\n") >= 2, command


def test_help_is_as_wide_as_the_terminal_and_its_options_are_grouped(helps):
    said = helps["workflows.train multisensory"][0]
    assert max(map(len, said.splitlines())) == _COLUMNS
    for group in ("optim", "schedule", "loader", "cadence", "scaling", "selection"):
        assert f"\n {group} options " in said


def test_help_shows_what_may_be_chosen(helps):
    assert "--preset {paper,aligned,demo,offset,tiny}" in helps["workflows.train multisensory"][0]
    assert "--preset {published,demo,sounds" in helps["workflows.prepare"][0]
    assert "{" + ",".join(recipe_names()) + "}" in helps["tune.sweep"][0]


def test_help_shows_what_an_optional_option_takes_and_none(helps):
    for command, (said, _) in helps.items():
        assert "{None}" not in said and "(default: )" not in said, command
    said = helps["workflows.train multisensory"][0]
    assert re.search(r"--max-minutes FLOAT .*?\(default:[ │|]+none\)", said, re.DOTALL)
    assert "--run-name NAME" in said

"""The commands of README.md and docs/ are run as written, the long ones with fewer steps.

A block that starts with ```sh no-run is not run: it needs a cluster, data or hours that no test has.
"""

import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import ray

from tests.docs.pages import ROOT, blocks, pages

_ORDER = (
    "README.md",
    "docs/data.md",
    "docs/training.md",
    "docs/evaluation.md",
    "docs/sweeps.md",
    "docs/models.md",
    "docs/notebooks.md",
    "docs/audit.md",
    "docs/adding-a-system.md",
)
"""Pages with commands, each after those whose datasets and models it uses."""

_FEWER = {
    r"^make demo$": r"make demo DEMO_OPTIONS='--num-videos 32 --epochs 1 --num-workers 0'",
    r"VIDEOS=folder$": r"VIDEOS=$SENSORIUM_HOME/data/demo/videos DEMO_OPTIONS='--name shown --num-videos 32 --epochs 1 --num-workers 0'",
    r"--num-videos 200\b": "--num-videos 40",
    r"--epochs [34]\b": "--epochs 1",
    r"--num-trials 12\b": "--num-trials 2",
    r"--num-folds 5\b": "--num-folds 2",
    r"(workflows\.audit .*)": r"\1 --null-scenes 16",
    r"(workflows\.train .*)": r"\1 --num-workers 0",
}
"""What is put in the place of what, so that a command ends within seconds."""

_NOT_RUN = {
    "docs/data.md": 3,  # needs videos, photos and sounds that are not here
    "docs/training.md": 1,  # resumes a run that was stopped
    "docs/evaluation.md": 1,  # needs videos that are not here
    "docs/sweeps.md": 1,  # measures for minutes, on the data of the whole demo
    "docs/offsets.md": 3,  # needs videos that are not here
    "docs/page.md": 2,  # serves until it is ended; tests/workflows/serve/test_page.py uses it
    "docs/performance.md": 2,  # measures for a quarter of an hour and more
    "docs/cluster.md": 5,  # needs a cluster or S3; tests/workflows/test_jobs.py submits jobs
    "docs/notebooks.md": 1,  # is run elsewhere than here
    "docs/gallery.md": 1,  # needs videos that are not here
    "docs/real-footage.md": 4,  # needs videos that are not here
    "docs/retrieval.md": 3,  # needs photos that are not here
    "docs/the-audio-only-mystery.md": 2,  # needs recordings that are not here, or hours
}
"""How many blocks of each page are not run, and why."""

_MADE = (
    "data/all/dataset.json",
    "data/scenes/audit.html",
    "runs/demo/report.json",
    "runs/first/model/model.safetensors",
    "runs/folds/report.json",
    "runs/inspect/scenes/contact_sheet.png",
    "runs/maps/synthetic-medium-0-00000.mp4",
    "runs/tags/report/report.json",
    "runs/shown/videos/report.json",
    "runs/try/table.md",
)


def code():
    return [block for page in pages() for block in blocks(page) if block.language in ("sh", "python")]


def shortened(line):
    for long, short in _FEWER.items():
        line = re.sub(long, short, line)
    return line


@pytest.fixture
def run(ray_cluster, tmp_path, monkeypatch):
    """Runs a command in the repository, with a home folder that all commands share, on a cluster that is there already."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    address = ray.get_runtime_context().gcs_address
    variables = {"SENSORIUM_HOME": str(tmp_path), "RAY_ADDRESS": address}

    def call(*command, shell=False):
        options = {"cwd": ROOT, "env": {**os.environ, **variables}, "capture_output": True, "text": True}
        done = subprocess.run(command[0] if shell else command, shell=shell, **options)
        assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-3000:]}"

    return call


@pytest.mark.ray
@pytest.mark.slow
def test_documented_commands_run_in_order(run, tmp_path):
    for page in _ORDER:
        for block in blocks(ROOT / page):
            if block.runs and block.language == "python":
                run(sys.executable, "-c", block.text)
            elif block.runs and block.language == "sh":
                for line in block.commands:
                    run(shortened(line).replace(".venv/bin/python", sys.executable), shell=True)
    assert [name for name in _MADE if not (tmp_path / name).exists()] == []
    for name in ("demo", "shown", "shown/videos"):
        assert len(list((tmp_path / "runs" / name / "overlays").glob("*.mp4"))) == 3


def test_documented_commands_all_have_their_turn():
    assert {block.page for block in code() if block.runs} == set(_ORDER)


def test_documented_blocks_that_are_not_run_are_listed():
    assert Counter(block.page for block in code() if not block.runs) == _NOT_RUN


def test_documented_commands_still_need_shortening():
    lines = [line for block in code() if block.runs and block.language == "sh" for line in block.commands]
    assert [long for long in _FEWER if not any(re.search(long, line) for line in lines)] == []


def test_documented_commands_name_existing_modules():
    text = "\n".join(block.text for block in code())
    for module in set(re.findall(r"python -m ([\w.]+)", text)):
        path = Path(ROOT, *module.split("."))
        assert path.with_suffix(".py").exists() or (path / "__main__.py").exists(), module

"""The README's commands are run as written, the long ones with fewer steps."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
_FEWER = {
    "--num-videos 200": "--num-videos 40",
    "--epochs 4": "--epochs 1",
    "--num-trials 12": "--num-trials 2",
    "--epochs 3": "--epochs 1",
}

pytestmark = [pytest.mark.ray, pytest.mark.slow]


def blocks(title, language):
    """The blocks of code of a section."""
    section = (ROOT / "README.md").read_text().partition(f"## {title}\n")[2].partition("\n## ")[0]
    return re.findall(rf"```{language}\n(.*?)```", section, re.S)


def commands(title):
    """The lines of a section's first block of commands, without their remarks."""
    return [line.partition("  #")[0] for line in blocks(title, "sh")[0].splitlines() if line]


@pytest.fixture
def run(tmp_path):
    def call(line):
        line = line.replace(".venv/bin/python", sys.executable)
        variables = {"SENSORIUM_HOME": str(tmp_path), "MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path}/mlflow.db"}
        home = {**os.environ, **variables}
        done = subprocess.run(shlex.split(line), cwd=ROOT, env=home, capture_output=True, text=True)
        assert done.returncode == 0, f"{line}\n{done.stdout[-2000:]}\n{done.stderr[-3000:]}"

    return call


def test_the_four_verbs(run, tmp_path):
    lines = commands("The four verbs")
    verbs = [re.findall(r"workflows\.(\w+)", line) for line in lines]
    assert verbs == [["prepare"], ["train"], ["evaluate"], ["localize"]]
    for line in [*lines, *commands("Other settings")]:
        for long, short in _FEWER.items():
            line = line.replace(long, short)
        run(line)
    assert (tmp_path / "runs" / "try" / "table.md").exists()
    assert (tmp_path / "runs" / "first" / "report.json").exists()
    assert list((tmp_path / "runs" / "maps").glob("*.mp4"))
    for code in blocks("A trained model", "python"):
        run(shlex.join([".venv/bin/python", "-c", code]))
    for line in commands("Is a dataset honest?"):
        run(f"{line} --null-scenes 16")
    assert (tmp_path / "data" / "scenes" / "audit.html").exists()
    for line in commands("What is in a dataset"):
        for long, short in _FEWER.items():
            line = line.replace(long, short)
        run(line)
    assert (tmp_path / "runs" / "inspect" / "scenes" / "contact_sheet.png").exists()
    assert (tmp_path / "data" / "all" / "dataset.json").exists()


def test_make_demo_and_make_demo_real(run, tmp_path):
    demo, real, tests = (line.rstrip() for line in commands("Start"))
    assert tests == "make test"
    run(f"{demo} DEMO_OPTIONS='--num-videos 32 --epochs 1 --num-workers 0'")
    run(
        f"{real.replace('folder', str(tmp_path / 'data' / 'demo' / 'videos'))} DEMO_OPTIONS='--epochs 1 --num-workers 0'"
    )
    for name in ("demo", "demo-real"):
        assert (tmp_path / "runs" / name / "report.json").exists()
        assert len(list((tmp_path / "runs" / name / "overlays").glob("*.mp4"))) == 3

"""Both studies run from the command line to their figures."""

import sys

import pytest

from workflows.cli import command
from workflows.studies.failure import __main__ as failure
from workflows.studies.shortcuts import __main__ as shortcuts

pytestmark = pytest.mark.ray


def test_shortcuts_study_runs_and_keeps_finished_cells(ray_cluster, tracking, tmp_path, monkeypatch, capsys):
    options = ["--num-scenes", "50", "--steps", "10", "--cells", "roll", "--output", str(tmp_path / "out")]
    monkeypatch.setattr(sys, "argv", ["workflows.studies.shortcuts", *options])
    command.run(shortcuts.main)
    assert "| roll | 0." in capsys.readouterr().out
    assert (tmp_path / "out" / "shortcuts.png").stat().st_size > 0
    done = (tmp_path / "out" / "cells" / "synthetic" / "roll.json").stat().st_mtime_ns
    command.run(shortcuts.main)
    assert (tmp_path / "out" / "cells" / "synthetic" / "roll.json").stat().st_mtime_ns == done


@pytest.mark.slow
def test_failure_study_reproduces_the_audio_only_shortcut(ray_cluster, tracking, tmp_path, monkeypatch, capsys):
    options = ["--num-videos", "60", "--steps", "32", "--output", str(tmp_path / "out")]
    monkeypatch.setattr(sys, "argv", ["workflows.studies.failure", *options])
    command.run(failure.main)
    rows = [
        line.split(" | ") for line in capsys.readouterr().out.splitlines() if line.startswith("| roll, file start | 32")
    ]
    own_accuracy, sound_only = float(rows[0][2]), float(rows[0][3])
    assert min(own_accuracy, sound_only) > 0.7
    assert (tmp_path / "out" / "failure-maps.png").stat().st_size > 0

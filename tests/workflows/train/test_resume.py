"""A run goes on from its name alone: recipe, data and options are those that it began with, unless others are given."""

import dataclasses
import sys

import pytest

from datasets.reading.selection import Selection
from workflows.cli import command
from workflows.recipes import multisensory
from workflows.train import __main__ as verb
from workflows.train.fit import fit
from workflows.train.job import Scaling
from workflows.train.resume import read_options

pytestmark = pytest.mark.ray


@pytest.fixture
def stopped(small_dataset, tracking):
    config = multisensory.tiny()
    config = dataclasses.replace(config, channels=4, cadence=dataclasses.replace(config.cadence, max_minutes=0.0))
    options = {"scaling": Scaling(num_workers=0), "selection": Selection(min_loudness=-90.0, exclude_folds=(7,))}
    return fit("multisensory", config, data=small_dataset, run_name="half", **options)


def test_resume_needs_a_name_and_nothing_else(stopped, small_dataset, monkeypatch, capsys):
    assert not stopped.finished
    begun = read_options("half")
    assert (begun.recipe, begun.config.channels, begun.data) == ("multisensory", 4, {"clips": small_dataset})
    assert (begun.scaling.num_workers, begun.selection.exclude_folds) == (0, (7,))
    monkeypatch.setattr(sys, "argv", ["workflows.train", "--resume", "half", "--max-minutes", "5"])
    command.run(verb.main)
    said = capsys.readouterr().out
    assert f"run      {stopped.run_id}  " in said
    assert "stopped before its end" not in said


def test_resume_refuses_an_option_that_the_run_did_not_begin_with(stopped, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["workflows.train", "multisensory", "--resume", "half", "--channels", "8"])
    with pytest.raises(SystemExit) as stop:
        command.run(verb.main)
    assert stop.value.code == 2
    assert "--channels: 'half' began with 4, now it is 8; give the same" in capsys.readouterr().err


def test_resume_refuses_a_name_that_no_run_has(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["workflows.train", "--resume", "nobody"])
    with pytest.raises(SystemExit) as stop:
        command.run(verb.main)
    assert stop.value.code == 2
    assert "--resume: 'nobody' has no checkpoint in" in capsys.readouterr().err

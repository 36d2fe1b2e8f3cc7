"""Calibration on other recordings: a new version with the same weights, an error that no recording judged itself, refusals."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest

from infra.errors import InputError
from infra.tracking import find_run, read_model_text
from models.calibration import fit_calibration
from workflows.calibrate import __main__ as verb
from workflows.cli import command
from workflows.contract.calibration import Answers, CalibrationRecord, calibration_figures, cross_fitted
from workflows.evaluate.report import evaluate_model
from workflows.trained.checkpoint import read_description, read_weights
from workflows.trained.model import loaded


def drawn(num_recordings, *, scale=0.4, offset=-1.0):
    chance = np.random.default_rng(0)
    logits = chance.normal(1, 3, 4 * num_recordings)
    targets = (chance.random(len(logits)) < 1 / (1 + np.exp(-scale * logits - offset))).astype(float)
    return Answers(logits, targets, np.repeat([f"r{i}" for i in range(num_recordings)], 4))


def test_cross_fitted_logits_of_a_recording_do_not_depend_on_its_truth():
    answers = drawn(60)
    turned = np.where(answers.recordings == "r7", 1 - answers.targets, answers.targets)
    before, after = cross_fitted(answers), cross_fitted(answers._replace(targets=turned))
    own = answers.recordings == "r7"
    assert before[own].tolist() == after[own].tolist()
    assert not np.allclose(before[~own], after[~own])


def test_calibration_lowers_the_error_and_says_what_it_was():
    answers = drawn(1500)
    error, loss = calibration_figures(answers, cross_fitted(answers))
    assert error.value < 0.03 < 0.15 < error.uncalibrated
    assert error.low <= error.value <= error.high
    assert error.against.startswith(f"uncalibrated {error.uncalibrated:.3f}, right probabilities 0.0")
    assert loss.value < loss.uncalibrated
    assert loss.value == pytest.approx(
        calibration_figures(answers, fit_calibration(answers.logits, answers.targets).apply(answers.logits))[1].value,
        abs=2e-3,
    )


@pytest.mark.parametrize(
    ("fingerprint", "split", "overlaps"),
    [("a", "test", True), ("a", "all", True), ("a", "validation", False), ("b", "test", False)],
)
def test_a_calibration_knows_the_clips_it_was_fitted_on(fingerprint, split, overlaps):
    record = CalibrationRecord(scale=1, offset=0, dataset="d", fingerprint="a", split="test", num_recordings=20)
    assert record.overlaps(fingerprint, split) == overlaps


@pytest.mark.ray
def test_calibrate_registers_a_version_of_the_same_weights(trained, small_dataset, tracking, monkeypatch, capsys):
    words = ["--model", trained.model_folder, "--data", small_dataset, "--split", "all", "--run-name", "fitted"]
    monkeypatch.setattr(sys, "argv", ["workflows.calibrate", *words])
    command.run(verb.main)
    printed = capsys.readouterr().out
    assert re.search(
        r"expected calibration error, cross-fitted by recording +0\.\d+  \[.*\]  uncalibrated 0\.", printed
    )
    uri, folder = re.search(r"model +(models:/multisensory/\d+)  (\S+)", printed).groups()
    assert uri != trained.model_uri
    before, after = read_weights(trained.model_folder), read_weights(folder)
    assert all((before[name] == after[name]).all() for name in before)
    kept = read_description(folder)["calibration"]
    assert (kept["split"], kept["note"]) == ("all", "")
    with loaded(uri) as model, loaded(trained.model_folder) as source:
        assert tuple(model.module.calibration) == (kept["scale"], kept["offset"])
        run = find_run(model.run_id)
        report = evaluate_model(model, dataset=small_dataset, split="test")
        plain = evaluate_model(source, dataset=small_dataset, split="test")
    assert (run.tag("calibrated_from"), run.tag("calibrated_from_run")) == (trained.model_folder, trained.run_id)
    assert "calibrated on clips of this split" in report.caution
    assert "calibrated on clips of this split" not in plain.caution
    assert report.figures["paired_accuracy"] == plain.figures["paired_accuracy"]
    assert report.figures["loss"].uncalibrated == pytest.approx(plain.figures["loss"].value, abs=1e-4)
    assert f"fitted on {kept['num_recordings']} recordings of the all split" in read_model_text(run, "card.md")


@pytest.mark.ray
def test_calibrate_refuses_too_few_recordings_and_writes_nothing(trained, small_dataset, tracking, tmp_path):
    with pytest.raises(InputError, match=r"^--data: the split 'validation' .* recordings are fewer than 10; give more"):
        verb.calibrate(trained.model_folder, small_dataset, run_name="few")
    assert not Path(tmp_path, "runs", "few").exists()

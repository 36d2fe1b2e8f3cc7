"""A sweep on a small dataset: every trial ends on record, as a run below the sweep's, and goes on from a kill."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import mlflow
import pytest
import ray

from tune import ray_tune
from tune import sweep as verb
from workflows.cli import command

ROOT = Path(__file__).resolve().parent.parent.parent
pytestmark = pytest.mark.ray


@pytest.fixture
def swept(tracking, small_dataset, monkeypatch, capsys):
    """Runs a sweep; returns what it printed."""

    def call(*options):
        monkeypatch.setattr(
            sys,
            "argv",
            ["tune.sweep", "multisensory", "--preset", "tiny", "--epochs", "2", "--data", small_dataset, *options],
        )
        command.run(verb.main)
        return capsys.readouterr().out

    return call


def runs_below(tracking, name):
    client = mlflow.MlflowClient(tracking)
    experiment = client.get_experiment_by_name("multisensory").experiment_id
    found = client.search_runs([experiment])
    parent = next(run for run in found if run.info.run_name == name)
    return parent, [run for run in found if run.data.tags.get("mlflow.parentRunId") == parent.info.run_id]


def test_a_random_sweep_ends_with_a_table_figures_and_a_registered_winner(swept, tracking, tmp_path):
    printed = swept("--num-trials", "3", "--run-name", "small", "--scheduler", "none")
    assert len(re.findall(r"\| trial-\w{8} \| finished \|", printed)) == 3
    assert re.search(r"best +trial-\w{8}  models:/multisensory/1", printed)
    parent, trials = runs_below(tracking, "small")
    assert {run.info.status for run in (parent, *trials)} == {"FINISHED"}
    assert len(trials) == 3
    assert {run.data.tags["trial_status"] for run in trials} == {"finished"}
    assert all(
        len(mlflow.MlflowClient(tracking).get_metric_history(run.info.run_id, "loss/train")) >= 2 for run in trials
    )
    drawn = {path.name for path in (tmp_path / "runs" / "small").glob("*.png")}
    assert {"objective_by_field.png", "parallel_coordinates.png", "importance.png"} <= drawn


def test_optuna_proposes_and_a_finished_sweep_has_nothing_left_to_do(swept, tracking, tmp_path, monkeypatch, capsys):
    swept("--num-trials", "2", "--search", "optuna", "--run-name", "proposed", "--scheduler", "median")
    records = {path: path.stat().st_mtime_ns for path in (tmp_path / "runs" / "proposed").glob("*/trial.json")}
    assert len(records) == 2
    monkeypatch.setattr(sys, "argv", ["tune.sweep", "--resume", "proposed"])
    command.run(verb.main)
    assert {path: path.stat().st_mtime_ns for path in records} == records
    assert len(runs_below(tracking, "proposed")[1]) == 2


def test_sweep_of_few_combinations_has_each_once(swept, tracking, tmp_path):
    (tmp_path / "space.txt").write_text("optim.name choice adam sgd\n")
    printed = swept(
        "--num-trials", "5", "--search", "optuna", "--run-name", "few", "--space", str(tmp_path / "space.txt")
    )
    assert "2 of 5 trials: the optuna search has no more combinations" in printed
    assert len(list((tmp_path / "runs" / "few").glob("*/trial.json"))) == 2
    assert {run.data.params["optim.name"] for run in runs_below(tracking, "few")[1]} == {"adam", "sgd"}
    assert "warning" not in printed


def test_trial_processes_know_how_long_a_stopped_trial_may_take(swept, tmp_path, monkeypatch):
    train = ray_tune.run_trial

    def noting(fields, **rest):
        train(fields, **rest)
        (tmp_path / "seconds").write_text(os.environ.get("TUNE_FUNCTION_THREAD_TIMEOUT_S", "2"))

    monkeypatch.setattr(ray_tune, "run_trial", noting)
    before = ray.get(ray.remote(lambda: os.environ.get("TUNE_FUNCTION_THREAD_TIMEOUT_S")).remote())
    assert before is None, "this cluster is not one that knows nothing of sweeps"
    swept("--num-trials", "1", "--run-name", "noted")
    assert (tmp_path / "seconds").read_text() == "120"


def test_a_trial_killed_between_its_last_epoch_and_its_end_is_ended(swept, tracking, tmp_path, monkeypatch, capsys):
    swept("--num-trials", "2", "--run-name", "late")
    path = next(path for path in (tmp_path / "runs" / "late").glob("*/trial.json"))
    record = json.loads(path.read_text())
    for name in ("status", "metrics", "run_id", "seconds", "stages"):
        record.pop(name, None)
    path.write_text(json.dumps(record))
    monkeypatch.setattr(sys, "argv", ["tune.sweep", "--resume", "late"])
    command.run(verb.main)
    assert json.loads(path.read_text())["status"] == "finished"
    assert "RUNNING" not in {run.info.status for run in runs_below(tracking, "late")[1]}


@pytest.mark.slow
def test_a_trial_whose_process_dies_is_tried_once_more_and_then_failed(tracking, small_dataset, tmp_path):
    """The process of one trial is killed whenever it appears; the others go on. With a cluster of its own."""
    folder, victims = tmp_path / "runs" / "dying", []
    options = f"--preset tiny --epochs 2 --num-trials 2 --scheduler none --run-name dying --data {small_dataset}"
    process = subprocess.Popen(
        [sys.executable, "-m", "tune.sweep", "multisensory", *options.split()],
        cwd=ROOT,
        env={**os.environ, "SENSORIUM_HOME": str(tmp_path), "MLFLOW_TRACKING_URI": tracking},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    while process.poll() is None:
        for path in folder.glob("*/trial.json"):
            with contextlib.suppress(json.JSONDecodeError, KeyError, ProcessLookupError, FileNotFoundError):
                record = json.loads(path.read_text())
                name, seen = record["name"], (record["name"], record["process"])
                chosen = (path.parent / "run_id").exists() and (not victims or victims[0][0] == name)
                if chosen and seen not in victims and "status" not in record:
                    victims.append(seen)
                    os.kill(record["process"], signal.SIGKILL)
        time.sleep(0.05)
    assert process.stdout is not None
    printed = process.stdout.read()
    records = {path.parent.name: json.loads(path.read_text()) for path in folder.glob("*/trial.json")}
    name = victims[0][0]
    assert process.returncode == 0, printed
    assert len(victims) == 2, printed
    assert records[name]["status"] == "failed"
    assert "died" in records[name]["reason"]
    assert sorted(record["status"] for record in records.values()) == ["failed", "finished"]
    assert re.search(rf"\| {name} \| failed: .*died", printed)
    statuses = {run.info.run_name: run.info.status for run in runs_below(tracking, "dying")[1]}
    assert statuses.pop(name) == "FAILED"
    assert set(statuses.values()) == {"FINISHED"}


@pytest.mark.slow
def test_a_killed_sweep_goes_on_and_leaves_no_run_running(tracking, small_dataset, tmp_path):
    home = {**os.environ, "SENSORIUM_HOME": str(tmp_path), "MLFLOW_TRACKING_URI": tracking}
    start = [sys.executable, "-m", "tune.sweep", "multisensory"]
    options = [
        "--preset",
        "tiny",
        "--epochs",
        "4",
        "--data",
        small_dataset,
        "--num-trials",
        "3",
        "--run-name",
        "killed",
    ]
    process = subprocess.Popen(
        [*start, *options], cwd=ROOT, env=home, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    began = time.monotonic()
    folder = tmp_path / "runs" / "killed"
    while not list(folder.glob("*/checkpoints/*/state.pt")) and time.monotonic() - began < 120:
        time.sleep(0.2)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    done = subprocess.run([*start, "--resume", "killed"], cwd=ROOT, env=home, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    records = [json.loads(path.read_text()) for path in folder.glob("*/trial.json")]
    assert len(records) == 3
    assert {record["status"] for record in records} <= {"finished", "stopped early"}
    parent, trials = runs_below(tracking, "killed")
    assert len(trials) == 3
    assert "RUNNING" not in {run.info.status for run in (parent, *trials)}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--num-trials", "2"], "--data: missing"),
        (["--data", "/no/such"], "--data: '/no/such' holds no dataset.json"),
        (["--data", "/no/such", "--num-trials", "0"], "--num-trials: 0 is not above zero"),
        (["--data", "/no/such", "--space", "/no/space"], "--space: '/no/space' does not exist"),
        (["--data", "/no/such", "--run-name", "../evil"], "--run-name: '../evil' cannot be the name of one folder"),
        (["--resume", "../evil"], "--resume: '../evil' cannot be the name of one folder"),
        (["--resume", "none"], "--resume: there is no sweep 'none'"),
    ],
    ids=lambda value: "-".join(value[-2:]) if isinstance(value, list) else "",
)
def test_what_cannot_be_swept_ends_in_one_line(tmp_path, monkeypatch, capsys, options, words):
    monkeypatch.setattr(sys, "argv", ["tune.sweep", "multisensory", *options])
    with pytest.raises(SystemExit) as stop:
        command.run(verb.main)
    said = capsys.readouterr().err.splitlines()
    assert (stop.value.code, len(said)) == (2, 1)
    assert said[0].startswith(f"error: {words}")
    assert not (tmp_path / "runs").exists()

"""A sweep on a small dataset: every trial ends on record, as a run below the sweep's, and goes on from a kill."""

import contextlib
import csv
import dataclasses
import io
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import mlflow
import optuna
import pytest
import ray

from tune import ray_tune
from tune import sweep as verb
from tune.plan import SweepPlan, plan_sweep
from tune.run import carry_out
from workflows.cli import command

ROOT = Path(__file__).resolve().parent.parent.parent
pytestmark = pytest.mark.ray
PLAN = SweepPlan(
    name="plan",
    recipe="multisensory",
    data={},
    preset="tiny",
    num_trials=2,
    search="random",
    scheduler="none",
    epochs=2,
    trial_seconds=None,
    workers_per_trial=0,
    gpus_per_trial=0,
    seed=0,
)


def sweep(*options):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["tune.sweep", *options])
        command.run(verb.main)


@pytest.fixture
def swept(tracking, small_dataset, capsys):
    """Runs a sweep; returns what it printed."""

    def call(*options):
        sweep("multisensory", "--preset", "tiny", "--epochs", "2", "--data", small_dataset, *options)
        return capsys.readouterr().out

    return call


@dataclasses.dataclass(frozen=True)
class Sweep:
    """A sweep that has ended."""

    home: Path
    tracking: str
    printed: str

    @property
    def folder(self):
        return self.home / "runs" / "small"

    def records(self):
        return {path.parent.name: json.loads(path.read_text()) for path in self.folder.glob("*/trial.json")}

    def resume(self, monkeypatch):
        monkeypatch.setenv("SENSORIUM_HOME", str(self.home))
        monkeypatch.setenv("MLFLOW_TRACKING_URI", self.tracking)
        sweep("--resume", "small")


@pytest.fixture(scope="module")
def ended(small_dataset, tracking_template, tmp_path_factory):
    """Three trials at random, and the best of them again with two more seeds."""
    home = tmp_path_factory.mktemp("ended")
    shutil.copy(tracking_template, home / "mlflow.db")
    uri = f"sqlite:///{home / 'mlflow.db'}"
    options = (
        "multisensory --preset tiny --epochs 2 --num-trials 3 --scheduler none --confirm 1 --run-name small --data"
    )
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(io.StringIO()) as printed:
        patch.setenv("SENSORIUM_HOME", str(home))
        patch.setenv("MLFLOW_TRACKING_URI", uri)
        sweep(*options.split(), small_dataset)
    return Sweep(home, uri, printed.getvalue())


def runs_below(tracking, name):
    client = mlflow.MlflowClient(tracking)
    experiment = client.get_experiment_by_name("multisensory").experiment_id
    found = client.search_runs([experiment])
    parent = next(run for run in found if run.info.run_name == name)
    return parent, [run for run in found if run.data.tags.get("mlflow.parentRunId") == parent.info.run_id]


def test_a_random_sweep_ends_with_a_table_figures_and_a_registered_winner(ended):
    printed = ended.printed
    assert len(re.findall(r"^\d=? +0\d (?:preset )?\w+ lr \S+ wd \S+ .* finished ", printed, re.MULTILINE)) == 3
    assert re.search(r"best +0\d .*  models:/multisensory/1", printed)
    assert re.search(r"sync accuracy less shortcuts .*\S+ \[\S+, \S+\] over \d+ validation recordings", printed)
    assert "importance  not computed: 17 more finished trials are needed, of 20" in printed
    assert "study    optuna-dashboard sqlite:////" in printed
    parent, trials = runs_below(ended.tracking, "small")
    assert {run.info.status for run in (parent, *trials)} == {"FINISHED"}
    assert len(trials) == 5
    assert {run.data.tags["trial_status"] for run in trials} == {"finished"}
    client = mlflow.MlflowClient(ended.tracking)
    assert all(len(client.get_metric_history(run.info.run_id, "loss/train")) >= 2 for run in trials)
    names = sorted(run.info.run_name for run in trials)
    assert names[0] == "00 preset adamw lr 1e-2 wd 1e-2"
    assert {path.name for path in ended.folder.iterdir()} >= {"table.md", "table.csv", "figures.html", *names}
    rows = list(csv.DictReader((ended.folder / "table.csv").open()))
    assert [row["trial"] for row in rows] == names


def test_the_study_of_a_sweep_holds_its_trials_and_their_epochs(ended):
    study = optuna.load_study(study_name="small", storage=f"sqlite:///{ended.folder / 'optuna.db'}")
    rows = {row["trial"]: row for row in csv.DictReader((ended.folder / "table.csv").open())}
    assert len(study.trials) >= 3
    for trial in study.trials:
        assert trial.value == float(rows[trial.user_attrs["name"]]["net_sync_accuracy"])
        assert len(trial.intermediate_values) == 2


def test_a_sweep_prints_a_command_that_repeats_its_best(ended, tmp_path):
    line = next(line for line in ended.printed.splitlines() if line.startswith("repeat"))
    done = subprocess.run(
        [sys.executable, *shlex.split(line)[2:], "--run-name", "again"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    best = re.search(r"^best +(0\d .*?)  ", ended.printed, re.MULTILINE)
    assert best is not None
    again, first = (
        json.loads((folder / "model" / "config.json").read_text())
        for folder in (tmp_path / "runs" / "again", ended.folder / best.group(1))
    )
    first["config"]["cadence"].pop("keep_checkpoints")
    again["config"]["cadence"].pop("keep_checkpoints")
    assert first["config"] == again["config"]
    metric = "validation/net_sync_accuracy"
    assert first["metrics"][metric] == again["metrics"][metric]


def test_confirmation_trains_the_best_again_with_two_more_seeds_and_is_not_repeated(ended, monkeypatch, capsys):
    assert re.search(r"confirmed  0\d .*mean \d\.\d{3}  seeds \S+ \S+ \S+$", ended.printed, re.MULTILINE)
    before = ended.records()
    found = [before[name] for name in sorted(before)]
    assert [each["fields"].get("seed") for each in found] == [None, None, None, 1, 2]
    assert found[3]["confirms"] == found[4]["confirms"]
    ended.resume(monkeypatch)
    assert ended.records() == before
    assert re.search(r"best +0\d .*  models:/multisensory/1 ", capsys.readouterr().out)


def test_a_trial_killed_between_its_last_epoch_and_its_end_is_ended(ended, monkeypatch, capsys):
    path = next(path for path in ended.folder.glob("*/trial.json"))
    record = json.loads(path.read_text())
    for name in ("status", "metrics", "run_id", "seconds", "stages"):
        record.pop(name, None)
    path.write_text(json.dumps(record))
    ended.resume(monkeypatch)
    assert json.loads(path.read_text())["status"] == "finished"
    assert "RUNNING" not in {run.info.status for run in runs_below(ended.tracking, "small")[1]}


def test_a_sweep_whose_trials_all_diverge_fails_and_registers_nothing(small_dataset, tracking, capsys):
    asked = dataclasses.replace(PLAN, name="wild", data={"clips": small_dataset}, epochs=1)
    wild = [{"optim.name": "sgd", "optim.lr": rate, "optim.gradient_clip": 0.0} for rate in (1e30, 1e31)]
    plan = plan_sweep(
        asked,
        space_file=None,
        space_fields=dict.fromkeys(("optim.lr", "optim.gradient_clip"), "choice 1.0") | {"optim.name": "choice sgd"},
    )
    with pytest.raises(SystemExit) as stop:
        carry_out(dataclasses.replace(plan, trials=tuple(wild), num_trials=2), max_concurrent=2)
    said = capsys.readouterr()
    assert stop.value.code == 1
    assert said.err.startswith("error: none of 2 trials finished, so that nothing is registered:\n")
    assert len(re.findall(r"  0\d .*: failed, optim.lr: training diverged with 1e\+3[01]", said.err)) == 2
    parent, trials = runs_below(tracking, "wild")
    assert {run.info.status for run in (parent, *trials)} == {"FAILED"}
    assert mlflow.MlflowClient(tracking).search_registered_models() == []


def test_a_sweep_is_ranked_by_the_objective_that_is_asked_for(swept, tmp_path):
    swept("--num-trials", "2", "--run-name", "loss", "--objective", "loss", "--mode", "min", "--scheduler", "none")
    rows = list(csv.DictReader((tmp_path / "runs" / "loss" / "table.csv").open()))
    best = min(rows, key=lambda row: float(row["loss"]))
    table = (tmp_path / "runs" / "loss" / "table.md").read_text().splitlines()
    assert table[0].startswith("| rank | trial | loss |")
    assert table[2].startswith(f"| 1 | {best['trial']} |")


def test_an_objective_that_no_validation_has_is_refused(swept, capsys):
    with pytest.raises(SystemExit) as stop:
        swept("--num-trials", "1", "--run-name", "none", "--objective", "beauty")
    assert stop.value.code == 2
    assert "error: --objective: 'beauty' is no figure of a validation here; choose from" in capsys.readouterr().err


def test_optuna_proposes_and_a_finished_sweep_has_nothing_left_to_do(swept, tracking, tmp_path):
    swept("--num-trials", "2", "--search", "optuna", "--run-name", "proposed", "--scheduler", "median")
    records = {path: path.stat().st_mtime_ns for path in (tmp_path / "runs" / "proposed").glob("*/trial.json")}
    assert len(records) == 2
    sweep("--resume", "proposed")
    assert {path: path.stat().st_mtime_ns for path in records} == records
    assert len(runs_below(tracking, "proposed")[1]) == 2


def test_sweep_of_few_combinations_has_each_once(swept, tracking, tmp_path):
    (tmp_path / "space.txt").write_text("optim.name choice adam sgd\n")
    printed = swept(
        "--num-trials", "5", "--search", "optuna", "--run-name", "few", "--space", str(tmp_path / "space.txt")
    )
    assert "3 of 5 trials: the optuna search has no more combinations" in printed
    assert len(list((tmp_path / "runs" / "few").glob("*/trial.json"))) == 3
    assert {run.data.params["optim.name"] for run in runs_below(tracking, "few")[1]} == {"adamw", "adam", "sgd"}
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
    assert re.search(rf"{name} .*failed .*died", printed)
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
        "2",
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
    assert len(records) == 2
    assert {record["status"] for record in records} <= {"finished", "stopped early"}
    parent, trials = runs_below(tracking, "killed")
    assert len(trials) == 2
    assert "RUNNING" not in {run.info.status for run in (parent, *trials)}


def test_help_of_a_sweep_says_what_it_does_and_lists_its_options(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["tune.sweep", "--help"])
    with pytest.raises(SystemExit):
        command.run(verb.main)
    said = capsys.readouterr().out
    assert "Search a recipe's configuration on a dataset" in said
    assert all(f"--{name}" in said for name in ("objective", "grace-epochs", "reduction-factor", "confirm", "space"))
    assert "--space-fields" not in said


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--num-trials", "2"], "--data: missing"),
        (["--data", "/no/such"], "--data: '/no/such' holds no dataset.json"),
        (["--data", "/no/such", "--num-trials", "0"], "--num-trials: 0 is not above zero"),
        (["--data", "/no/such", "--space", "/no/space"], "--space: '/no/space' does not exist"),
        (["--data", "/no/such", "--run-name", "../evil"], "--run-name: '../evil' cannot be the name of one folder"),
        (["--resume", "../evil"], "--resume: '../evil' cannot be the name of one folder"),
        (["--resume", "gone"], "--resume: there is no sweep 'gone'"),
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

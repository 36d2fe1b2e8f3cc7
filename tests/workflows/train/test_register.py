"""Which runs become versions of the registered model, and which state a run ends in."""

import dataclasses
import os
import signal
import subprocess
import sys
from pathlib import Path

import mlflow
import pytest

from infra.tracking import Run, start_run
from workflows.recipes import multisensory
from workflows.train import fit as module
from workflows.train.fit import Trial, fit
from workflows.train.job import Scaling
from workflows.train.register import register

pytestmark = pytest.mark.ray
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def train(small_dataset, tracking):
    def run(name, *, cadence=None, **options):
        config = multisensory.tiny()
        config = dataclasses.replace(config, cadence=dataclasses.replace(config.cadence, **(cadence or {})))
        return fit("multisensory", config, data=small_dataset, run_name=name, scaling=Scaling(num_workers=0), **options)

    return run


def versions(tracking, result):
    """Versions of a run by number, oldest first; the store may hold others' too."""
    found = mlflow.MlflowClient(tracking).search_model_versions(f"run_id = '{result.run_id}'")
    return sorted(found, key=lambda each: int(each.version))


def status(tracking, result):
    return mlflow.MlflowClient(tracking).get_run(result.run_id).info.status


def test_registration_of_finished_weights_happens_once(train, tracking):
    first = train("once")
    again = train("once", resume=True)
    (version,) = versions(tracking, first)
    assert first.model_uri == again.model_uri == f"models:/multisensory/{version.version}"
    assert len(mlflow.MlflowClient(tracking).get_run(first.run_id).outputs.model_outputs) == 1


def test_registration_leaves_out_a_stopped_run_unless_asked(train, tracking):
    stopped = train("stopped", cadence={"max_minutes": 0.0})
    assert (stopped.model_uri, status(tracking, stopped)) == (None, "KILLED")
    assert stopped.why_not_registered == "stopped before its end; --register does it all the same"
    asked = train("asked", cadence={"max_minutes": 0.0}, registration="always")
    assert asked.model_uri is not None
    resumed = train("asked", resume=True)
    assert status(tracking, resumed) == "FINISHED"
    found = versions(tracking, resumed)
    assert [each.tags["state"] for each in found] == ["unfinished", "finished"]
    assert [f"models:/multisensory/{each.version}" for each in found] == [asked.model_uri, resumed.model_uri]


def test_registration_takes_a_trial_that_used_up_its_time_for_finished(train, tracking, small_dataset):
    parent = start_run("multisensory", name="sweep").run_id
    cut = train("cut", cadence={"max_minutes": 0.0, "epochs": 50}, trial=Trial(parent_run=parent))
    assert (cut.finished, status(tracking, cut)) == (True, "FINISHED")
    register(Run(cut.run_id), recipe="multisensory", folder=cut.model_folder, dataset=small_dataset)
    assert [each.tags["state"] for each in versions(tracking, cut)] == ["finished"]


def test_registration_can_be_left_out(train, tracking):
    result = train("private", registration="never")
    assert (result.model_uri, status(tracking, result)) == (None, "FINISHED")
    assert versions(tracking, result) == []


def test_registration_needs_a_figure(train, tracking, monkeypatch):
    make_job, said = module.make_job, []

    def without_validation(*args, **options):
        job = make_job(*args, **options)
        streams = {name: dataclasses.replace(part, validation=()) for name, part in job.streams.items()}
        return dataclasses.replace(job, streams=streams)

    monkeypatch.setattr(module, "make_job", without_validation)
    result = train("blind", tell=said.append)
    assert "holds no pairs of the validation split" in said[-1]
    assert result.model_uri is None
    assert result.why_not_registered == "no validation clips, so that it has no figure"


def test_sigterm_checkpoints_and_ends_the_run_as_killed(small_dataset, tracking, tmp_path):
    options = ["--preset", "tiny", "--epochs", "5000", "--num-workers", "0", "--run-name", "ended", "--data"]
    process = subprocess.Popen(
        [sys.executable, "-m", "workflows.train", "multisensory", *options, small_dataset],
        cwd=ROOT, env={**os.environ, "MLFLOW_TRACKING_URI": tracking}, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("step "):
            break
    process.send_signal(signal.SIGTERM)
    said, _ = process.communicate(timeout=120)
    assert "stopping after a checkpoint" in said
    assert "\n  python -m workflows.train --resume ended\n" in said
    run_id = (tmp_path / "runs" / "ended" / "run_id").read_text()
    assert mlflow.MlflowClient(tracking).get_run(run_id).info.status == "KILLED"

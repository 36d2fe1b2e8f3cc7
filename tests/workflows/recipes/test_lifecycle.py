"""The life of a model of any recipe: trained, stopped and resumed, registered, served, evaluated, promoted, swept, on the same engine."""

import dataclasses
import json
import re
import sys
from pathlib import Path

import mlflow.pyfunc
import numpy as np
import pytest
import ray

from datasets.reading.reader import read
from infra.errors import InputError
from infra.tracking import Run, read_model_text
from tune import sweep
from workflows.cli import command
from workflows.contract.registry import load_recipe, recipe_names
from workflows.evaluate.record import record_evaluation
from workflows.evaluate.report import describe_report, evaluate_model
from workflows.promote.__main__ import promote
from workflows.train.fit import DivergedError, fit
from workflows.train.job import Scaling
from workflows.trained.model import loaded
from workflows.trained.serving import load

pytestmark = pytest.mark.ray
HERE = Scaling(num_workers=0)
ONE_OF_EACH_KIND = ("audio_tagging", "coincidence", "see_hear_read")
"""Recipes that read rows, pairs, and two streams: for what starts processes of Ray, which takes long."""


@pytest.fixture(params=recipe_names())
def recipe(request):
    return request.param


@pytest.fixture
def data(recipe, small_dataset):
    """The small dataset for every stream."""
    module = load_recipe(recipe)
    return dict.fromkeys(module.streams(module.tiny()), small_dataset)


@pytest.fixture
def train(recipe, data, tracking):
    """Trains the recipe's smallest configuration."""

    def run(name, *, scaling=HERE, resume=False, **cadence):
        config = load_recipe(recipe).tiny()
        config = dataclasses.replace(config, cadence=dataclasses.replace(config.cadence, **cadence))
        return fit(recipe, config, data=data, run_name=name, scaling=scaling, resume=resume)

    return run


def history(result):
    return json.loads(Path(result.run_folder, "history.json").read_text())


def test_a_stopped_run_goes_on_as_if_never_stopped(train):
    whole, stopped = train("whole"), train("halves", max_minutes=0.0)
    assert not stopped.finished
    resumed = train("halves", resume=True)
    assert resumed.finished
    assert resumed.run_id == stopped.run_id
    for before, after in zip(history(whole), history(resumed), strict=True):
        for name in ("train/loss", "validation/loss", "objective"):
            assert after[name] == pytest.approx(before[name], abs=1e-4), name


@pytest.mark.parametrize("recipe", ONE_OF_EACH_KIND, indirect=True)
def test_two_workers_train_and_validate_as_one_process_reads(train, recipe):
    result = train("two", scaling=Scaling(num_workers=2))
    assert result.finished
    assert np.isfinite(result.metrics["objective"])
    assert result.metrics["objective"] == result.metrics[f"validation/{_figure(recipe)}"]


def test_registered_it_is_served_as_it_is_evaluated(train, recipe, small_dataset, tmp_path):
    result = train("served")
    served = mlflow.pyfunc.load_model(result.model_uri)
    predictor = load(result.model_uri)
    clip = next(iter(read(small_dataset, "validation", columns=("frames", "waveform"))))
    given = {"video": clip["frames"][None], "waveform": clip["waveform"]}
    inputs = {name: given[name] for name in predictor.inputs}
    found = predictor.predict(**inputs)
    for name, values in served.predict(inputs).items():
        np.testing.assert_allclose(values, found[name], atol=1e-6)
    with loaded(result.model_uri) as model:
        report = evaluate_model(model, dataset=small_dataset, split="test")
        record_evaluation(report, str(tmp_path / "report"), trained_by=Run(result.run_id))
    written = json.loads((tmp_path / "report" / "report.json").read_text())
    assert set(written) >= {"recipe", "dataset", "split", "figures", "tables"}
    figure = written["figures"][_figure(recipe)]
    assert figure["chance"] is not None
    assert figure["num_groups"] > 0
    assert figure["title"] in describe_report(report)
    card = read_model_text(Run(result.run_id), "card.md")
    assert "## Where it fails" in card
    assert figure["title"] in card


def test_promotion_decides_by_the_objective(train, recipe, small_dataset, capsys):
    train("first")
    second = train("second")
    promote(second.model_uri, small_dataset)
    said = capsys.readouterr().out
    assert f"objective  {load_recipe(recipe).objective(load_recipe(recipe).tiny()).title}" in said
    assert "kept" in said or "promoted" in said


@pytest.mark.parametrize("recipe", ONE_OF_EACH_KIND, indirect=True)
def test_a_sweep_ranks_by_the_objective(recipe, data, tracking, monkeypatch, capsys):
    options = ["--preset", "tiny", "--epochs", "1", "--num-trials", "2", "--scheduler", "none", "--run-name", "small"]
    monkeypatch.setattr(
        sys, "argv", ["tune.sweep", recipe, *(f"--data={name}={path}" for name, path in data.items()), *options]
    )
    command.run(sweep.main)
    said = capsys.readouterr().out
    assert len(re.findall(r"^\d=? +0\d .* \d\.\d+ +finished ", said, re.MULTILINE)) == 2
    assert re.search(rf"best +0\d .*  models:/{recipe}/\d", said)


def test_a_diverged_run_is_named_and_never_registered(recipe, data, tracking):
    config = load_recipe(recipe).tiny()
    wild = dataclasses.replace(config.optim, name="sgd", lr=1e30, gradient_clip=0.0)
    config = dataclasses.replace(config, optim=wild, cadence=dataclasses.replace(config.cadence, epochs=4))
    with pytest.raises(DivergedError, match=r"optim.lr: training diverged with 1e\+30"):
        fit(recipe, config, data=data, run_name="wild", scaling=HERE)
    client = mlflow.MlflowClient(tracking)
    runs = client.search_runs([client.get_experiment_by_name(recipe).experiment_id])
    assert [run.info.status for run in runs if run.info.run_name == "wild"] == ["FAILED"]
    wanted = [model.name for model in client.search_registered_models() if model.name == recipe]
    assert not [
        v
        for name in wanted
        for v in client.search_model_versions(f"name = '{name}'")
        if v.run_id == runs[0].info.run_id
    ]


def test_resuming_with_another_field_is_refused_by_its_name(train, recipe, data):
    train("steady", max_minutes=0.0)
    config = load_recipe(recipe).tiny()
    config = dataclasses.replace(config, optim=dataclasses.replace(config.optim, lr=0.123))
    with pytest.raises(InputError, match=r"--optim.lr: 'steady' began with .*, now it is 0\.123; give the same"):
        fit(recipe, config, data=data, run_name="steady", scaling=HERE, resume=True)


@pytest.mark.parametrize("recipe", ONE_OF_EACH_KIND, indirect=True)
def test_a_task_of_ray_trains_it(recipe, data, tracking, tmp_path):
    """In a worker process of the cluster, which knows no more of this one than its environment."""
    variables = {"SENSORIUM_HOME": str(tmp_path), "MLFLOW_TRACKING_URI": tracking}

    def task():
        return fit(recipe, load_recipe(recipe).tiny(), data=data, run_name="job", scaling=HERE)

    result = ray.get(ray.remote(num_cpus=0.5, runtime_env={"env_vars": variables})(task).remote())
    assert result.finished
    assert Path(result.model_folder, "model.safetensors").exists()


def _figure(recipe):
    module = load_recipe(recipe)
    return module.objective(module.tiny()).figure

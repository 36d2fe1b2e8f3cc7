"""The registry of the store below SENSORIUM_HOME, which no variable names."""

import os

from infra.tracking import find_version, register_model, start_run
from infra.tracking.logged_model import log_model_folder, logging_model


def test_registry_finds_a_logged_model_in_the_store_of_the_home_folder(tracking, tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "config.json").write_text("{}")
    run = start_run("recipe", name="first")
    with logging_model(run, name="recipe", kind="recipe", step=1, tags={}) as model_id:
        log_model_folder(run, model_id, tmp_path / "weights")
    assert register_model(run, name="recipe") == find_version(run, name="recipe") == "1"
    assert "MLFLOW_TRACKING_URI" not in os.environ


def test_registry_takes_the_model_of_a_run_whose_name_mlflow_refuses_for_models(tracking):
    name = "07 adamw lr 7.9e-3: 5 % 'late'"
    run = start_run("recipe", name=name)
    with logging_model(run, name=name, kind="recipe", step=1, tags={}):
        pass
    assert register_model(run, name="recipe") == "1"

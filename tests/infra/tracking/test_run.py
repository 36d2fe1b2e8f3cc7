"""A run's records while another program holds `mlflow.db`, with a real lock."""

import contextlib
import sqlite3
import time

import mlflow
import pytest
import sqlalchemy
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import BAD_REQUEST

from infra.tracking import TrackingError, client, start_run
from infra.tracking.client import is_outage
from infra.tracking.run import ending


@contextlib.contextmanager
def held(uri):
    """Hold the database as a program does that writes to it."""
    connection = sqlite3.connect(uri.removeprefix("sqlite:///"))
    connection.execute("BEGIN EXCLUSIVE")
    try:
        yield connection
    finally:
        connection.close()


def test_run_logs_at_once_while_another_program_holds_the_database(tracking, tmp_path):
    run = start_run("held", name="run")
    with held(tracking):
        began = time.monotonic()
        run.log_params({"optim": {"lr": 0.1}})
        for step in range(50):
            run.log_metrics({"loss": 1 / (step + 1)}, step=step)
        run.set_tags({"verdict": "good"})
        run.log_dict({"a": 1}, "folder/values.json")
        run.log_dataset(str(tmp_path), name="clips", digest="f" * 40, context="training")
        assert time.monotonic() - began < 2
        assert list((tmp_path / "unsent" / run.run_id).glob(".unsent.jsonl*.part"))
    run.finish()
    assert not (tmp_path / "unsent").exists()
    found = mlflow.MlflowClient(tracking).get_run(run.run_id)
    assert found.info.status == "FINISHED"
    assert found.data.params == {"optim.lr": "0.1"}
    assert found.data.tags["verdict"] == "good"
    assert [(each.dataset.name, each.dataset.digest) for each in found.inputs.dataset_inputs] == [("clips", "f" * 36)]
    assert run.read_dict("folder/values.json") == {"a": 1}
    assert run.curve("loss") == [(step, 1 / (step + 1)) for step in range(50)]


def test_run_that_could_not_send_all_says_where_the_rest_lies_and_the_next_sends_it(tracking, tmp_path, capsys):
    run = start_run("held", name="run")
    with held(tracking):
        run.log_metrics({"loss": 0.5})
        run.set_status("FINISHED")
        run.flush(0.1)
        said = capsys.readouterr().err.splitlines()
        assert len(said) == 1
        assert f"lies unsent in {tmp_path / 'unsent' / run.run_id}; the next command sends it" in said[0]
    assert run.metric("loss") == 0.5


def test_start_of_a_run_waits_for_a_held_database_with_one_warning(tracking, monkeypatch, capsys):
    monkeypatch.setattr(client, "_SECONDS_OF_A_LOOK", 0.1)
    monkeypatch.setattr(client, "_SECONDS_BETWEEN_TRIES", 0.1)
    with held(tracking) as connection:
        sleeps = []

        def sleep(seconds):
            sleeps.append(seconds)
            if len(sleeps) == 3:
                connection.rollback()

        monkeypatch.setattr(client.time, "sleep", sleep)
        with ending(start_run("held", name="run")) as run:
            pass
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1
    assert said[0].startswith(f"warning  {tracking} does not answer (database is locked); trying for 90 s")
    assert mlflow.MlflowClient(tracking).get_run(run.run_id).info.status == "FINISHED"


def test_start_of_a_run_gives_up_in_one_line(tracking, monkeypatch, capsys):
    monkeypatch.setattr(client, "_SECONDS_OF_A_LOOK", 0.1)
    monkeypatch.setattr(client, "PATIENCE_SECONDS", 0.0)
    with held(tracking), pytest.raises(TrackingError, match=r"^MLFLOW_TRACKING_URI: 'sqlite:.*\(database is locked\)"):
        start_run("held", name="run")


def test_server_that_is_not_there_is_told_in_one_line(monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setattr(client, "PATIENCE_SECONDS", 0.0)
    with pytest.raises(TrackingError, match=r"^MLFLOW_TRACKING_URI: 'http://127.0.0.1:9' does not answer"):
        start_run("away", name="run")


def test_store_whose_connections_are_all_taken_does_not_answer_now():
    engine = sqlalchemy.create_engine(
        "sqlite://", poolclass=sqlalchemy.QueuePool, pool_size=1, max_overflow=0, pool_timeout=0.01
    )
    with engine.connect(), pytest.raises(sqlalchemy.exc.TimeoutError) as caught:
        engine.connect()
    refused = MlflowException("refused", error_code=BAD_REQUEST)
    assert not is_outage(refused)
    refused.__cause__ = caught.value
    assert is_outage(refused)

"""What was deleted in the MLflow UI is restored where a command works with it again."""

import mlflow
import pytest
from mlflow.entities import LifecycleStage

from infra.errors import InputError
from infra.tracking import find_run, resume_run, start_run


@pytest.fixture
def store(tracking):
    """A client that does what the UI does."""
    return mlflow.MlflowClient(tracking)


def stage(store, run):
    return store.get_run(run.run_id).info.lifecycle_stage


def test_deleted_experiment_is_restored_without_its_earlier_runs(store, capsys):
    earlier = start_run("prepare", name="earlier")
    experiment = store.get_experiment_by_name("prepare").experiment_id
    store.delete_experiment(experiment)
    run = start_run("prepare", name="next")
    assert capsys.readouterr().err == (
        "restored the experiment 'prepare', which was deleted; its 1 earlier runs stay deleted (mlflow gc removes them for good)\n"
    )
    assert store.get_experiment(experiment).lifecycle_stage == LifecycleStage.ACTIVE
    assert (stage(store, earlier), stage(store, run)) == (LifecycleStage.DELETED, LifecycleStage.ACTIVE)


@pytest.mark.parametrize("deleted", ["run", "experiment"])
def test_deleted_run_that_goes_on_is_restored(store, capsys, deleted):
    run, other = start_run("train", name="mine"), start_run("train", name="other")
    run.finish()
    if deleted == "run":
        store.delete_run(run.run_id)
    else:
        store.delete_experiment(store.get_experiment_by_name("train").experiment_id)
    resumed = resume_run(run.run_id)
    assert f"restored the run 'mine' ({run.run_id}) of the experiment 'train'" in capsys.readouterr().err
    resumed.log_metrics({"loss": 1.0})
    resumed.finish()
    assert resumed.metric("loss") == 1.0
    assert stage(store, other) == (LifecycleStage.ACTIVE if deleted == "run" else LifecycleStage.DELETED)


def test_deleted_run_is_restored_where_it_is_evaluated(store, capsys):
    run = start_run("train", name="mine")
    store.delete_run(run.run_id)
    found = find_run(run.run_id)
    assert found is not None
    found.set_tags({"verdict": "good"})
    assert found.tag("verdict") == "good"
    assert "restored the run 'mine'" in capsys.readouterr().err


def test_run_deleted_while_it_logs_is_restored(store, capsys):
    run = start_run("train", name="mine")
    store.delete_run(run.run_id)
    run.log_metrics({"loss": 1.0})
    run.finish()
    assert store.get_run(run.run_id).data.metrics == {"loss": 1.0}
    assert capsys.readouterr().err.count("restored the run 'mine'") == 1


def test_run_that_is_gone_for_good_cannot_go_on(tracking):
    with pytest.raises(
        InputError, match=rf"^--resume: the run {'0' * 32} is not in sqlite:.*; set MLFLOW_TRACKING_URI"
    ):
        resume_run("0" * 32)

"""Restoring what was deleted in the MLflow UI, where a command works with it again."""

import contextlib

import mlflow
from mlflow.entities import Experiment, LifecycleStage, ViewType
from mlflow.exceptions import MlflowException

from infra.tracking.client import say


def restore_experiment(client: mlflow.MlflowClient, experiment: Experiment) -> None:
    """Restore an experiment if it was deleted; its runs, which MLflow would restore too, stay deleted.

    A deleted experiment keeps its name, so that MLflow makes no other of that name.
    """
    if experiment.lifecycle_stage != LifecycleStage.DELETED:
        return
    before = _deleted_runs(client, experiment.experiment_id)
    with contextlib.suppress(MlflowException):  # another process was first
        client.restore_experiment(experiment.experiment_id)
        for run_id in before:
            client.delete_run(run_id)
        say(
            f"restored the experiment '{experiment.name}', which was deleted; its {len(before)} earlier runs stay deleted "
            f"(mlflow gc removes them for good)"
        )


def restore_run(client: mlflow.MlflowClient, run_id: str) -> bool:
    """Restore a run if it or its experiment was deleted; return whether it was."""
    run = client.get_run(run_id)
    experiment = client.get_experiment(run.info.experiment_id)
    restore_experiment(client, experiment)
    if run.info.lifecycle_stage != LifecycleStage.DELETED:
        return False
    client.restore_run(run_id)
    say(f"restored the run '{run.info.run_name}' ({run_id}) of the experiment '{experiment.name}', which was deleted")
    return True


def _deleted_runs(client: mlflow.MlflowClient, experiment_id: str) -> list[str]:
    found, token = [], None
    while True:
        page = client.search_runs([experiment_id], run_view_type=ViewType.DELETED_ONLY, page_token=token)
        found += [run.info.run_id for run in page]
        token = page.token
        if not token:
            return found

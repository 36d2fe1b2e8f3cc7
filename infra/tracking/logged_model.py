"""MLflow's logged models: one for every model that a run keeps, with its files, its metrics by dataset and its versions."""

import contextlib
import json
import os
import re
from collections.abc import Iterator, Mapping

import mlflow
import mlflow.artifacts
from mlflow.entities import LoggedModelOutput
from mlflow.exceptions import MlflowException
from mlflow.utils.mlflow_tags import MLFLOW_MODEL_VERSIONS

from infra.tracking.client import patient_client
from infra.tracking.run import Run

FOLDER = "model"
"""Folder of a run's files where the model lies if there is no logged one, as of a sweep's trials."""

_REFUSED = re.compile(r"[/:.%\"']")


@contextlib.contextmanager
def logging_model(run: Run, *, name: str, kind: str, step: int, tags: Mapping[str, str | None]) -> Iterator[str]:
    """Give the id of a new logged model of a run, to be filled by the block: READY afterwards, FAILED on an error.

    Args:
        run: the run that made it.
        name: its name; what MLflow refuses in it becomes `_`.
        kind: what it is, such as the recipe.
        step: step of the run whose weights it has.
        tags: what else is known of it.
    """
    client = patient_client(run.uri)
    experiment = client.get_run(run.run_id).info.experiment_id
    marks = {key: value for key, value in tags.items() if value is not None}
    model_id = client.create_logged_model(
        experiment, name=_REFUSED.sub("_", name), source_run_id=run.run_id, tags=marks, model_type=kind
    ).model_id
    try:
        yield model_id
    except BaseException:
        client.finalize_logged_model(model_id, "FAILED")
        raise
    client.finalize_logged_model(model_id, "READY")
    client.log_outputs(run.run_id, [LoggedModelOutput(model_id, step)])


def log_model_folder(run: Run, model_id: str, folder: str | os.PathLike[str]) -> None:
    """Copy a folder's files into a logged model."""
    patient_client(run.uri).log_model_artifacts(model_id, os.fspath(folder))


def logged_model(run: Run) -> mlflow.entities.LoggedModel | None:
    """Return the logged model that a run made last, None where it made none."""
    client = patient_client(run.uri)
    outputs = client.get_run(run.run_id).outputs
    made = outputs.model_outputs if outputs else []
    if not made:
        return None
    with contextlib.suppress(MlflowException):  # removed for good
        return max((client.get_logged_model(each.model_id) for each in made), key=lambda each: each.creation_timestamp)
    return None


def model_place(run: Run) -> str:
    """Return where the files of a run's model lie."""
    found = logged_model(run)
    if found is not None:
        return found.artifact_location
    return f"{patient_client(run.uri).get_run(run.run_id).info.artifact_uri}/{FOLDER}"


def read_model_text(run: Run, name: str) -> str:
    """Return the text of a file of a run's model."""
    run.wait_until_sent()
    return mlflow.artifacts.load_text(f"{model_place(run)}/{name}")


def write_model_file(run: Run, path: str) -> None:
    """Put a file into a run's model, over what it holds of that name."""
    found = logged_model(run)
    if found is None:
        run.log_artifact(path, FOLDER)
    else:
        patient_client(run.uri).log_model_artifact(found.model_id, path)


def note_version(client: mlflow.MlflowClient, model: mlflow.entities.LoggedModel, *, name: str, version: str) -> None:
    """Have a logged model show a version that was registered of it."""
    known = json.loads(model.tags.get(MLFLOW_MODEL_VERSIONS, "[]"))
    versions = json.dumps([*known, {"name": name, "version": version}])
    client.set_logged_model_tags(model.model_id, {MLFLOW_MODEL_VERSIONS: versions})

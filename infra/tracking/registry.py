"""MLflow's model registry: versions of a model, its champion, and the files of each."""

import contextlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import mlflow
import mlflow.artifacts
from mlflow.exceptions import MlflowException

from infra import storage
from infra.errors import InputError
from infra.tracking.client import first_line, patient_client, patiently, tracking_uri
from infra.tracking.logged_model import FOLDER, logged_model, model_place, note_version
from infra.tracking.run import Run

CHAMPION = "champion"
"""Alias of the version of a model that the others are measured against."""


def register_model(run: Run, *, name: str, tags: Mapping[str, str | None] | None = None) -> str:
    """Register what a run keeps as the next version of a model; the first becomes the champion."""
    run.wait_until_sent()
    client = patient_client(run.uri)
    with contextlib.suppress(MlflowException):
        client.create_registered_model(name)
    marks = {key: value for key, value in (tags or {}).items() if value is not None}
    model = logged_model(run)
    model_id = None if model is None else model.model_id
    source = model_place(run) if model is None else f"models:/{model_id}"
    with _default_store(run.uri):
        version = client.create_model_version(name, source, run.run_id, tags=marks, model_id=model_id).version
    if model is not None:
        note_version(client, model, name=name, version=str(version))
    if CHAMPION not in client.get_registered_model(name).aliases:
        client.set_registered_model_alias(name, CHAMPION, version)
    return str(version)


@contextlib.contextmanager
def _default_store(uri: str) -> Iterator[None]:
    """Have MLflow take a store for its default: its registry looks for logged models there, not in the store that it is of."""
    name = "MLFLOW_TRACKING_URI"
    before = os.environ.get(name)
    os.environ[name] = uri
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


def find_version(run: Run, *, name: str, **tags: str) -> str | None:
    """Return the latest version under which a run's model is registered with these tags, None where it is not."""
    found = patient_client(run.uri).search_model_versions(f"name = '{name}' and run_id = '{run.run_id}'")
    fitting = [int(each.version) for each in found if tags.items() <= each.tags.items()]
    return str(max(fitting)) if fitting else None


def describe_versions(run: Run, text: str) -> None:
    """Show a text with every version that is registered from a run."""
    client = patient_client(run.uri)
    for found in client.search_model_versions(f"run_id = '{run.run_id}'"):
        client.update_model_version(found.name, found.version, text)


def champion(name: str) -> str:
    """Return the version of a model that is the champion.

    Raises:
        InputError: If there is no such model, or none of it is.
    """
    try:
        return str(patient_client().get_model_version_by_alias(name, CHAMPION).version)
    except MlflowException:
        raise InputError(f"--model: '{name}' has no champion in {tracking_uri()}; train one first") from None


def crown(name: str, version: str) -> None:
    """Make a version of a model its champion."""
    patient_client().set_registered_model_alias(name, CHAMPION, version)


@contextlib.contextmanager
def model_folder(uri: str) -> Iterator[tuple[str, str | None]]:
    """Give the local folder of a model, and the id of the run that made it where one is known.

    Args:
        uri: models:/NAME@ALIAS, models:/NAME/VERSION, runs:/ID, or the folder of a model or of its run.

    Raises:
        InputError: If there is no such model.
    """
    if not uri.startswith(("models:/", "runs:/")):
        given = Path(storage.resolve(uri, field="--model"))
        folder = next((each for each in (given, given / "model") if (each / "config.json").exists()), None)
        if folder is None:
            raise InputError(
                f"--model: '{given}' is not a folder with a model (config.json and model.safetensors); "
                "give one, or models:/NAME@champion, models:/NAME/VERSION or runs:/ID"
            )
        record = folder / "run_id"
        yield str(folder), record.read_text().strip() if record.exists() else None
        return
    with tempfile.TemporaryDirectory() as destination:
        try:
            run_id, folder = _download(uri, destination)
        except MlflowException as error:
            raise InputError(f"--model: '{uri}' is not in {tracking_uri()}: {first_line(error)}") from None
        yield folder, run_id


def _download(uri: str, destination: str) -> tuple[str | None, str]:
    run_id, artifact_uri = _find_model(patient_client(), uri)
    store = tracking_uri()
    folder = patiently(
        store,
        lambda: mlflow.artifacts.download_artifacts(
            artifact_uri=artifact_uri, dst_path=destination, tracking_uri=store
        ),
    )
    return run_id, folder


def _find_model(client: mlflow.MlflowClient, uri: str) -> tuple[str | None, str]:
    if uri.startswith("runs:/"):
        run_id, _, path = uri.removeprefix("runs:/").partition("/")
        artifacts = client.get_run(run_id).info.artifact_uri
        return run_id, f"{artifacts}/{path}" if path not in ("", FOLDER) else model_place(Run(run_id))
    name, alias, version = *uri.removeprefix("models:/").partition("@")[::2], ""
    if not alias:
        name, _, version = name.rpartition("/")
    found = client.get_model_version_by_alias(name, alias) if alias else client.get_model_version(name, version)
    return found.run_id, client.get_model_version_download_uri(found.name, found.version)

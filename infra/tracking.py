"""Runs, comparison and the model registry: all that the project asks of MLflow."""

import contextlib
import json
import logging
import os
import shlex
import sys
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")

import mlflow
import mlflow.artifacts
import mlflow.data
from filelock import FileLock
from mlflow.data.dataset_source_registry import resolve_dataset_source
from mlflow.data.meta_dataset import MetaDataset
from mlflow.entities import DatasetInput, InputTag, Metric, Param
from mlflow.exceptions import MlflowException
from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

from infra import storage
from infra.errors import InputError

_LONGEST_PARAM = 6000
_SYSTEM_METRICS_SECONDS = 5

for _name in ("mlflow", "alembic"):
    logging.getLogger(_name).setLevel(logging.ERROR)


def tracking_uri() -> str:
    """Return where runs are kept: MLFLOW_TRACKING_URI, else an SQLite file in the home folder."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{storage.home() / 'mlflow.db'}"


CHAMPION = "champion"
"""Alias of the version of a model that the others are measured against."""
UI_PORT = 5000


def ui_page(port: int = UI_PORT) -> str:
    """Return where the runs are seen; without the last part MLflow opens its pages for language models."""
    server = tracking_uri().rstrip("/") if has_server() else f"http://127.0.0.1:{port}"
    return f"{server}/#/experiments?workflowType=machine_learning"


def has_server() -> bool:
    """Return whether the runs are kept by a server, which shows them itself."""
    return tracking_uri().startswith(("http://", "https://"))


_UI_ENVIRONMENT = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}


def ui_command() -> str:
    """Return the command that shows the runs in a browser."""
    settings = " ".join(f"{name}={value}" for name, value in _UI_ENVIRONMENT.items())
    return f"{settings} .venv/bin/{shlex.join(_ui_arguments(UI_PORT))}"


def serve_ui(port: int) -> NoReturn:
    """Become the server of MLflow's pages, on this machine's own address; does not return."""
    program = Path(sys.executable).parent / "mlflow"
    os.execve(program, _ui_arguments(port), {**os.environ, **_UI_ENVIRONMENT})


def _ui_arguments(port: int) -> list[str]:
    address = ["--host", "127.0.0.1", "--port", str(port)]
    return ["mlflow", "ui", *address, "--workers", "1", "--backend-store-uri", tracking_uri()]


def _client(uri: str | None = None) -> mlflow.MlflowClient:
    """Return a client; the first use of an SQLite file makes its tables, one process at a time."""
    uri = uri or tracking_uri()
    if not uri.startswith("sqlite:///"):
        return mlflow.MlflowClient(uri, registry_uri=uri)
    path = Path(uri.removeprefix("sqlite:///"))
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{path}.lock"):
        client = mlflow.MlflowClient(uri, registry_uri=uri)
        client.search_experiments(max_results=1)
        return client


class Run:
    """One run, from any process that knows where the runs are kept and its id."""

    def __init__(self, run_id: str, *, uri: str | None = None) -> None:
        self.run_id, self.uri = run_id, uri or tracking_uri()
        self._client = _client(self.uri)
        self._monitor: SystemMetricsMonitor | None = None

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Log a nested configuration under dotted names."""
        flat = [Param(name, str(value)[:_LONGEST_PARAM]) for name, value in flatten(params).items()]
        for first in range(0, len(flat), 100):
            self._client.log_batch(self.run_id, params=flat[first : first + 100])

    def log_metrics(self, metrics: Mapping[str, float], *, step: int = 0) -> None:
        """Log numbers of one step in one call."""
        now = mlflow.utils.time.get_current_time_millis()
        entities = [Metric(name, float(value), now, step) for name, value in metrics.items()]
        self._client.log_batch(self.run_id, metrics=entities)

    def set_tags(self, tags: Mapping[str, str | None]) -> None:
        """Set tags, leaving out what is None."""
        for name, value in tags.items():
            if value is not None:
                self._client.set_tag(self.run_id, name, value)

    def tag(self, name: str) -> str | None:
        """Return a tag's value."""
        return self._client.get_run(self.run_id).data.tags.get(name)

    def metric(self, name: str) -> float:
        """Return a metric's latest value."""
        return self._client.get_run(self.run_id).data.metrics[name]

    def curve(self, name: str) -> list[tuple[int, float]]:
        """Return a metric's values by step, the latest where a step was logged again."""
        found = {each.step: each.value for each in self._client.get_metric_history(self.run_id, name)}
        return sorted(found.items())

    @property
    def status(self) -> str:
        """RUNNING, FINISHED, FAILED or KILLED."""
        return self._client.get_run(self.run_id).info.status

    def has_artifact(self, name: str) -> bool:
        """Return whether the run holds a file."""
        folder, _, _ = name.rpartition("/")
        return any(each.path == name for each in self._client.list_artifacts(self.run_id, folder or None))

    def read_text(self, name: str) -> str:
        """Return the text of a file of the run."""
        return mlflow.artifacts.load_text(self._artifact(name))

    def read_dict(self, name: str) -> dict[str, Any]:
        """Return the value of a JSON file of the run."""
        return json.loads(self.read_text(name))

    def _artifact(self, name: str) -> str:
        return f"{self._client.get_run(self.run_id).info.artifact_uri}/{name}"

    def log_artifact(self, path: str | os.PathLike[str], folder: str | None = None) -> None:
        """Copy a file into the run."""
        self._client.log_artifact(self.run_id, os.fspath(path), folder)

    def log_folder(self, path: str | os.PathLike[str], folder: str) -> None:
        """Copy a folder's files into the run."""
        self._client.log_artifacts(self.run_id, os.fspath(path), folder)

    def log_dict(self, value: Any, name: str) -> None:
        """Write a value as a JSON file of the run."""
        self._client.log_text(self.run_id, json.dumps(value, indent=2), name)

    def log_figure(self, figure: Any, name: str) -> None:
        """Write a matplotlib figure as a file of the run."""
        self._client.log_figure(self.run_id, figure, name)

    def log_dataset(self, uri: str, *, name: str, digest: str, context: str) -> None:
        """Record which dataset went in."""
        with warnings.catch_warnings(action="ignore"):  # a folder fits two equal kinds of source
            source = resolve_dataset_source(uri)
        dataset = MetaDataset(source=source, name=name, digest=digest[:36])
        entity = dataset._to_mlflow_entity()
        self._client.log_inputs(
            self.run_id,
            [DatasetInput(entity, [InputTag("mlflow.data.context", context)])],
        )

    def watch_system(self) -> None:
        """Log processor, memory and GPU use every few seconds until the run ends."""
        self._monitor = SystemMetricsMonitor(
            self.run_id,
            sampling_interval=_SYSTEM_METRICS_SECONDS,
            samples_before_logging=1,
            tracking_uri=self.uri,
        )
        self._monitor.start()

    def stop_watching(self) -> None:
        """Stop what `watch_system` began."""
        if self._monitor is not None:
            self._monitor.finish()
            self._monitor = None

    def finish(self, status: str = "FINISHED") -> None:
        """End the run as FINISHED, FAILED or KILLED."""
        self.stop_watching()
        self._client.set_terminated(self.run_id, status)


def flatten(nested: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return a nested mapping under dotted names."""
    flat: dict[str, Any] = {}
    for name, value in nested.items():
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = value
    return flat


def start_run(
    experiment: str,
    *,
    name: str,
    tags: Mapping[str, str | None] | None = None,
    parent: str | None = None,
) -> Run:
    """Return a new run of an experiment, which is made if need be."""
    client = _client()
    found = client.get_experiment_by_name(experiment)
    if found is not None:
        experiment_id = found.experiment_id
    else:
        place = None
        if tracking_uri().startswith("sqlite:///"):
            place = (Path(tracking_uri().removeprefix("sqlite:///")).parent / "mlartifacts").as_uri()
        experiment_id = client.create_experiment(experiment, artifact_location=place)
    marks = {"mlflow.parentRunId": parent, "mlflow.source.name": "sensorium", **(tags or {})}
    created = client.create_run(experiment_id, run_name=name, tags={k: v for k, v in marks.items() if v is not None})
    return Run(created.info.run_id)


def resume_run(run_id: str) -> Run:
    """Return a run that goes on."""
    run = Run(run_id)
    run._client.update_run(run_id, status="RUNNING")
    return run


def find_run(run_id: str | None) -> Run | None:
    """Return a run, None where these tracking records do not know it: a model can be older, or from elsewhere."""
    if run_id is None:
        return None
    run = Run(run_id)
    try:
        run._client.get_run(run_id)
    except MlflowException:
        return None
    return run


@contextlib.contextmanager
def ending(run: Run) -> Iterator[Run]:
    """Give a run and end it with the block: FINISHED, FAILED on an error, KILLED on Ctrl-C."""
    try:
        yield run
    except KeyboardInterrupt:
        run.finish("KILLED")
        raise
    except BaseException:
        run.finish("FAILED")
        raise
    run.finish()


def register_model(run: Run, *, folder: str, name: str, tags: Mapping[str, str | None] | None = None) -> str:
    """Register a folder of a run as the next version of a model; the first becomes the champion."""
    client = _client(run.uri)
    with contextlib.suppress(MlflowException):
        client.create_registered_model(name)
    source = f"{client.get_run(run.run_id).info.artifact_uri}/{folder}"
    marks = {key: value for key, value in (tags or {}).items() if value is not None}
    version = client.create_model_version(name, source, run.run_id, tags=marks).version
    if CHAMPION not in client.get_registered_model(name).aliases:
        client.set_registered_model_alias(name, CHAMPION, version)
    return str(version)


def find_version(run: Run, *, name: str) -> str | None:
    """Return the latest version under which a run's model is registered, None where it is not."""
    found = _client(run.uri).search_model_versions(f"name = '{name}' and run_id = '{run.run_id}'")
    return str(max(int(each.version) for each in found)) if found else None


def describe_versions(run: Run, text: str) -> None:
    """Show a text with every version that is registered from a run."""
    client = _client(run.uri)
    for found in client.search_model_versions(f"run_id = '{run.run_id}'"):
        client.update_model_version(found.name, found.version, text)


def champion(name: str) -> str:
    """Return the version of a model that is the champion.

    Raises:
        InputError: If there is no such model, or none of it is.
    """
    try:
        return str(_client().get_model_version_by_alias(name, CHAMPION).version)
    except MlflowException:
        raise InputError(f"--model: '{name}' has no champion in {tracking_uri()}; train one first") from None


def crown(name: str, version: str) -> None:
    """Make a version of a model its champion."""
    _client().set_registered_model_alias(name, CHAMPION, version)


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
    client = _client()
    try:
        run_id, artifact_uri = _find_model(client, uri)
        with tempfile.TemporaryDirectory() as destination:
            folder = mlflow.artifacts.download_artifacts(
                artifact_uri=artifact_uri, dst_path=destination, tracking_uri=tracking_uri()
            )
            yield folder, run_id
    except MlflowException as error:
        first = str(error).splitlines()[0]
        raise InputError(f"--model: '{uri}' is not in {tracking_uri()}: {first}") from None


def _find_model(client: mlflow.MlflowClient, uri: str) -> tuple[str | None, str]:
    if uri.startswith("runs:/"):
        run_id, _, path = uri.removeprefix("runs:/").partition("/")
        return run_id, f"{client.get_run(run_id).info.artifact_uri}/{path or 'model'}"
    name, alias, version = *uri.removeprefix("models:/").partition("@")[::2], ""
    if not alias:
        name, _, version = name.rpartition("/")
    found = client.get_model_version_by_alias(name, alias) if alias else client.get_model_version(name, version)
    return found.run_id, str(found.source)

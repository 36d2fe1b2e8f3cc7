"""One run: what is logged of it, and what is read.

What is logged goes to the run's outbox, which a thread empties: while the store does not answer, no work waits for it, none ends with it, and
nothing is lost.
"""

import contextlib
import io
import json
import os
import time
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import mlflow
import mlflow.artifacts
import mlflow.data
from mlflow.data.dataset_source_registry import resolve_dataset_source
from mlflow.data.meta_dataset import MetaDataset
from mlflow.exceptions import MlflowException

from infra.errors import InputError
from infra.tracking.client import (
    PATIENCE_SECONDS,
    SQLITE,
    TrackingError,
    has_given_up,
    patient_client,
    say,
    tracking_uri,
    unanswered,
)
from infra.tracking.deleted import restore_experiment, restore_run
from infra.tracking.sending import open_outbox, unsent_runs
from infra.tracking.system_metrics import SystemMonitor

_LONGEST_PARAM = 6000
_FEW_SECONDS = 5.0


class Run:
    """One run, from any process that knows where the runs are kept and its id.

    What is logged is sent in the background; what is read waits until all is sent, and raises TrackingError where that takes too long.
    """

    def __init__(self, run_id: str, *, uri: str | None = None) -> None:
        self.run_id, self.uri = run_id, uri or tracking_uri()
        self._outbox = open_outbox(self.uri, run_id)
        self._monitor: SystemMonitor | None = None

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Log a nested configuration under dotted names."""
        flat = {name: str(value)[:_LONGEST_PARAM] for name, value in flatten(params).items()}
        self._outbox.put("params", values=flat)

    def log_metrics(self, metrics: Mapping[str, float], step: int = 0) -> None:
        """Log numbers of one step."""
        values = {name: float(value) for name, value in metrics.items()}
        self._outbox.put("metrics", values=values, step=step, time=int(1000 * time.time()))

    def set_tags(self, tags: Mapping[str, str | None]) -> None:
        """Set tags, leaving out what is None."""
        self._outbox.put("tags", values={name: str(value) for name, value in tags.items() if value is not None})

    def tag(self, name: str) -> str | None:
        """Return a tag's value."""
        return self._read().data.tags.get(name)

    def metric(self, name: str) -> float:
        """Return a metric's latest value."""
        return self._read().data.metrics[name]

    def curve(self, name: str) -> list[tuple[int, float]]:
        """Return a metric's values by step, the latest where a step was logged again."""
        self.wait_until_sent()
        found = {each.step: each.value for each in patient_client(self.uri).get_metric_history(self.run_id, name)}
        return sorted(found.items())

    def _read(self) -> mlflow.entities.Run:
        self.wait_until_sent()
        return patient_client(self.uri).get_run(self.run_id)

    def has_artifact(self, name: str) -> bool:
        """Return whether the run holds a file."""
        self.wait_until_sent()
        folder, _, _ = name.rpartition("/")
        found = patient_client(self.uri).list_artifacts(self.run_id, folder or None)
        return any(each.path == name for each in found)

    def read_text(self, name: str) -> str:
        """Return the text of a file of the run."""
        return mlflow.artifacts.load_text(f"{self._read().info.artifact_uri}/{name}")

    def read_dict(self, name: str) -> dict[str, Any]:
        """Return the value of a JSON file of the run."""
        return json.loads(self.read_text(name))

    def log_artifact(self, path: str | os.PathLike[str], folder: str | None = None) -> None:
        """Copy a file into the run."""
        self._outbox.put("files", path=self._outbox.keep_file(path), folder=folder)

    def log_folder(self, path: str | os.PathLike[str], folder: str) -> None:
        """Copy a folder's files into the run."""
        for each in sorted(Path(path).rglob("*")):
            if each.is_file():
                below = each.parent.relative_to(path).as_posix()
                self.log_artifact(each, folder if below == "." else f"{folder}/{below}")

    def log_dict(self, value: Any, name: str) -> None:
        """Write a value as a JSON file of the run."""
        self._log_content(json.dumps(value, indent=2).encode(), name)

    def log_figure(self, figure: Any, name: str) -> None:
        """Write a matplotlib figure as a file of the run."""
        picture = io.BytesIO()
        figure.savefig(picture, format=name.rpartition(".")[2])
        self._log_content(picture.getvalue(), name)

    def _log_content(self, content: bytes, name: str) -> None:
        folder, _, base = name.rpartition("/")
        self._outbox.put("files", path=self._outbox.keep_content(content, base), folder=folder or None)

    def log_dataset(self, uri: str, *, name: str, digest: str, context: str) -> None:
        """Record which dataset went in."""
        with warnings.catch_warnings(action="ignore"):  # a folder fits two equal kinds of source
            source = resolve_dataset_source(uri)
        entity = MetaDataset(source=source, name=name, digest=digest[:36])._to_mlflow_entity()
        self._outbox.put("datasets", dataset=dict(entity), context=context)

    def watch_system(self) -> None:
        """Log processor, memory and GPU use every few seconds until the run ends."""
        self._monitor = SystemMonitor(self.run_id, uri=self.uri, log=self.log_metrics)
        self._monitor.start()

    def stop_watching(self) -> None:
        """Stop what `watch_system` began."""
        if self._monitor is not None:
            self._monitor.finish()
            self._monitor = None

    def set_status(self, status: str) -> None:
        """Have the run be FINISHED, FAILED or KILLED."""
        self._outbox.put("status", value=status)

    def finish(self, status: str = "FINISHED") -> None:
        """End the run as FINISHED, FAILED or KILLED, once all of it is sent."""
        self.stop_watching()
        self.set_status(status)
        self.flush(PATIENCE_SECONDS if status == "FINISHED" else _FEW_SECONDS)

    def flush(self, seconds: float = PATIENCE_SECONDS) -> None:
        """Wait until all is sent, but not for ever; a warning says where the rest lies, and what sends it."""
        if not self._outbox.flush(0.0 if has_given_up(self.uri) else seconds):
            say(
                f"warning  {self.uri} does not answer: what was logged last lies unsent in {self._outbox.folder}; "
                "the next command sends it, or `python -m workflows.ui`"
            )

    def wait_until_sent(self) -> None:
        """Wait until all is sent, also what killed processes left.

        Raises:
            TrackingError: If that takes too long.
        """
        if not self._outbox.flush(0.0 if has_given_up(self.uri) else PATIENCE_SECONDS):
            raise unanswered(self.uri)


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
    """Return a new run of an experiment, which is made if need be, or restored where it was deleted."""
    uri = tracking_uri()
    client = patient_client(uri)
    found = client.get_experiment_by_name(experiment)
    if found is not None:
        restore_experiment(client, found)
        experiment_id = found.experiment_id
    else:
        place = (Path(uri.removeprefix(SQLITE)).parent / "mlartifacts").as_uri() if uri.startswith(SQLITE) else None
        experiment_id = client.create_experiment(experiment, artifact_location=place)
    marks = {"mlflow.parentRunId": parent, "mlflow.source.name": "sensorium", **(tags or {})}
    created = client.create_run(experiment_id, run_name=name, tags={k: v for k, v in marks.items() if v is not None})
    send_unsent()
    return Run(created.info.run_id)


def resume_run(run_id: str) -> Run:
    """Return a run that goes on, restored where it was deleted.

    Raises:
        InputError: If it was removed for good, or is elsewhere.
    """
    run = find_run(run_id)
    if run is None:
        raise InputError(
            f"--resume: the run {run_id} is not in {tracking_uri()}; set MLFLOW_TRACKING_URI to where it began, or start a new run"
        )
    run.wait_until_sent()
    patient_client(run.uri).update_run(run_id, status="RUNNING")
    return run


def find_run(run_id: str | None) -> Run | None:
    """Return a run, restored where it was deleted; None where these tracking records do not know it: a model can be older, or from elsewhere."""
    if run_id is None:
        return None
    run = Run(run_id)
    try:
        restore_run(patient_client(run.uri), run_id)
    except MlflowException:
        return None
    return run


def send_unsent(*, wait: bool = False) -> None:
    """Send in the background what earlier commands left unsent; wait a few seconds for each run if asked to."""
    for run_id in unsent_runs(tracking_uri()):
        open_outbox(tracking_uri(), run_id).take_over()
        if wait:
            Run(run_id).flush(_FEW_SECONDS)


@contextlib.contextmanager
def optional(what: str) -> Iterator[None]:
    """Let a block that ends since the store does not answer cost only a warning, which names what is missing and what makes it up."""
    try:
        yield
    except TrackingError as error:
        say(f"warning  {what}: {error}")


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

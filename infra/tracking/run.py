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
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import mlflow
import mlflow.artifacts
import mlflow.data
from mlflow.data.dataset_source_registry import resolve_dataset_source
from mlflow.entities import Dataset
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
from infra.tracking.source import source_tags
from infra.tracking.system_metrics import SystemMonitor

MODEL_TRAINING = "workflowType=machine_learning"
"""Has MLflow show its pages for trained models, not those for language models."""
_KIND = {"mlflow.experimentKind": "custom_model_development"}
"""The same for whoever comes by another way."""
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
        self.outcome = "FINISHED"
        """What the run is when `ending` ends it without an error."""

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Log a nested configuration under dotted names."""
        flat = {name: str(value)[:_LONGEST_PARAM] for name, value in flatten(params).items()}
        self._outbox.put("params", values=flat)

    def log_metrics(
        self, metrics: Mapping[str, float], step: int = 0, *, about: Mapping[str, str | None] | None = None
    ) -> None:
        """Log numbers of one step; those that are no numbers are named by the tag `not_measured` instead, as MLflow's charts leave them out.

        Args:
            metrics: numbers by name.
            step: their step.
            about: `model_id`, `dataset_name` and `dataset_digest` of the logged model and the dataset that they are of.
        """
        values = {name: float(value) for name, value in metrics.items()}
        known = {name: value for name, value in values.items() if value == value}
        if known:
            self._outbox.put("metrics", values=known, step=step, time=int(1000 * time.time()), about=dict(about or {}))
        if missing := sorted(values.keys() - known.keys()):
            self.set_tags({"not_measured": ", ".join(missing)})

    def set_tags(self, tags: Mapping[str, str | None]) -> None:
        """Set tags, leaving out what is None."""
        self._outbox.put("tags", values={name: str(value) for name, value in tags.items() if value is not None})

    def describe(self, text: str) -> None:
        """Show Markdown as the run's description."""
        self.set_tags({"mlflow.note.content": text})

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

    @property
    def name(self) -> str:
        """The run's name."""
        return str(self._read().info.run_name)

    @property
    def address(self) -> str:
        """Where MLflow's pages show the run, below their root."""
        return f"#/experiments/{self._read().info.experiment_id}/runs/{self.run_id}?{MODEL_TRAINING}"

    @property
    def link(self) -> str:
        """The run as a link in Markdown."""
        return f"[{self.name}]({self.address})"

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

    def log_table(self, columns: Mapping[str, Sequence[Any]], name: str) -> None:
        """Write columns as a table that MLflow's pages show as one."""
        rows = [list(row) for row in zip(*columns.values(), strict=True)]
        self.log_dict({"columns": list(columns), "data": rows}, name)
        self.set_tags({"mlflow.loggedArtifacts": json.dumps([{"path": name, "type": "table"}])})

    def log_figure(self, figure: Any, name: str) -> None:
        """Write a matplotlib figure as a file of the run."""
        picture = io.BytesIO()
        figure.savefig(picture, format=name.rpartition(".")[2])
        self._log_content(picture.getvalue(), name)

    def _log_content(self, content: bytes, name: str) -> None:
        folder, _, base = name.rpartition("/")
        self._outbox.put("files", path=self._outbox.keep_content(content, base), folder=folder or None)

    def log_dataset(
        self,
        uri: str,
        *,
        name: str,
        digest: str,
        context: str,
        columns: Mapping[str, str] | None = None,
        profile: Mapping[str, Any] | None = None,
    ) -> None:
        """Record which dataset went in, and as what.

        Args:
            uri: where it lies.
            name: its name.
            digest: what stands for its content.
            context: what it was used for, such as `training`.
            columns: types of its columns, in MLflow's words.
            profile: what it holds.
        """
        with warnings.catch_warnings(action="ignore"):  # a folder fits two equal kinds of source
            source = resolve_dataset_source(uri)
        schema = [{"name": column, "type": kind, "required": False} for column, kind in (columns or {}).items()]
        entity = Dataset(
            name=name,
            digest=short_digest(digest),
            source_type=source._get_source_type(),
            source=source.to_json(),
            schema=json.dumps({"mlflow_colspec": schema}) if schema else None,
            profile=json.dumps(profile) if profile else None,
        )
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

    def finish(self, status: str = "FINISHED", *, seconds: float = PATIENCE_SECONDS) -> None:
        """End the run as FINISHED, FAILED or KILLED, once all of it is sent."""
        self.stop_watching()
        self.set_status(status)
        self.flush(seconds)

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


def short_digest(digest: str) -> str:
    """Return a digest as MLflow stores one of a dataset."""
    return digest[:36]


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
        experiment_id = client.create_experiment(experiment, artifact_location=place, tags=_KIND)
    marks = {"mlflow.parentRunId": parent, **source_tags(), **(tags or {})}
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


def find_runs(**tags: str) -> list[Run]:
    """Return the runs of all experiments that have these tags, the latest first; deleted ones are left out."""
    client = patient_client()
    experiments = [each.experiment_id for each in client.search_experiments()]
    asked = " and ".join(f"tags.`{name}` = '{value}'" for name, value in tags.items())
    found = client.search_runs(experiments, asked, order_by=["attributes.start_time DESC"])
    return [Run(each.info.run_id) for each in found]


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
    """Give a run and end it with the block: as its outcome says, FAILED on an error, KILLED on Ctrl-C or SIGTERM."""
    try:
        yield run
    except (KeyboardInterrupt, SystemExit):
        run.finish("KILLED", seconds=_FEW_SECONDS)
        raise
    except BaseException:
        run.finish("FAILED", seconds=_FEW_SECONDS)
        raise
    run.finish(run.outcome)

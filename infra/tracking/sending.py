"""Sending what a run's outbox holds to MLflow, in as few calls as it takes."""

import functools
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import mlflow
from mlflow.entities import Dataset as DatasetEntity
from mlflow.entities import DatasetInput, InputTag, Metric, Param, RunTag
from mlflow.exceptions import MlflowException

from infra import storage
from infra.tracking.client import SQLITE, first_line, forget_outage, impatient_client, is_outage, say, tell_outage
from infra.tracking.deleted import restore_run
from infra.tracking.outbox import Entry, Outbox

_Sender = Callable[[mlflow.MlflowClient, str, Sequence[Entry]], None]
_MOST_METRICS, _MOST_OTHERS = 1000, 100
"""That MLflow takes in one call."""
_AT_A_TIME = threading.BoundedSemaphore(4)
"""Runs that send at a time: a sweep's end closes all of its trials, and SQLAlchemy has fifteen connections."""


@functools.cache
def open_outbox(uri: str, run_id: str) -> Outbox:
    """Return the outbox of a run, one a process."""
    folder = unsent_folder(uri) / run_id

    def failed(error: Exception) -> None:
        tell_outage(uri, error, f"what is logged is kept in {folder} and sent later")

    return Outbox(folder, lambda entries: _send(uri, run_id, entries), failed=failed)


def unsent_folder(uri: str) -> Path:
    """Return where what is unsent of each run lies, by its id: beside the SQLite file, else in the home folder."""
    place = Path(uri.removeprefix(SQLITE)).parent if uri.startswith(SQLITE) else storage.home()
    return place / "unsent"


def unsent_runs(uri: str) -> list[str]:
    """Return the ids of the runs of which something is unsent."""
    folder = unsent_folder(uri)
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def _send(uri: str, run_id: str, entries: Sequence[Entry]) -> None:
    """Send entries of one kind; what MLflow refuses is left out with a warning, as it would be refused again."""
    client, sender = impatient_client(uri), _SENDERS[entries[0]["kind"]]
    with _AT_A_TIME:
        _send_with(sender, client, uri, run_id, entries)
    forget_outage(uri)


def _send_with(sender: _Sender, client: mlflow.MlflowClient, uri: str, run_id: str, entries: Sequence[Entry]) -> None:
    try:
        try:
            sender(client, run_id, entries)
        except MlflowException as error:
            if is_outage(error) or not restore_run(client, run_id):
                raise
            sender(client, run_id, entries)
    except MlflowException as error:
        if is_outage(error):
            raise
        say(f"warning  {uri} refused {entries[0]['kind']} of the run {run_id}: {first_line(error)}")


def _metrics(client: mlflow.MlflowClient, run_id: str, entries: Sequence[Entry]) -> None:
    metrics = [
        Metric(name, value, each["time"], each["step"], run_id=run_id, **each.get("about", {}))
        for each in entries
        for name, value in _items(each)
    ]
    for chunk in _chunks(metrics, _MOST_METRICS):
        client.log_batch(run_id, metrics=chunk)


def _params(client: mlflow.MlflowClient, run_id: str, entries: Sequence[Entry]) -> None:
    for chunk in _chunks([Param(*item) for each in entries for item in _items(each)], _MOST_OTHERS):
        client.log_batch(run_id, params=chunk)


def _tags(client: mlflow.MlflowClient, run_id: str, entries: Sequence[Entry]) -> None:
    latest = {name: value for each in entries for name, value in _items(each)}
    for chunk in _chunks([RunTag(*item) for item in latest.items()], _MOST_OTHERS):
        client.log_batch(run_id, tags=chunk)


def _files(client: mlflow.MlflowClient, run_id: str, entries: Sequence[Entry]) -> None:
    for each in entries:
        if Path(each["path"]).exists():  # else it was sent before, by a process that was killed then
            client.log_artifact(run_id, each["path"], each["folder"])


def _datasets(client: mlflow.MlflowClient, run_id: str, entries: Sequence[Entry]) -> None:
    inputs = [
        DatasetInput(DatasetEntity(**each["dataset"]), [InputTag("mlflow.data.context", each["context"])])
        for each in entries
    ]
    client.log_inputs(run_id, inputs)


def _status(client: mlflow.MlflowClient, run_id: str, entries: Sequence[Entry]) -> None:
    status = entries[-1]["value"]
    if client.get_run(run_id).info.status != status:
        client.set_terminated(run_id, status)


_SENDERS: dict[str, _Sender] = {
    "metrics": _metrics,
    "params": _params,
    "tags": _tags,
    "files": _files,
    "datasets": _datasets,
    "status": _status,
}


def _items(entry: Entry) -> Iterator[tuple[str, Any]]:
    yield from entry["values"].items()


def _chunks(values: list[Any], size: int) -> Iterator[list[Any]]:
    for first in range(0, len(values), size):
        yield values[first : first + size]

"""MLflow client that waits: a call is tried again while the store does not answer, as while another program holds `mlflow.db`."""

import functools
import logging
import os
import sqlite3
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")  # of seven, the last is four minutes after the first

import mlflow
from filelock import FileLock
from mlflow.exceptions import MlflowException

from infra import storage
from infra.errors import InputError

T = TypeVar("T")

PATIENCE_SECONDS = 90.0
"""How long a call is tried again, and how long the end of a run waits for what is unsent."""
SQLITE = "sqlite:///"

_SECONDS_OF_A_LOOK = 2.0
_SECONDS_BETWEEN_TRIES = 1.0
_TEMPORARY = ("TEMPORARILY_UNAVAILABLE", "REQUEST_LIMIT_EXCEEDED", "RESOURCE_LIMIT_EXCEEDED")
_DATABASE_IS_BUSY = (
    "OperationalError",
    "TimeoutError",
)  # of SQLAlchemy, the second where all its connections are taken
_told: set[str] = set()
_given_up: set[str] = set()

for _name in ("mlflow", "alembic"):
    logging.getLogger(_name).setLevel(
        logging.CRITICAL
    )  # what a store that does not answer means is said here, in one line


class TrackingError(InputError):
    """The store of the runs does not answer."""


def tracking_uri() -> str:
    """Return where runs are kept: MLFLOW_TRACKING_URI, else an SQLite file in the home folder."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"{SQLITE}{storage.home() / 'mlflow.db'}"


@functools.cache
def impatient_client(uri: str) -> mlflow.MlflowClient:
    """Return MLflow's client; the first use of an SQLite file makes its tables, one process at a time."""
    if not uri.startswith(SQLITE):
        return mlflow.MlflowClient(uri, registry_uri=uri)
    path = Path(uri.removeprefix(SQLITE))
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{path}.lock"):
        if path.exists():
            _look(path)
        client = mlflow.MlflowClient(uri, registry_uri=uri)
        client.search_experiments(max_results=1)
        return client


def patient_client(uri: str | None = None) -> mlflow.MlflowClient:
    """Return a client whose every call is tried again while the store does not answer.

    Its calls raise TrackingError where that takes too long.
    """
    return cast(mlflow.MlflowClient, _Patient(uri or tracking_uri()))


def patiently(uri: str, call: Callable[[], T]) -> T:
    """Return what a call returns, trying again while the store does not answer.

    Raises:
        TrackingError: If it does not for too long.
    """
    last = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            result = call()
        except Exception as error:
            if not is_outage(error):
                raise
            if time.monotonic() > last:
                _given_up.add(uri)
                raise unanswered(uri, first_line(error)) from None
            tell_outage(uri, error, f"trying for {PATIENCE_SECONDS:g} s")
            time.sleep(_SECONDS_BETWEEN_TRIES)
        else:
            forget_outage(uri)
            return result


def is_outage(error: Exception) -> bool:
    """Return whether an error means that the store does not answer now, not that it refuses."""
    if isinstance(error, MlflowException):
        known = error.error_code in _TEMPORARY or str(error.message).startswith("API request to")
        return known or type(error.__cause__).__name__ in _DATABASE_IS_BUSY
    return isinstance(error, OSError | sqlite3.OperationalError) or type(error).__name__ in _DATABASE_IS_BUSY


def unanswered(uri: str, reason: str = "") -> TrackingError:
    """Return the error of a store that does not answer."""
    why = f" ({reason})" if reason else ""
    return TrackingError(
        f"MLFLOW_TRACKING_URI: '{uri}' does not answer{why}; end what holds it or start its server, then run the command again"
    )


def tell_outage(uri: str, error: Exception, meanwhile: str) -> None:
    """Say once an outage that a store does not answer, and what is done meanwhile."""
    if uri not in _told:
        _told.add(uri)
        say(f"warning  {uri} does not answer ({first_line(error)}); {meanwhile}")


def forget_outage(uri: str) -> None:
    """Note that a store answers."""
    _told.discard(uri)
    _given_up.discard(uri)


def has_given_up(uri: str) -> bool:
    """Return whether a call waited for a store in vain, and it has not answered since."""
    return uri in _given_up


def say(line: str) -> None:
    """Print a line that is no result."""
    print(line, file=sys.stderr, flush=True)


def first_line(error: Exception) -> str:
    """Return the first line of an error's message."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]


class _Patient:
    def __init__(self, uri: str) -> None:
        self._uri = uri

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            return patiently(self._uri, lambda: getattr(impatient_client(self._uri), name)(*args, **kwargs))

        return call


def _look(path: Path) -> None:
    """Raise where the file is locked, within seconds: MLflow's own first contact takes minutes to do so."""
    connection = sqlite3.connect(path, timeout=_SECONDS_OF_A_LOOK)
    try:
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    finally:
        connection.close()

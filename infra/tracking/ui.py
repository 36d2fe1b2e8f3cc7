"""MLflow's pages of the runs: their addresses, and their server on this machine."""

import contextlib
import os
import sys
from pathlib import Path
from typing import NoReturn

from infra.tracking.client import TrackingError, has_given_up, tracking_uri
from infra.tracking.run import MODEL_TRAINING, Run

UI_PORT = 5000
_ENVIRONMENT = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
_LIST = f"#/experiments?{MODEL_TRAINING}"


def ui_page(port: int = UI_PORT, *, below: str = _LIST) -> str:
    """Return the address of one of MLflow's pages, of the list of experiments if not given."""
    server = tracking_uri().rstrip("/") if has_server() else f"http://127.0.0.1:{port}"
    return f"{server}/{below}"


def describe_page(run: Run) -> str:
    """Return the line that says where a run is seen, and what serves it where no server does."""
    below = _LIST
    if not has_given_up(run.uri):
        with contextlib.suppress(TrackingError):
            below = run.address
    return f"open     {ui_page(below=below)}" + ("" if has_server() else "  (after: python -m workflows.ui)")


def has_server() -> bool:
    """Return whether the runs are kept by a server, which shows them itself."""
    return tracking_uri().startswith(("http://", "https://"))


def serve_ui(port: int) -> NoReturn:
    """Become the server of MLflow's pages, on this machine's own address; does not return."""
    program = Path(sys.executable).parent / "mlflow"
    address = ["--host", "127.0.0.1", "--port", str(port)]
    arguments = ["mlflow", "ui", *address, "--workers", "1", "--backend-store-uri", tracking_uri()]
    os.execve(program, arguments, {**os.environ, **_ENVIRONMENT})

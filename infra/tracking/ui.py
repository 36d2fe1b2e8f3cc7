"""MLflow's pages of the runs: where they are, and their server on this machine."""

import os
import shlex
import sys
from pathlib import Path
from typing import NoReturn

from infra.tracking.client import tracking_uri

UI_PORT = 5000
_ENVIRONMENT = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}


def ui_page(port: int = UI_PORT) -> str:
    """Return where the runs are seen; without the last part MLflow opens its pages for language models."""
    server = tracking_uri().rstrip("/") if has_server() else f"http://127.0.0.1:{port}"
    return f"{server}/#/experiments?workflowType=machine_learning"


def has_server() -> bool:
    """Return whether the runs are kept by a server, which shows them itself."""
    return tracking_uri().startswith(("http://", "https://"))


def ui_command() -> str:
    """Return the command that shows the runs in a browser."""
    settings = " ".join(f"{name}={value}" for name, value in _ENVIRONMENT.items())
    return f"{settings} .venv/bin/{shlex.join(_arguments(UI_PORT))}"


def serve_ui(port: int) -> NoReturn:
    """Become the server of MLflow's pages, on this machine's own address; does not return."""
    program = Path(sys.executable).parent / "mlflow"
    os.execve(program, _arguments(port), {**os.environ, **_ENVIRONMENT})


def _arguments(port: int) -> list[str]:
    address = ["--host", "127.0.0.1", "--port", str(port)]
    return ["mlflow", "ui", *address, "--workers", "1", "--backend-store-uri", tracking_uri()]

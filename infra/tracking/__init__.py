"""Runs, comparison and the model registry: all that the project asks of MLflow."""

from infra.tracking.client import TrackingError, tracking_uri
from infra.tracking.registry import (
    CHAMPION,
    champion,
    crown,
    describe_versions,
    find_version,
    model_folder,
    register_model,
)
from infra.tracking.run import Run, ending, find_run, optional, resume_run, send_unsent, start_run
from infra.tracking.ui import UI_PORT, has_server, serve_ui, ui_command, ui_page

__all__ = [
    "CHAMPION",
    "UI_PORT",
    "Run",
    "TrackingError",
    "champion",
    "crown",
    "describe_versions",
    "ending",
    "find_run",
    "find_version",
    "has_server",
    "model_folder",
    "optional",
    "register_model",
    "resume_run",
    "send_unsent",
    "serve_ui",
    "start_run",
    "tracking_uri",
    "ui_command",
    "ui_page",
]

"""Runs, comparison and the model registry: all that the project asks of MLflow."""

from infra.tracking.client import TrackingError, tracking_uri
from infra.tracking.logged_model import log_model_folder, logged_model, logging_model, read_model_text, write_model_file
from infra.tracking.registry import (
    CHAMPION,
    champion,
    crown,
    describe_versions,
    find_version,
    model_folder,
    register_model,
)
from infra.tracking.run import (
    Run,
    ending,
    find_run,
    find_runs,
    optional,
    resume_run,
    send_unsent,
    short_digest,
    start_run,
)
from infra.tracking.ui import UI_PORT, describe_page, has_server, serve_ui, ui_page

__all__ = [
    "CHAMPION",
    "UI_PORT",
    "Run",
    "TrackingError",
    "champion",
    "crown",
    "describe_page",
    "describe_versions",
    "ending",
    "find_run",
    "find_runs",
    "find_version",
    "has_server",
    "log_model_folder",
    "logged_model",
    "logging_model",
    "model_folder",
    "optional",
    "read_model_text",
    "register_model",
    "resume_run",
    "send_unsent",
    "serve_ui",
    "short_digest",
    "start_run",
    "tracking_uri",
    "ui_page",
    "write_model_file",
]

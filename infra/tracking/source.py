"""Where a run comes from, as MLflow's own tags: user, command line, commit, and the Ray job with its dashboard."""

import getpass
import json
import os
import shlex
import sys

from infra import storage
from infra.version import commit

_JOB = "RAY_JOB_CONFIG_JSON_ENV_VAR"
"""Set by `ray job submit` for the entry point."""


def source_tags() -> dict[str, str | None]:
    """Return the tags that MLflow's pages show as user, source and version."""
    return {
        "mlflow.user": _user(),
        "mlflow.source.name": shlex.join(_program()),  # its pages show only what follows the last slash
        "command": command_line(),
        "mlflow.source.type": "JOB" if storage.in_job() else "LOCAL",
        "mlflow.source.git.commit": commit(),
        "ray.job_id": job_id(),
    }


def command_line() -> str:
    """Return the command that started this process, as it can be given again."""
    return shlex.join([*_program(), *sys.argv[1:]])


def job_id() -> str | None:
    """Return the id that `ray job submit` gave this process's job."""
    return json.loads(os.environ.get(_JOB, "{}")).get("metadata", {}).get("job_submission_id")


def _program() -> list[str]:
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    return ["python", "-m", spec.name.removesuffix(".__main__")] if spec else ["python", sys.argv[0]]


def _user() -> str | None:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return None

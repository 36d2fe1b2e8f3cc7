"""Parallel parts of a study: Ray tasks, as many at a time as there are processors."""

from collections.abc import Callable, Sequence
from typing import Any

import ray

from infra import storage
from infra.errors import InputError
from workflows.cli.progress import ProgressLine


def local_folder(output: str) -> str:
    """Return the local folder that a study writes to.

    Raises:
        InputError: If that is no local folder.
    """
    folder = storage.resolve(output, field="--output")
    if storage.is_remote(folder):
        raise InputError(f"--output: '{folder}' is in S3; a study is written to a local folder")
    return folder


def run_all(work: Callable[..., str], parts: Sequence[tuple[Any, ...]], *, stage: str) -> None:
    """Call `work` with the arguments of every part, showing what it returns as each ends. Needs a running cluster."""
    progress = ProgressLine()
    task = ray.remote(num_cpus=1)(work)
    waiting = [task.remote(*arguments) for arguments in parts]
    while waiting:
        ready, waiting = ray.wait(waiting, num_returns=1)
        progress(stage, len(parts) - len(waiting), len(parts), ray.get(ready[0]))
    progress.close()

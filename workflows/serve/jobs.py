"""The queue: files that wait, the one that is worked on in a process of its own, and those that are kept for a while."""

import contextlib
import dataclasses
import multiprocessing
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Literal

from datasets.media import MENDED_CONTAINERS
from workflows.serve.limits import Limits

State = Literal["uploading", "waiting", "working", "done", "refused"]
Work = Callable[["str", "str", Connection], None]
"""Called in a process of its own with path and name of the file; it sends messages: progress, answer, and in the end done or refused."""

_TICK_SECONDS = 0.5
_CRASHED = "The file could not be worked on: the program that read it ended. Choose another video."


class QueueFullError(Exception):
    """As many files wait as may."""


@dataclasses.dataclass(kw_only=True, slots=True, eq=False)
class Job:
    """A file, and how far the work on it is."""

    name: str
    """As its user calls it; never a path."""
    folder: Path
    state: State = "uploading"
    progress: tuple[str, int, int] = ("", 0, 0)
    message: str = ""
    """Why it was refused."""
    answer: dict[str, Any] | None = None
    removed: bool = False
    since: float = dataclasses.field(default_factory=time.monotonic)
    """When it came into its state."""

    @property
    def source(self) -> Path:
        """Where the file lies: of its name only a known ending is used."""
        ending = os.path.splitext(self.name)[1][1:].lower()
        return self.folder / (f"upload.{ending}" if ending in MENDED_CONTAINERS else "upload")

    def become(self, state: State, *, message: str = "") -> None:
        """Enter a state."""
        self.state, self.message, self.since = state, message, time.monotonic()


class Jobs:
    """All files, by the key that their page chose.

    Args:
        work: what is done with a file.
        limits: how many, how long.
    """

    def __init__(self, work: Work, limits: Limits) -> None:
        self._work, self._limits = work, limits
        self._jobs: dict[str, Job] = {}
        self._change = threading.Condition()
        self._closing = False
        self._folder = Path(tempfile.mkdtemp(prefix="sensorium-serve-"))
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["workflows.serve.work", "workflows.offset.plot"])
        self._thread = threading.Thread(target=self._run, name="queue")

    def __enter__(self) -> "Jobs":
        forkserver.ensure_running()  # it imports what the work needs while nobody waits
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._change:
            self._closing = True
            self._change.notify()
        self._thread.join()
        shutil.rmtree(self._folder, ignore_errors=True)

    def begin(self, key: str, name: str) -> tuple[Job, bool]:
        """Return the job of a key, and whether it is new.

        Raises:
            QueueFullError: If it would be one too many.
        """
        with self._change:
            if key in self._jobs:
                return self._jobs[key], False
            if sum(job.state in ("uploading", "waiting") for job in self._jobs.values()) >= self._limits.max_waiting:
                raise QueueFullError
            job = Job(name=name, folder=Path(tempfile.mkdtemp(dir=self._folder)))
            self._jobs[key] = job
            return job, True

    def enter(self, job: Job) -> None:
        """Let a file that has arrived wait."""
        with self._change:
            job.become("waiting")
            self._change.notify()

    def get(self, key: str) -> Job | None:
        """Return the job of a key; None where there is none, or no longer."""
        return self._jobs.get(key)

    def place(self, job: Job) -> int:
        """Return how many files are worked on before this one."""
        with self._change:
            others = [each for each in self._jobs.values() if each is not job]
            ahead = [each for each in others if each.state == "waiting" and each.since < job.since]
            return len(ahead) + sum(each.state == "working" for each in others)

    def remove(self, key: str) -> None:
        """Delete a file and all that was made of it; the work on it ends."""
        with self._change:
            job = self._jobs.pop(key, None)
        if job is not None:
            job.removed = True
            shutil.rmtree(job.folder, ignore_errors=True)

    def _run(self) -> None:
        while not self._closing:
            self._expire()
            with self._change:
                waiting = [job for job in self._jobs.values() if job.state == "waiting"]
                if not waiting:
                    self._change.wait(_TICK_SECONDS)
                    continue
                job = min(waiting, key=lambda each: each.since)
                job.become("working")
            try:
                self._do(job)
            except OSError as error:
                job.become("refused", message=f"The server could not work on the file: {error.strerror}.")

    def _do(self, job: Job) -> None:
        """Work on a file until it is done, its time is over, it was removed, or all ends."""
        receiver, sender = self._context.Pipe(duplex=False)
        process = self._context.Process(target=self._work, args=(str(job.source), job.name, sender), daemon=True)
        process.start()
        sender.close()
        end = time.monotonic() + self._limits.work_seconds
        try:
            while job.state == "working" and not self._closing and not job.removed:
                self._expire()
                if time.monotonic() > end:
                    minutes = self._limits.work_seconds / 60
                    job.become(
                        "refused", message=f"The work took longer than {minutes:g} minutes. Choose a shorter video."
                    )
                elif receiver.poll(_TICK_SECONDS):
                    _hear(job, receiver)
        finally:
            process.kill()
            process.join()
            receiver.close()
            if job.removed:
                shutil.rmtree(job.folder, ignore_errors=True)  # what the process wrote after the removal
            elif job.state != "done":
                _empty(job.folder)
            else:
                job.source.unlink(missing_ok=True)

    def _expire(self) -> None:
        keep = self._limits.keep_seconds
        with self._change:
            old = [
                key
                for key, job in self._jobs.items()
                if job.state in ("uploading", "done", "refused") and time.monotonic() - job.since > keep
            ]
        for key in old:
            self.remove(key)


def _hear(job: Job, receiver: Connection) -> None:
    try:
        kind, value = receiver.recv()
    except (EOFError, OSError):
        job.become("refused", message=_CRASHED)
        return
    if kind == "progress":
        job.progress = value
    elif kind == "answer":
        job.answer = value
    elif kind == "done":
        job.answer = {**(job.answer or {}), **value}
        job.become("done")
    else:
        job.become("refused", message=value)


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        with contextlib.suppress(OSError):
            path.unlink()

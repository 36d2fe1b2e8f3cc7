"""Outbox: what is to be logged lies in a folder until it was sent, in its order, by a thread in the background.

Whoever logs never waits for the receiver and never fails with it: while it does not answer, all stays in the folder. What a killed process
left there is sent by the next one that opens the outbox. An entry may be sent twice, so sending has to be idempotent.
"""

import contextlib
import json
import os
import shutil
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from infra import parts

Entry = dict[str, Any]
"""One thing to send: its `kind`, and values that JSON knows."""
Send = Callable[[Sequence[Entry]], None]
"""Takes entries of one kind, in their order; raises where they could not be sent."""

_MOST_AT_ONCE = 1000
_SECONDS_BETWEEN_TRIES = 1.0
_SECONDS_BETWEEN_LOOKS = 0.02
_FILES = "files"


class Outbox:
    """The entries of one receiver, of all processes."""

    def __init__(self, folder: Path, send: Send, *, failed: Callable[[Exception], None]) -> None:
        """Open an outbox.

        Args:
            folder: where unsent entries lie; there is none while all are sent.
            send: sends.
            failed: is told of every try that failed.
        """
        self.folder = folder
        self._send, self._failed = send, failed
        self._journal = parts.part_of(folder / "unsent.jsonl")
        self._pending: list[Entry] = []
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def put(self, kind: str, **values: Any) -> None:
        """Add an entry; returns at once."""
        entry = {"kind": kind, **values}
        with self._lock:
            with contextlib.suppress(OSError):  # a full disk costs only what a kill would lose
                self._append(json.dumps(entry) + "\n")
            self._pending.append(entry)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="outbox", daemon=True)
                self._thread.start()

    def keep_file(self, path: str | os.PathLike[str]) -> str:
        """Return where a copy of a file lies until it was sent: a link where the disk is the same."""
        kept = self._new_place(os.path.basename(path))
        try:
            os.link(path, kept)
        except OSError:
            shutil.copyfile(path, kept)
        return str(kept)

    def keep_content(self, content: bytes, name: str) -> str:
        """Return where a file of this content and name lies until it was sent."""
        kept = self._new_place(name)
        kept.write_bytes(content)
        return str(kept)

    def flush(self, seconds: float) -> bool:
        """Wait until all is sent, what other processes left too, but not longer; return whether it is."""
        last = time.monotonic() + seconds
        while True:
            self.take_over()
            if self.is_empty:
                return True
            if time.monotonic() > last:
                return False
            time.sleep(_SECONDS_BETWEEN_LOOKS)

    @property
    def is_empty(self) -> bool:
        """Whether all is sent, and nothing of it is left."""
        with self._lock:
            return self._thread is None and not self._journals()

    def take_over(self) -> None:
        """Send what processes that are gone left."""
        for path in self._journals():
            if parts.is_abandoned(str(path)):
                own = parts.part_of(self.folder / "taken.jsonl")
                with contextlib.suppress(FileNotFoundError):  # another process was first
                    path.rename(own)
                    for entry in _read(own):
                        self.put(**entry)
                    own.unlink()

    def _journals(self) -> list[Path]:
        """Return the unsent entries of all processes; none where the folder goes at this moment."""
        with contextlib.suppress(FileNotFoundError):
            return sorted(self.folder.glob(f".*{parts.SUFFIX}"))
        return []

    def _append(self, line: str) -> None:
        _make(self.folder)
        with self._journal.open("a") as file:
            file.write(line)

    def _new_place(self, name: str) -> Path:
        place = self.folder / _FILES / uuid.uuid4().hex[:12] / name
        _make(place.parent)
        return place

    def _work(self) -> None:
        while True:
            with self._lock:
                batch = _first_of_a_kind(self._pending)
                if not batch:
                    self._clear()
                    self._thread = None
                    return
            try:
                self._send(batch)
            except Exception as error:
                self._failed(error)
                time.sleep(_SECONDS_BETWEEN_TRIES)
                continue
            for entry in batch:
                if "path" in entry:
                    shutil.rmtree(Path(entry["path"]).parent, ignore_errors=True)
            with self._lock:
                del self._pending[: len(batch)]

    def _clear(self) -> None:
        self._journal.unlink(missing_ok=True)
        for folder in (self.folder / _FILES, self.folder, self.folder.parent):
            with contextlib.suppress(OSError):  # others have something in it
                folder.rmdir()


def _make(folder: Path) -> None:
    """Make a folder, again where another process removes the empty ones above at this moment."""
    for _ in range(10):
        with contextlib.suppress(FileNotFoundError):
            folder.mkdir(parents=True, exist_ok=True)
            return


def _first_of_a_kind(entries: Sequence[Entry]) -> list[Entry]:
    """Return the first entries as far as they are of one kind, so that they can be sent in one call."""
    count = 0
    while count < min(len(entries), _MOST_AT_ONCE) and entries[count]["kind"] == entries[0]["kind"]:
        count += 1
    return list(entries[:count])


def _read(journal: Path) -> list[Entry]:
    """Return the entries of a file; its last line may have been cut off by a kill."""
    entries = []
    for line in journal.read_text().splitlines():
        with contextlib.suppress(json.JSONDecodeError):
            entries.append(json.loads(line))
    return entries

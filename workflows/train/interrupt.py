"""Ctrl-C or SIGTERM while a run trains: the first asks for a checkpoint and an end, the second ends at once."""

import contextlib
import signal
import threading
from collections.abc import Iterator
from typing import Any

from infra import storage

_STOP = "stop"
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
"""Ctrl-C, and what `ray job stop` and batch systems send."""


@contextlib.contextmanager
def stopping_gently(run_folder: str) -> Iterator[None]:
    """Turn a first Ctrl-C or SIGTERM into the wish to checkpoint and stop, for as long as the block runs."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {each: signal.getsignal(each) for each in _SIGNALS}

    def ask(signum: int, frame: Any) -> None:
        storage.write_bytes(storage.join(run_folder, _STOP), b"")
        print("\nstopping after a checkpoint; Ctrl-C again to stop at once", flush=True)
        restore()

    def restore() -> None:
        for each, handler in before.items():
            signal.signal(each, handler)

    for each in _SIGNALS:
        signal.signal(each, ask)
    try:
        yield
    finally:
        restore()


def is_asked_to_stop(run_folder: str) -> bool:
    """Return whether a run was asked to stop."""
    return storage.exists(storage.join(run_folder, _STOP))


def forget_wish(run_folder: str) -> None:
    """Remove the wish that an earlier run left."""
    storage.remove(storage.join(run_folder, _STOP))

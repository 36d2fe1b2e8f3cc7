"""The memory of processes while something runs."""

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import psutil

_SAMPLE_SECONDS = 0.2


@contextlib.contextmanager
def peaks() -> Iterator[dict[str, float]]:
    """Give the largest memory, in MB and without what is shared, of this process and of any Ray worker."""
    found = {"driver": 0.0, "worker": 0.0}
    done = threading.Event()

    def watch() -> None:
        here = psutil.Process()
        while not done.wait(_SAMPLE_SECONDS):
            found["driver"] = max(found["driver"], _own_mb(here))
            for child in here.children(recursive=True):
                with contextlib.suppress(psutil.NoSuchProcess):
                    if child.name().startswith("ray::"):
                        found["worker"] = max(found["worker"], _own_mb(child))

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        done.set()
        thread.join()


def _own_mb(process: psutil.Process) -> float:
    memory: Any = process.memory_info()
    return (memory.rss - getattr(memory, "shared", 0)) / 2**20

"""Telling which file killed a worker: a mark stands while a file is read, and stays if the process dies.

Native decoders can crash a process. Ray starts the task again; a file that was being read in two dead processes is then an error
row instead of a third crash. One death may be a lost node, so it counts for nothing.
"""

import contextlib
from collections.abc import Iterator

from datasets.media import MediaError
from infra import storage
from infra.seeding import digest

ATTEMPTS = "attempts"
MOST_ATTEMPTS = 2


@contextlib.contextmanager
def guarded(dataset: str, video_id: str, *, stage: str) -> Iterator[None]:
    """Mark a source as being read for as long as the block runs.

    Raises:
        MediaError: If reading it ended with the death of the process twice.
    """
    mark = storage.join(dataset, ATTEMPTS, digest(stage, video_id).hex())
    tries = int(storage.read_bytes(mark)) if storage.exists(mark) else 0
    if tries >= MOST_ATTEMPTS:
        raise MediaError(stage, "crashes the decoder", f"{tries} processes died reading it")
    storage.write_bytes(mark, str(tries + 1).encode())
    try:
        yield
    finally:
        storage.remove(mark)


def forget(dataset: str) -> None:
    """Remove the marks that an interrupted run left: what was being read then need not have ended it."""
    for mark in storage.list_files(storage.join(dataset, ATTEMPTS)):
        storage.remove(mark)

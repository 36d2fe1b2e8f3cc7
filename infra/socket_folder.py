"""A folder for Ray's AF_UNIX sockets whose path is short enough, also where TMPDIR is long, as Slurm sets it."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from infra.errors import InputError

_MOST_BYTES = 40
"""Of Ray's folder: an AF_UNIX path has at most 107, of which `/session_DATE_TIME_PROCESS/sockets/plasma_store` takes 64."""
_SHORT = ("/tmp", "/var/tmp", "/dev/shm")


@contextlib.contextmanager
def socket_folder() -> Iterator[str | None]:
    """Give a short link to the folder where Ray's files go; None where its own path is short enough.

    Only the link is elsewhere: logs and spilled objects stay below TMPDIR, which may be larger.

    Raises:
        InputError: If the path is too long and no short folder can be written to.
    """
    name = "RAY_TMPDIR" if os.environ.get("RAY_TMPDIR") else "TMPDIR"
    place = Path(os.environ.get(name) or "/tmp", "ray")
    if len(os.fsencode(place)) <= _MOST_BYTES:
        yield None
        return
    short = next((each for each in _SHORT if os.access(each, os.W_OK)), None)
    if short is None:
        raise InputError(
            f"{name}: '{place.parent}' is too long for Ray's sockets; set RAY_TMPDIR to a folder of at most {_MOST_BYTES - 4} bytes"
        )
    place.mkdir(parents=True, exist_ok=True)
    holder = tempfile.mkdtemp(prefix="ray-", dir=short)
    try:
        link = Path(holder, "ray")
        link.symlink_to(place)
        yield str(link)
    finally:
        shutil.rmtree(holder)

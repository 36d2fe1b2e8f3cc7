"""Names of half-written files, which tell their writer, so that those of killed processes can be told from those of living ones.

`.NAME.MACHINE-PROCESS-BEGAN-RANDOM.part` lies beside where NAME will be. MACHINE stands for the host's name, its present boot and the
namespace that its process numbers are of: containers on one host, and hosts of one name, do not take each other's processes for theirs.
BEGAN, the process's start in hundredths of a second after the boot, tells it from a later one of the same number.
"""

import functools
import os
import re
import socket
import time
import uuid
from pathlib import Path

import psutil

from infra.seeding import digest

SUFFIX = ".part"
_SECONDS_OF_OTHERS = 86400.0
_MOST_BYTES = 128
_WRITER = re.compile(r"\.([0-9a-f]{8})-([0-9]+)-([0-9]+)-[0-9a-f]{8}\.part$")


def part_of(target: Path) -> Path:
    """Return where this process writes a file until it is whole."""
    name = os.fsencode(target.name)[:_MOST_BYTES].decode(errors="ignore")
    writer = f"{_machine()}-{os.getpid()}-{_began(os.getpid())}"
    return target.with_name(f".{name}.{writer}-{uuid.uuid4().hex[:8]}{SUFFIX}")


def is_abandoned(path: str) -> bool:
    """Return whether a file is half-written and its writer is gone; one of another machine is so after a day without a change."""
    found = _WRITER.search(path)
    if found is None:
        return False
    machine, process, began = found.groups()
    if machine == _machine():
        return _began(int(process)) != int(began)
    try:
        return time.time() - os.stat(path).st_mtime > _SECONDS_OF_OTHERS
    except FileNotFoundError:
        return False


def _began(process: int) -> int | None:
    """Return when a process of this machine began, whatever the clock was set to since; none if there is no such process."""
    try:
        found = psutil.Process(process)
        if found.status() == psutil.STATUS_ZOMBIE:
            return None
        return round(100 * (found.create_time() - psutil.boot_time()))
    except psutil.NoSuchProcess:
        return None


@functools.cache
def _machine() -> str:
    boot, namespace = Path("/proc/sys/kernel/random/boot_id"), Path("/proc/self/ns/pid")
    parts = (boot.read_text() if boot.exists() else "", os.readlink(namespace) if namespace.is_symlink() else "")
    return digest(socket.gethostname(), *parts).hex()[:8]

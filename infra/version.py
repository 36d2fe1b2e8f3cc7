"""Which code made a result."""

import functools
import hashlib
import importlib.metadata
import os
import subprocess
from pathlib import Path

ROOMS = ("workflows", "models", "datasets", "tune", "infra")
ROOT = Path(__file__).resolve().parent.parent
_LIBRARIES = ("ray", "torch", "torchaudio", "av", "pyarrow", "mlflow", "numpy")


def code_version() -> dict[str, str | None]:
    """Return the hash of the packaged sources, equal wherever they run, and the commit where it is known."""
    sources = hashlib.blake2b(digest_size=8)
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            sources.update(path.relative_to(ROOT).as_posix().encode() + path.read_bytes())
    return {"hash": sources.hexdigest(), "commit": commit()}


def library_versions() -> dict[str, str]:
    """Return the versions of the libraries that results hang on."""
    return {name: importlib.metadata.version(name) for name in _LIBRARIES}


@functools.cache
def commit() -> str | None:
    """Return the commit of the sources: of their repository, else what SENSORIUM_COMMIT says, as a Ray job's copy has no `.git`."""
    if not (ROOT / ".git").exists():
        return os.environ.get("SENSORIUM_COMMIT") or None
    try:
        found = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return found.stdout.strip()

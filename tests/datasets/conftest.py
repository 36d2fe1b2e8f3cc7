"""What tests of datasets that change in place share."""

import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from datasets.schema import CLIP_SCHEMA
from infra import storage


@pytest.fixture
def dataset(small_dataset, tmp_path):
    """A copy of the small dataset, to change."""
    return Path(shutil.copytree(small_dataset, tmp_path / "dataset"))


@pytest.fixture
def rows():
    """Reads all rows of a dataset, by split and clip."""

    def read(folder):
        found = [
            (path.parent.name, dict.fromkeys(CLIP_SCHEMA.names) | row)
            for path in sorted(Path(folder, "clips").rglob("*.parquet"))
            for row in pq.read_table(path, partitioning=None).to_pylist()
        ]
        clips = {(split, row["clip_id"]): row for split, row in found}
        assert len(clips) == len(found), "a clip stands twice"
        return clips

    return read


@pytest.fixture
def interrupted(monkeypatch):
    """Calls something that is interrupted before its n-th change of a file; returns whether it had so many."""

    def run(number, change):
        left = number

        def interrupting(function):
            def call(*args):
                nonlocal left
                left -= 1
                if left < 0:
                    raise KeyboardInterrupt
                return function(*args)

            return call

        with monkeypatch.context() as patch:
            for name in ("staged", "move", "remove"):
                patch.setattr(storage, name, interrupting(getattr(storage, name)))
            try:
                change()
            except KeyboardInterrupt:
                return True
        return False

    return run

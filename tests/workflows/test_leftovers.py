"""What a killed process left half-written is gone after the next command that writes into the dataset."""

import importlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from infra import storage
from workflows.cli import command

pytestmark = pytest.mark.ray
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def killed_in(tmp_path):
    """Kills a process in the middle of its writing into a folder."""

    def kill(folder):
        program = [sys.executable, "-m", "tests.infra.half_written", f"{folder}/clips/split=train/shard.parquet"]
        process = subprocess.Popen(program, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert process.stdout.readline() == b"half\n"
        process.kill()
        process.communicate()
        assert len(list(Path(folder).rglob("*.part"))) == 1

    return kill


@pytest.fixture
def verb(monkeypatch, tracking):
    """Runs a verb as its command line does."""

    def run(module, *arguments):
        monkeypatch.setattr(sys, "argv", [module, *map(str, arguments)])
        command.run(importlib.import_module(module).main)

    return run


def options(config):
    shown = {
        name: value for name, value in config.to_dict().items() if isinstance(value, float | int) and value is not False
    }
    shown |= {f"log-mel.{name}": value for name, value in config.to_dict()["log_mel"].items()}
    return [word for name, value in shown.items() for word in (f"--{name.replace('_', '-')}", str(value))]


def test_remove_and_prepare_clear_what_was_left(small_dataset, small_config, killed_in, verb, tmp_path):
    dataset = tmp_path / "dataset"
    shutil.copytree(small_dataset, dataset)
    killed_in(dataset)
    verb("workflows.remove", dataset, "--video", "synthetic-medium-0-00001")
    assert storage.list_files(str(dataset), suffix=".part") == []
    killed_in(dataset)
    prepare = ("--source", dataset / "videos", "--output", dataset, *options(small_config))
    verb("workflows.prepare.__main__", *prepare, "--dry-run")
    assert len(storage.list_files(str(dataset), suffix=".part")) == 1
    verb("workflows.prepare.__main__", *prepare)
    assert storage.list_files(str(dataset), suffix=".part") == []


def test_merge_goes_on_in_a_folder_where_it_was_killed(small_dataset, killed_in, verb, tmp_path):
    shutil.copytree(small_dataset, tmp_path / "copy")
    killed_in(tmp_path / "merged")
    verb("workflows.merge", small_dataset, tmp_path / "copy", "--output", tmp_path / "merged")
    assert storage.list_files(str(tmp_path / "merged"), suffix=".part") == []

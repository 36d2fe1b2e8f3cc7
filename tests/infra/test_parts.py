"""Half-written files of killed processes are removed, those of living ones never."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from infra import parts, storage

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def half_written():
    """Starts a process that stops in the middle of writing a file; all are ended after the test."""
    started = []

    def start(path):
        command = [sys.executable, "-m", "tests.infra.half_written", str(path)]
        process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        started.append(process)
        assert process.stdout.readline() == b"half\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def names(folder):
    return sorted(path.name for path in folder.rglob("*.part"))


@pytest.mark.parametrize("name", ["shard.parquet", "scene.mp4"])
def test_part_of_a_killed_process_is_removed(half_written, tmp_path, name):
    killed, living = half_written(tmp_path / "a" / name), half_written(tmp_path / "b" / name)
    assert len(names(tmp_path)) == 2
    assert storage.remove_abandoned(str(tmp_path)) == []
    killed.kill()
    killed.wait()
    (removed,) = storage.remove_abandoned(str(tmp_path))
    assert removed.startswith(f"{tmp_path}/a/.{name}.")
    assert names(tmp_path / "a") == []
    assert len(names(tmp_path / "b")) == 1
    living.communicate(b"go on\n")
    assert living.returncode == 0
    assert (tmp_path / "b" / name).stat().st_size > 0
    assert names(tmp_path) == []


def test_part_of_a_zombie_is_abandoned(half_written, tmp_path):
    process = half_written(tmp_path / "file")
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert len(storage.remove_abandoned(str(tmp_path))) == 1


def test_part_of_an_earlier_process_of_the_same_number_is_abandoned(tmp_path):
    own = parts.part_of(tmp_path / "file")
    machine, process, began, chance = own.name.removesuffix(".part").rsplit(".", 1)[1].split("-")
    earlier = tmp_path / f".file.{machine}-{process}-{int(began) - 1}-{chance}.part"
    for path in (own, earlier):
        path.touch()
    assert storage.remove_abandoned(str(tmp_path)) == [str(earlier)]


def test_parts_of_other_machines_stay_for_a_day(tmp_path):
    fresh, old = (tmp_path / f".file.00000000-1-1-{number:08x}.part" for number in range(2))
    theirs = tmp_path / "download.part"
    for path, hours in ((fresh, 23), (old, 25), (theirs, 25)):
        path.touch()
        os.utime(path, (time.time() - 3600 * hours,) * 2)
    assert storage.remove_abandoned(str(tmp_path)) == [str(old)]
    assert names(tmp_path) == sorted([fresh.name, theirs.name])


def test_long_names_have_part_names_that_fit(tmp_path):
    target = tmp_path / ("é" * 120 + ".json")
    storage.write_json(str(target), {"a": 1})
    assert len(os.fsencode(parts.part_of(target).name)) < 255
    assert storage.read_json(str(target)) == {"a": 1}

"""The doctor as a user meets it: a table, a picture, and a status."""

import importlib
import os
import shutil
import sys
from pathlib import Path

import pytest
from PIL import Image

from datasets.doctor import Flag
from workflows.cli import command
from workflows.inspect.summary import describe_flags

pytestmark = pytest.mark.ray


@pytest.fixture
def inspect(monkeypatch, capsys):
    """Runs the verb; returns its status and what it said."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["workflows.inspect", *map(str, arguments)])
        status = 0
        try:
            command.run(importlib.import_module("workflows.inspect.__main__").main)
        except SystemExit as stop:
            status = stop.code
        return status, capsys.readouterr().out

    return run


def test_a_sound_dataset_ends_in_a_contact_sheet_and_status_0(inspect, small_dataset, tmp_path):
    status, said = inspect(small_dataset, "--num-clips", 6)
    sheet = tmp_path / "runs" / "inspect" / Path(small_dataset).name / "contact_sheet.png"
    assert status == 0
    assert "flags    none" in said
    assert f"sheet    {sheet}" in said
    assert "loudness of 48 clips, dB of full scale" in said
    with Image.open(sheet) as picture:
        assert picture.width > 3 * picture.height / 2
    assert inspect(small_dataset, "--output", tmp_path / "here")[0] == 0
    assert (tmp_path / "here" / "contact_sheet.png").exists()


def test_a_broken_dataset_ends_in_flags_and_status_1(inspect, small_dataset, tmp_path):
    dataset = shutil.copytree(small_dataset, tmp_path / "broken")
    before = {path: path.stat().st_mtime_ns for path in dataset.rglob("*")}
    path = next((dataset / "clips").rglob("*.parquet"))
    path.write_bytes(b"PAR1")
    status, said = inspect(dataset)
    assert status == 1
    assert f"error    broken file             {path}: " in said
    assert before.keys() == set(dataset.rglob("*"))


def test_warnings_alone_leave_status_0_and_many_of_a_kind_are_counted(inspect, small_dataset, tmp_path):
    dataset = shutil.copytree(small_dataset, tmp_path / "untidy")
    path = next((dataset / "clips").rglob("*.parquet"))
    for number in range(9):
        half = path.parent / f".half.parquet.{'0' * 8}-1-1-{number:08x}.part"
        half.touch()
        os.utime(half, (0, 0))  # by another machine, long ago
    status, said = inspect(dataset)
    assert status == 0
    assert said.count("half a file of a killed run") == 5
    assert "warning  leftover                and 4 more" in said


def test_a_flag_is_one_line():
    flag = Flag(severity="error", name="broken file", place="/x.parquet", detail="no footer; write it again")
    assert describe_flags([flag]) == ["error    broken file             /x.parquet: no footer; write it again"]

"""Every mistake a user can make ends in one line that names field, value and remedy, in status 2, and leaves nothing behind."""

import csv
import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from datasets.schema import DATASET_VERSION
from workflows.cli import command
from workflows.trained.checkpoint import CONFIG

ROOT = Path(__file__).resolve().parent.parent.parent


def entry_module(verb):
    """What `python -m workflows.VERB` runs."""
    folder = (ROOT / "workflows" / verb.replace(".", "/")).is_dir()
    return importlib.import_module(f"workflows.{verb}{'.__main__' if folder else ''}")


@pytest.fixture
def complaint(monkeypatch, capsys):
    """Runs a verb; returns what it complained of, in one line."""

    def ask(verb, *arguments):
        monkeypatch.setattr(sys, "argv", [f"workflows.{verb}", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            command.run(entry_module(verb).main)
        said = capsys.readouterr().err.splitlines()
        assert stop.value.code == 2
        assert len(said) == 1
        return said[0].removeprefix("error: ")

    return ask


def test_no_such_folder(complaint, tmp_path):
    assert complaint("prepare", "--source", "/no/such", "--output", tmp_path / "new").startswith(
        "--source: '/no/such' does not exist; give"
    )


def test_an_empty_folder(complaint, tmp_path):
    (tmp_path / "empty").mkdir()
    said = complaint("prepare", "--source", tmp_path / "empty", "--output", tmp_path / "new")
    assert "holds no media files" in said
    assert not (tmp_path / "new").exists()
    assert complaint("demo", "--videos", tmp_path / "empty").startswith(
        f"--videos: '{tmp_path / 'empty'}' holds no media"
    )


def test_a_catalog_without_a_column(complaint, tmp_path):
    catalog = tmp_path / "kinetics.csv"
    with catalog.open("w") as file:
        csv.writer(file).writerows([["label", "youtube_id", "begin", "time_end", "split"], ["x", "y", 0, 10, "train"]])
    said = complaint("prepare", "--source", catalog, "--video-root", tmp_path, "--output", tmp_path / "new")
    assert "has no column 'time_start'" in said
    assert "time_start" in said


@pytest.mark.ray
def test_a_shift_longer_than_every_video(complaint, scene_folder, tmp_path):
    said = complaint(
        "prepare",
        "--source",
        scene_folder,
        "--output",
        tmp_path / "new",
        "--clip-seconds",
        1,
        "--min-shift-seconds",
        30,
        "--max-shift-seconds",
        40,
    )
    assert said.startswith("--min-shift-seconds: 30.0")
    assert "4.0 s of picture" in said
    assert not (tmp_path / "new").exists()


@pytest.mark.ray
def test_a_clip_longer_than_every_video(complaint, scene_folder, tmp_path):
    said = complaint("prepare", "--source", scene_folder, "--output", tmp_path / "new", "--clip-seconds", 60)
    assert "too short" in said
    assert "--clip-seconds" in said
    assert not (tmp_path / "new").exists()


@pytest.mark.ray
@pytest.mark.parametrize("verb", ["train", "evaluate"])
def test_a_dataset_of_another_version(complaint, tmp_path, trained, verb):
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "dataset.json").write_text(json.dumps({"version": DATASET_VERSION + 1}))
    first = ["multisensory"] if verb == "train" else ["--model", trained.model_folder]
    said = complaint(verb, *first, "--data", tmp_path / "old")
    assert f"is of version {DATASET_VERSION + 1}, this program reads {DATASET_VERSION}; prepare it again" in said


@pytest.mark.ray
def test_a_model_of_a_recipe_that_is_not_here(complaint, tmp_path, trained):
    folder = tmp_path / "other"
    folder.mkdir()
    for file in Path(trained.model_folder).iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    description = json.loads((folder / CONFIG).read_text())
    (folder / CONFIG).write_text(json.dumps({**description, "recipe": "separation"}))
    said = complaint("localize", "--model", folder, "--video", "x.mp4", "--output", tmp_path / "maps")
    assert said.startswith("recipe: 'separation' does not exist; choose one of")
    assert not (tmp_path / "maps").exists()


@pytest.mark.ray
def test_localize_replaces_no_other_original(complaint, tmp_path, trained):
    folder = tmp_path / "two"
    folder.mkdir()
    for name in ("clip.mkv", "clip.mp4"):
        (folder / name).write_text(f"the original {name}")
    said = complaint("localize", "--model", trained.model_folder, "--video", folder / "clip.mkv", "--output", folder)
    assert said.startswith(f"--output: '{folder / 'clip.mp4'}' is there and was not written by this program")
    assert {path.name: path.read_text() for path in folder.iterdir()} == {
        name: f"the original {name}" for name in ("clip.mkv", "clip.mp4")
    }


@pytest.mark.ray
def test_prepare_writes_into_no_folder_of_other_files(complaint, scene_folder, tmp_path):
    (tmp_path / "holiday").mkdir()
    (tmp_path / "holiday" / "film.txt").write_text("mine")
    said = complaint("prepare", "--source", scene_folder, "--output", tmp_path / "holiday")
    assert said.startswith(f"--output: '{tmp_path / 'holiday'}' holds other files, such as")
    assert [path.name for path in (tmp_path / "holiday").iterdir()] == ["film.txt"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["prepare", "--source", ".", "--output", "x", "--clip-secs", "3"], "--clip-seconds"),
        (["prepare", "--source", ".", "--output", "x", "--preset", "big"], "--preset: 'big' does not exist; choose"),
        (["prepare", "--source", ".", "--output", "x", "--size", "33"], "size: 33 is odd"),
        (
            ["prepare", "--source", ".", "--output", "x", "--validation-share", "nan"],
            "validation_share: nan is not from 0",
        ),
        (["prepare", "--source", ".", "--output", "x", "--log-mel.num-bins", "0"], "log_mel.num_bins: 0 is not from 1"),
        (["prepare", "--source", ".", "--output", "x", "--clip-seconds", "inf"], "clip_seconds: inf is not from 0.01"),
        (["demo", "--name", "../../evil"], "--name: '../../evil' cannot be the name of one folder; give"),
        (["train", "multisensory", "--data", "/no/such"], "--data: '/no/such' holds no dataset.json"),
        (["train", "multisensory", "--data", "x", "--min-loudness", "3"], "--min-loudness: 3.0 is above 0 dB"),
        (["train", "multisensory", "--data", "x", "--min-loudness", "-5"], "--data: "),
        (["train", "multisensory", "--data", "x", "--min-motion", "-1"], "--min-motion: -1.0 is below 0"),
        (["train", "multisensory", "--data", "x", "--max-offset-ms", "200"], "--max-offset-ms: 200 needs --offsets"),
        (
            ["prepare", "--source", ".", "--output", "x", "--offsets", "a"],
            "--offsets: 'a' needs --max-offset-ms too; give",
        ),
        (
            ["prepare", "--source", ".", "--output", "x", "--offsets", "/no/such", "--max-offset-ms", "200"],
            "--offsets: '/no/such' holds no files.parquet; make it with",
        ),
        (
            ["train", "multisensory", "--data", "x", "--run-name", "../../evil"],
            "--run-name: '../../evil' cannot be the name",
        ),
        (["train", "multisensory", "--data", "x", "--optim.lr", "nan"], "optim.lr: nan is not above zero"),
        (["train", "--data", "x"], "recipe: missing; give one of audio_tagging, "),
        (["train", "multisensory", "--data", "x", "--num-workers", "-1"], "--num-workers: -1 is below 0"),
        (["audit", "--data", "/no/such"], "--data: '/no/such' holds no dataset.json"),
        (["audit", "--data", "x", "--max-rows", "0"], "--max-rows: 0 is too few; give 1 or more"),
        (["audit", "--data", "x", "--null-scenes", "0"], "--null-scenes: 0 is too few; give 10 or more"),
        (["remove", "/no/such", "--video", "x"], "DATASET: '/no/such' holds no dataset.json"),
        (["remove", "/no/such", "--video"], "--video: missing; give"),
        (["merge", "/no/such", "/neither", "--output", "y"], "DATASETS: '/no/such' holds no dataset.json"),
        (["merge", "/no/such", "--output", "y"], "DATASETS: /no/such into"),
        (["inspect", "/no/such"], "DATASET: '/no/such' holds no Parquet files; give"),
        (["inspect", "x", "--num-clips", "0"], "--num-clips: 0 is too few; give 1 or more"),
        (["studies.shortcuts", "--sounds", "/no/such"], "--sounds: '/no/such' does not exist; give"),
        (["studies.shortcuts", "--cells", "rolls"], "--cells: 'rolls' does not exist; choose"),
        (["studies.shortcuts", "--steps", "3"], "--steps: 3 is too few"),
        (["studies.failure", "--clip", "9"], "--clip: 9 is none of the 8 clips"),
        (["promote", "--model", "gone", "--candidate", "x", "--data", "x"], "--model: 'gone' has no champion"),
        (["train", "nothing", "--data", "x"], "recipe: 'nothing' does not exist"),
        (["evaluate", "--model", "/no/such", "--data", "x"], "--model: '/no/such'"),
        (["localize", "--model", "models:/none@champion", "--video", "x", "--output", "y"], "'models:/none@champion'"),
        (
            ["localize", "--model", "m", "--video", "x", "--output", "y", "--threshold", "1"],
            "--threshold: 1 is not between 0 and 1; give",
        ),
        (["demo", "--videos", "/no/such"], "--videos: '/no/such' is no folder; give a folder of videos"),
    ],
    ids=lambda value: "-".join(value[:1]) if isinstance(value, list) else "",
)
def test_what_does_not_exist_or_cannot_be(complaint, tracking, tmp_path, arguments, words):
    before = set(tmp_path.rglob("*"))
    assert words in complaint(*arguments)
    left = {path for path in tmp_path.rglob("*") if path.suffix != ".lock"}  # of the tracking store
    assert left == before


def test_an_audit_of_a_dataset_without_clips(complaint, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "dataset.json").write_text(json.dumps({"version": DATASET_VERSION}))
    said = complaint("audit", "--data", tmp_path / "empty")
    assert said.startswith(f"--data: '{tmp_path}/empty' holds no clips; ")
    assert "prepare it again" in said
    assert not (tmp_path / "mlflow.db").exists()


@pytest.mark.ray
def test_synchronized_batch_norm_needs_gpus(complaint, tracking, small_dataset):
    said = complaint("train", "multisensory", "--data", small_dataset, "--preset", "tiny", "--sync-batch-norm")
    assert "--sync-batch-norm" in said and "--use-gpu" in said


def test_a_command_ends_so_as_a_process_too(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "workflows.train", "multisensory", "--data", "/no/such"],
        cwd=ROOT,
        env={**os.environ, "SENSORIUM_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert not list(tmp_path.iterdir())

"""What a second run does: only what is missing, and nothing twice."""

import dataclasses
import os
import shutil
from collections import Counter
from pathlib import Path

import pyarrow.dataset
import pyarrow.parquet as pq
import pytest

from datasets.card import read_card
from datasets.preparation.preparation import Preparation
from datasets.sources.listing import list_sources, render_scenes
from datasets.sources.synthetic import render
from infra.errors import InputError
from workflows.prepare.summary import summarize_card

pytestmark = pytest.mark.ray


@pytest.fixture
def prepare(small_config):
    """Prepares a folder of videos, all of it."""

    def run(videos, dataset):
        preparation = Preparation(str(dataset), small_config)
        sources, missing = list_sources(str(videos), video_root=None, classes=())
        preparation.plan(sources, missing=missing)
        preparation.run()
        return preparation

    return run


def clip_ids(dataset):
    table = pyarrow.dataset.dataset(Path(dataset, "clips"), partitioning="hive").to_table(columns=["clip_id"])
    return Counter(table["clip_id"].to_pylist())


@pytest.fixture
def videos(ray_cluster, tmp_path):
    folder = tmp_path / "videos"
    for index in range(3):
        render(index, str(folder), seed=1, seconds=4.0, size=32, frame_rate=8, sample_rate=8000)
    render(9, str(folder), seed=2, seconds=0.5, size=32, frame_rate=8, sample_rate=8000)
    return folder


def test_touched_and_moved_videos_give_no_second_clips_and_errors_stay(prepare, videos, tmp_path):
    prepare(videos, tmp_path / "clips")
    before = clip_ids(tmp_path / "clips")
    shutil.copytree(videos, tmp_path / "moved")
    again = prepare(tmp_path / "moved", tmp_path / "clips")
    assert len(again.new_shards) == 0
    assert clip_ids(tmp_path / "clips") == before
    assert set(before.values()) == {1}
    reasons = [row["reason"] for row in pq.read_table(tmp_path / "clips" / "errors.parquet").to_pylist()]
    assert reasons == ["too short"]


def test_a_new_video_adds_a_shard_and_leaves_the_others(prepare, videos, tmp_path):
    prepare(videos, tmp_path / "clips")
    before = read_card(str(tmp_path / "clips"))
    render(20, str(videos), seed=1, seconds=4.0, size=32, frame_rate=8, sample_rate=8000)
    grown = prepare(videos, tmp_path / "clips")
    after = read_card(str(tmp_path / "clips"))
    assert len(grown.new_shards) == 1
    assert [sum(s["videos"] for s in card["splits"].values()) for card in (before, after)] == [3, 4]
    assert set(clip_ids(tmp_path / "clips").values()) == {1}


def test_a_video_replaced_under_its_name_is_an_error_row(prepare, videos, tmp_path):
    prepare(videos, tmp_path / "clips")
    shutil.copy(next(videos.glob("*-1-00001.mp4")), next(videos.glob("*-1-00002.mp4")))
    reasons = {row["reason"] for row in prepare(videos, tmp_path / "clips").errors}
    assert reasons == {"too short", "changed"}


def test_a_name_that_is_not_utf8_is_an_error_row(prepare, videos, tmp_path):
    good = next(videos.glob("*-1-00001.mp4"))
    shutil.copy(good, videos / os.fsdecode(b"caf\xe9.mp4"))
    (videos / os.fsdecode(b"class \xff")).mkdir()
    shutil.copy(good, videos / os.fsdecode(b"class \xff") / "plain.mp4")
    shutil.copy(next(videos.glob("*-1-00002.mp4")), videos / "café.mp4")
    preparation = prepare(videos, tmp_path / "clips")
    errors = pq.read_table(tmp_path / "clips" / "errors.parquet").to_pylist()
    refused = [row["source"] for row in errors if (row["stage"], row["reason"]) == ("index", "name is not UTF-8")]
    assert refused == [f"{videos}/caf\\xe9.mp4", f"{videos}/class \\xff/plain.mp4"]
    assert sum(clip_ids(tmp_path / "clips").values()) == 8
    summary = summarize_card(str(tmp_path / "clips"), read_card(str(tmp_path / "clips")), preparation.errors)
    assert "not used: 2 x name is not UTF-8 (index)" in summary


def test_an_interrupted_first_run_goes_on_only_with_its_own_configuration(prepare, videos, small_config, tmp_path):
    sources, _ = list_sources(str(videos), video_root=None, classes=())
    preparation = Preparation(str(tmp_path / "clips"), small_config)
    preparation.plan(sources)
    preparation._make = lambda shards: (_ for _ in ()).throw(KeyboardInterrupt)
    with pytest.raises(KeyboardInterrupt):
        preparation.run()
    with pytest.raises(InputError, match="size=32, now size=64"):
        Preparation(str(tmp_path / "clips"), dataclasses.replace(small_config, size=64))
    prepare(videos, tmp_path / "clips")
    assert len(clip_ids(tmp_path / "clips")) == 6


def test_more_scenes_leave_those_that_are_there_and_their_boxes(ray_cluster, small_config, tmp_path):
    folder = str(tmp_path / "scenes")
    render_scenes(folder, num_videos=4, level="easy", config=small_config)
    before = {path: path.stat().st_mtime_ns for path in Path(folder, "videos").iterdir()}
    render_scenes(folder, num_videos=6, level="easy", config=small_config)
    after = {path: path.stat().st_mtime_ns for path in Path(folder, "videos").iterdir()}
    assert before.items() <= after.items()
    assert len(after) == 6


def test_scenes_of_an_interrupted_rendering_are_not_taken_for_those_of_another_configuration(
    ray_cluster, small_config, monkeypatch, tmp_path
):
    folder = str(tmp_path / "scenes")

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(pq, "write_table", interrupted)
        with pytest.raises(KeyboardInterrupt):
            render_scenes(folder, num_videos=2, level="easy", config=small_config)
    assert len(list(Path(folder, "videos").glob("*.mp4"))) == 2
    with pytest.raises(InputError, match=r"clip_seconds=1.0, now clip_seconds=2.0"):
        Preparation(folder, dataclasses.replace(small_config, clip_seconds=2.0))
    Preparation(folder, small_config)


def test_a_run_killed_between_its_plan_and_its_recordings_gives_no_second_clips(prepare, videos, tmp_path, monkeypatch):
    def die(draft):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("datasets.preparation.draft._recordings_parts", die)
        with pytest.raises(KeyboardInterrupt):
            prepare(videos, tmp_path / "clips")
    render(3, str(videos), seed=1, seconds=4.0, size=32, frame_rate=8, sample_rate=8000)
    prepare(videos, tmp_path / "clips")
    found = clip_ids(tmp_path / "clips")
    assert set(found.values()) == {1}
    prepare(videos, tmp_path / "whole")
    assert found == clip_ids(tmp_path / "whole")

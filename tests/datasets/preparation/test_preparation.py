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
from datasets.editing.rewrite import refresh_card
from datasets.preparation.plan import read_plan, read_planned
from datasets.preparation.preparation import Preparation
from datasets.preparation.survey import tabulate_sources
from datasets.sources.listing import list_sources, render_scenes
from datasets.sources.source import Source
from datasets.sources.synthetic import render
from datasets.tables.offsets import OffsetScreen
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


def test_sources_out_of_sync_are_error_rows_and_counted_on_the_card(prepare, videos, small_config, tmp_path):
    files = sorted(str(path) for path in videos.glob("*-1-*.mp4"))
    sources, _ = list_sources(str(videos), video_root=None, classes=())
    screen = OffsetScreen(table="t", max_offset_ms=200, offsets={files[0]: -300.0, files[1]: None, files[2]: 20.0})
    preparation = Preparation(str(tmp_path / "clips"), small_config)
    preparation.plan(sources, screen=screen)
    card = preparation.run()
    errors = pq.read_table(tmp_path / "clips" / "errors.parquet").to_pylist()
    (row,) = [row for row in errors if row["stage"] == "screen"]
    assert (row["source"], row["reason"]) == (files[0], "out of sync")
    assert row["detail"] == "sound 300 ms early, --max-offset-ms is 200"
    assert sum(clip_ids(tmp_path / "clips").values()) == 4
    assert card["screened"] == {"max_offset_ms": 200, "beyond": 1, "cannot tell": 1, "within": 1, "not asked": 1}
    summary = summarize_card("x", card, preparation.errors)
    assert "1 sources beyond 200 ms, 1 within; kept: 1 sources whose offset cannot be told, 1 sources not in" in summary
    assert "not used: 1 x out of sync (screen)" in summary
    assert refresh_card(preparation.dataset, small_config, {})["screened"] == card["screened"]


def test_a_screen_keeps_what_is_prepared_and_refuses_to_leave_nothing(prepare, videos, small_config, tmp_path):
    prepare(videos, tmp_path / "clips")
    sources, _ = list_sources(str(videos), video_root=None, classes=())
    screen = OffsetScreen(table="t", max_offset_ms=200, offsets={source.path: 500.0 for source in sources})
    again = Preparation(str(tmp_path / "clips"), small_config)
    again.plan(sources, screen=screen)
    assert again.beyond == sorted(source.video_id for source in sources if "-1-" in source.video_id)
    assert [row["stage"] for row in again.errors] == ["screen"]
    with pytest.raises(InputError, match="--max-offset-ms: 200 leaves none of 4 sources; give more"):
        Preparation(str(tmp_path / "new"), small_config).plan(sources, screen=screen)
    assert not (tmp_path / "new").exists()


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
    shown = []
    render_scenes(folder, num_videos=6, level="easy", config=small_config, progress=lambda *state: shown.append(state))
    assert shown == [("rendering", done, 6) for done in range(1, 7)]
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


def tree(folder):
    return sorted(str(path.relative_to(folder)) for path in Path(folder).rglob("*"))


def test_a_plan_that_is_not_run_leaves_nothing_behind(videos, small_config, tmp_path):
    sources, _ = list_sources(str(videos), video_root=None, classes=())
    preparation = Preparation(str(tmp_path / "clips"), small_config)
    preparation.plan(sources)
    assert sum(shard.num_sources for shard in preparation.new_shards) == 3
    assert preparation.sample().windows
    assert not (tmp_path / "clips").exists()


def test_sources_of_one_recording_share_a_split(videos, small_config, tmp_path):
    first, second, third = sorted(str(path) for path in videos.glob("*-1-*.mp4"))
    copy = str(shutil.copy(second, tmp_path / "copy.mp4"))
    for number in range(4):
        sources = [
            Source(path=first, video_id=f"{number} segment", catalog_id=f"upload {number}"),
            Source(path=second, video_id=f"{number} other segment", catalog_id=f"upload {number}"),
            Source(path=copy, video_id=f"{number} copy"),
            Source(path=third, video_id=f"{number} alone"),
        ]
        preparation = Preparation(str(tmp_path / str(number)), small_config)
        preparation.plan(sources)
        preparation.run()
        rows = read_planned(read_plan(preparation.dataset), ["video_id", "recording_id", "split"]).to_pylist()
        assert len({row["split"] for row in rows if "alone" not in row["video_id"]}) == 1
        assert len({row["recording_id"] for row in rows}) == 2


def test_a_video_that_joins_two_recordings_is_said_and_moves_none(videos, small_config, tmp_path):
    first, second, _ = sorted(str(path) for path in videos.glob("*-1-*.mp4"))
    sources = [Source(path=first, video_id="a", catalog_id="upload"), Source(path=second, video_id="b")]
    preparation = Preparation(str(tmp_path / "clips"), small_config)
    preparation.plan(sources)
    preparation.run()
    columns = ["video_id", "recording_id", "split"]
    before = read_planned(read_plan(preparation.dataset), columns).to_pylist()
    copy = str(shutil.copy(second, tmp_path / "copy.mp4"))
    again = Preparation(str(tmp_path / "clips"), small_config)
    again.plan([*sources, Source(path=copy, video_id="c", catalog_id="upload")])
    card = again.run()
    (joined,) = again.joined
    assert set(joined) == {row["recording_id"] for row in before}
    assert "one recording after all: " in summarize_card(again.dataset, card, joined=again.joined)
    after = read_planned(read_plan(again.dataset), columns).to_pylist()
    assert [row for row in after if row["video_id"] != "c"] == sorted(before, key=after.index)
    (new,) = (row for row in after if row["video_id"] == "c")
    assert (new["recording_id"], new["split"]) in {(row["recording_id"], row["split"]) for row in before}


def test_the_same_clips_have_one_fingerprint_whatever_their_shards(videos, small_config, tmp_path):
    sources, _ = list_sources(str(videos), video_root=None, classes=())
    found = {}
    for num_workers in (1, 8):
        preparation = Preparation(str(tmp_path / str(num_workers)), small_config, num_workers=num_workers)
        preparation.plan(sources)
        found[num_workers] = preparation.run()["fingerprint"], len(preparation.new_shards)
    assert found[1][0] == found[8][0]
    assert found[1][1] < found[8][1]
    fewer = Preparation(str(tmp_path / "other"), small_config)
    fewer.plan(sources[1:])
    assert fewer.run()["fingerprint"] != found[1][0]


def test_sources_are_taken_in_an_order_that_mixes_folders(small_config):
    sources = [
        Source(path=f"/v/{index // 100}/{index}.mp4", video_id=f"{index // 100}/{index}") for index in range(400)
    ]
    order = tabulate_sources(sources, small_config)["video_id"].to_pylist()
    classes = [video.split("/")[0] for video in order]
    assert sorted(order) == sorted(source.video_id for source in sources)
    assert all(len(set(classes[begin : begin + 20])) == 4 for begin in range(0, 400, 20))
    assert tabulate_sources(reversed(sources), small_config)["video_id"].to_pylist() == order


def test_a_preparation_repeated_elsewhere_gives_the_same_bytes(prepare, videos, tmp_path):
    for name in ("one", "other"):
        prepare(videos, tmp_path / name)
    shards = [path for path in tree(tmp_path / "one") if path.endswith(".parquet") and path.startswith("clips")]
    assert shards
    for path in shards:
        assert (tmp_path / "one" / path).read_bytes() == (tmp_path / "other" / path).read_bytes()


def test_official_splits_of_copies_give_way_to_the_held_out_one(videos, small_config, tmp_path):
    first, second, third = sorted(str(path) for path in videos.glob("*-1-*.mp4"))
    copy = str(shutil.copy(second, tmp_path / "copy.mp4"))
    sources = [
        Source(path=first, video_id="a", catalog_id="upload", split="train"),
        Source(path=second, video_id="b", catalog_id="upload", split="test"),
        Source(path=copy, video_id="c", split="validation"),
        Source(path=third, video_id="d", split="validation"),
    ]
    found = []
    for _ in range(2):
        preparation = Preparation(str(tmp_path / "clips"), small_config)
        preparation.plan(sources)
        card = preparation.run()
        found.append(pq.read_table(tmp_path / "clips" / "errors.parquet").to_pylist())
    rows = read_planned(read_plan(preparation.dataset), ["video_id", "split"]).to_pylist()
    assert {row["video_id"]: row["split"] for row in rows} == {"a": "test", "b": "test", "c": "test", "d": "validation"}
    told = {row["source"]: row["detail"] for row in found[0]}
    assert told == {
        first: "listed in train, kept in test like its copy b",
        copy: "listed in validation, kept in test like its copy b",
    }
    assert found[0] == found[1]
    assert "used, but 2 x kept in another split (split)" in summarize_card("x", card, preparation.errors)


def test_official_splits_do_not_move_what_is_prepared(videos, small_config, tmp_path):
    first, second, _ = sorted(str(path) for path in videos.glob("*-1-*.mp4"))

    def prepare(path, video, split):
        preparation = Preparation(str(tmp_path / "clips"), small_config)
        preparation.plan([Source(path=path, video_id=video, catalog_id="upload", split=split)])
        preparation.run()
        return [row["detail"] for row in preparation.errors]

    assert prepare(first, "a", "train") == []
    assert prepare(second, "b", "test") == ["listed in test, kept in train like its copy a"]
    assert prepare(first, "a", "validation") == ["listed in validation, kept in train like its copy b"]
    rows = read_planned(read_plan(str(tmp_path / "clips")), ["video_id", "split"]).to_pylist()
    assert {row["video_id"]: row["split"] for row in rows} == {"a": "train", "b": "train"}
    for split in ("train", "test"):
        alone = Preparation(str(tmp_path / "alone"), small_config)
        alone.plan([Source(path=first, video_id="a", split=split)])
        alone.run()
    assert [row["detail"] for row in alone.errors] == ["listed in test, kept in train as prepared before"]

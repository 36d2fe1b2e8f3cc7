"""The plan on disk: what goes in comes out, whole or by its names, and shards are cut by rows and split."""

import dataclasses

import numpy as np
import pytest

from datasets.clips.windows import PlannedWindow
from datasets.config import PreparationConfig
from datasets.media.timeline import Restart, Timeline
from datasets.preparation import plan
from datasets.preparation.markers import list_markers, marker_file, read_markers
from datasets.preparation.plan import (
    append_plan,
    made_together,
    planned_videos,
    read_plan,
    read_planned,
    read_shard,
    walk_plan,
)
from datasets.preparation.shards import (
    SPLITS,
    PlannedShard,
    PlannedSource,
    cut_shards,
    divide_source,
    join_parts,
    name_shard,
)
from datasets.sources.source import Box, Text
from infra import storage


def source(number, *, rows=2):
    windows = tuple(
        PlannedWindow(
            start_seconds=0.1 * row, sound_start_seconds=0.1 * row, in_sync=True, shift_seconds=None, pair=None
        )
        for row in range(rows)
    )
    return PlannedSource(
        path=f"/videos/{number}.mp4",
        video_id=f"video {number}",
        content_id=f"content {number}",
        recording_id=f"recording {number}",
        label=None if number % 2 else "drum",
        windows=windows,
        texts=(Text(role="caption", text="a drum"),),
        boxes=(Box(0.0, 0.1, 0.5, 0.6, label="drum"),),
        line=Timeline(
            origin_seconds=0.25,
            picture=((0.0, 5.0), (5.0, 9.5)),
            sound=((0.0, 5.0), (5.0, 9.0)),
            picture_stream=0,
            sound_stream=2,
            first_sound=False,
            restarts=(Restart(stream="picture", packet=150, shift_seconds=5.0),),
            strays=(("sound", 7),),
        ),
        left_out={"no sound": 0.5},
    )


def shard(numbers, **options):
    return name_shard("configuration", "train", [source(number) for number in numbers], retired=(), **options)


@pytest.fixture
def shards(monkeypatch):
    """Shards of 1 to 8 sources, planned over several row groups."""
    monkeypatch.setattr(plan, "_GROUP_ROWS", 5)
    return [shard(range(10 * size, 10 * size + size)) for size in range(1, 9)]


def test_plan_gives_back_shards_with_their_sources(shards, tmp_path):
    append_plan(str(tmp_path), shards[:5])
    append_plan(str(tmp_path), shards[5:])
    found = {one.shard_id: read_shard(one) for one in read_plan(str(tmp_path))}
    assert found == {one.shard_id: one for one in shards}
    assert {one.shard_id: (one.num_sources, one.num_rows) for one in read_plan(str(tmp_path))} == {
        one.shard_id: (len(one.sources), 2 * len(one.sources)) for one in shards
    }


def test_plan_is_walked_and_read_by_columns_alone(shards, tmp_path):
    append_plan(str(tmp_path), shards)
    standing = read_plan(str(tmp_path))
    walked = {one.shard_id: rows["video_id"].to_pylist() for one, rows in walk_plan(standing, columns=["video_id"])}
    assert walked == {one.shard_id: [source.video_id for source in one.sources] for one in shards}
    some = [one for one in standing if one.num_sources in (3, 7)]
    videos = {source.video_id for one in shards if len(one.sources) in (3, 7) for source in one.sources}
    assert set(planned_videos(some).to_pylist()) == videos
    assert read_planned([], ["split"]).num_rows == 0


def test_plan_of_replaced_and_retired_shards_is_not_current(shards, tmp_path):
    append_plan(str(tmp_path), shards[:3])
    replacement = shard([20], replaces=shards[1].shard_id)
    append_plan(str(tmp_path), [replacement, shard([], replaces=shards[2].shard_id)])
    assert {one.shard_id for one in read_plan(str(tmp_path))} == {shards[0].shard_id, replacement.shard_id}
    assert len(plan.read_whole_plan(str(tmp_path))) == 5


def test_plan_without_a_shard_writes_nothing(tmp_path):
    append_plan(str(tmp_path), [])
    assert list(tmp_path.iterdir()) == []
    assert read_plan(str(tmp_path)) == []


def test_shards_are_cut_in_order_by_split_and_ever_smaller():
    splits = np.array([0, 1, 0, -1] * 250)
    shards, cut = cut_shards(np.full(1000, 2), splits, most_rows=100, num_workers=2)
    assert set(shards[splits < 0]) == {-1}
    sizes = np.bincount(shards[splits >= 0]) * 2
    assert (sizes.max(), sizes.min(), sizes.sum()) == (100, 2, 1500)
    for number, (name, num_rows) in enumerate(cut):
        assert set(splits[shards == number]) == {SPLITS.index(name)}
        assert num_rows == 2 * (shards == number).sum()
    train = shards[splits == 0]
    assert (np.diff(train) >= 0).all()


def test_shards_are_full_where_a_source_has_more_rows_than_one_holds():
    num_rows, splits = np.array([6, 30, 4, 2, 8, 6]), np.zeros(6, np.int64)
    numbers, cut = cut_shards(num_rows, splits, most_rows=12, num_workers=1)
    assert numbers.tolist() == [0, 1, 4, 4, 5, 6]
    assert cut == [("train", rows) for rows in (6, 12, 12, 6, 6, 8, 6)]


def test_parts_of_a_source_are_made_together_and_are_the_source(tmp_path):
    whole = source(7, rows=10)
    parts = divide_source(whole, PreparationConfig(), [4, 4, 2])
    divided = [
        PlannedShard(shard_id=f"part {place}", split="train", sources=(part,)) for place, part in enumerate(parts)
    ]
    append_plan(str(tmp_path), [shard([1, 2]), *divided, shard([3])])
    (first, together, last) = made_together(read_plan(str(tmp_path)))
    assert (len(first), len(last)) == (1, 1)
    joined = join_parts([read_shard(one).sources[0] for one in together])
    assert joined == dataclasses.replace(whole, places=tuple(range(10)))


def test_markers_are_listed_once_and_read_in_order(tmp_path):
    names = [f"{number:03d}" for number in range(600)]
    for name in names:
        storage.write_json(marker_file(str(tmp_path), name), {"shard_id": name})
    assert list_markers(str(tmp_path)) == set(names)
    asked = names[::-2]
    assert [marker["shard_id"] for marker in read_markers(str(tmp_path), asked)] == asked

"""A source with more rows than a shard holds has several shards: all of them have its rows, or none."""

import dataclasses
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from datasets.card import read_card
from datasets.doctor import examine
from datasets.editing.remove import remove_videos
from datasets.preparation import shards
from datasets.preparation.plan import read_plan
from datasets.preparation.preparation import Preparation
from datasets.sources.listing import list_sources
from datasets.sources.synthetic import render

pytestmark = pytest.mark.ray
ROWS = 8
"""Rows that a shard holds here."""


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    """A folder of a long video and of two short ones."""
    folder = tmp_path_factory.mktemp("videos")
    options = {"size": 32, "frame_rate": 8, "sample_rate": 8000}
    render(0, str(folder), seed=1, seconds=20.0, **options)
    for index in (1, 2):
        render(index, str(folder), seed=1, seconds=2.0, **options)
    return folder


@pytest.fixture
def config(small_config):
    return dataclasses.replace(small_config, pairs_per_video=10, validation_share=0.0, test_share=0.0)


@pytest.fixture
def plan(ray_cluster, videos, config, monkeypatch):
    """Plans the videos, in shards of 8 rows or of their real size."""

    def planned(dataset, *, divided=True, num_workers=2, folder=videos):
        if divided:
            monkeypatch.setattr(shards, "SHARD_BYTES", (ROWS + 1) * config.row_bytes)
        preparation = Preparation(str(dataset), config, num_workers=num_workers)
        preparation.plan(list_sources(str(folder), video_root=None, classes=())[0])
        return preparation

    return planned


def long_shards(dataset):
    """Return the shards of the long video, in their order."""
    of_one = [shard for shard in read_plan(str(dataset)) if shard.num_rows in (ROWS, 20 % ROWS)]
    return sorted(of_one, key=lambda shard: shard.generation)


def counts(card):
    return {name: sum(split[name] for split in card["splits"].values()) for name in ("rows", "pairs", "videos")}


def test_long_source_over_several_shards_has_the_same_clips(plan, rows, tmp_path):
    whole = plan(tmp_path / "whole", divided=False).run()
    cards = {n: plan(tmp_path / f"workers-{n}", num_workers=n).run() for n in (1, 2, 4)}
    expected = rows(tmp_path / "whole")
    for num_workers, card in cards.items():
        dataset = tmp_path / f"workers-{num_workers}"
        assert rows(dataset) == expected
        assert card["fingerprint"] == whole["fingerprint"]
        assert counts(card) == counts(whole) == {"rows": 60, "pairs": 30, "videos": 3}
        assert max(shard.num_rows for shard in read_plan(str(dataset))) == ROWS
    assert examine(str(tmp_path / "workers-2")).flags == []


def test_long_source_has_shards_of_its_own_in_the_order_of_time(plan, tmp_path):
    plan(tmp_path / "clips").run()
    begins = []
    for shard in read_plan(str(tmp_path / "clips")):
        table = pq.read_table(shards.clip_file(str(tmp_path / "clips"), shard), partitioning=None)
        assert len(table["video_id"].unique()) == 1
        begins.append((table["video_id"][0].as_py(), shard.generation, min(table["start_seconds"].to_pylist())))
    assert len(begins) == 9
    assert sorted(begins) == sorted(begins, key=lambda one: (one[0], one[2]))


def test_long_source_whose_markers_were_half_written_is_made_again(plan, rows, tmp_path):
    card = plan(tmp_path / "clips").run()
    before = rows(tmp_path / "clips")
    lost = read_plan(str(tmp_path / "clips"))[1]
    (tmp_path / "clips" / "markers" / f"{lost.shard_id}.json").unlink()
    Path(shards.clip_file(str(tmp_path / "clips"), lost)).unlink()
    again = plan(tmp_path / "clips")
    assert again.new_shards == []
    assert again.run()["fingerprint"] == card["fingerprint"]
    assert rows(tmp_path / "clips") == before


def test_long_source_that_breaks_gives_no_row_and_one_error(plan, videos, rows, tmp_path):
    folder = shutil.copytree(videos, tmp_path / "videos")
    preparation = plan(tmp_path / "clips", folder=folder)
    path = next(folder.glob("*-00000.mp4"))
    name = path.name
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * 3 // 4])
    card = preparation.run()
    assert counts(card) == {"rows": 40, "pairs": 20, "videos": 2}
    assert {row["video_id"] for row in rows(tmp_path / "clips").values()} == {
        one.name for one in folder.glob("*.mp4") if one.name != name
    }
    assert [error["source"] for error in preparation.errors] == [str(path)]
    files = {one.stem for one in (tmp_path / "clips" / "clips").rglob("*") if one.is_file()}
    assert len(files) == 6


def test_long_source_is_removed_from_all_its_shards(plan, videos, tmp_path):
    plan(tmp_path / "clips").run()
    name = next(videos.glob("*-00000.mp4")).name
    removal = remove_videos(str(tmp_path / "clips"), [name])
    assert (removal.num_videos, removal.num_shards) == (1, 3)
    assert counts(removal.card) == counts(read_card(str(tmp_path / "clips"))) == {"rows": 40, "pairs": 20, "videos": 2}

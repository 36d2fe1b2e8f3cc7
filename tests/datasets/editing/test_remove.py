"""A removed video is gone, the others are as they were, and no interruption leaves anything half-written."""

import shutil
from pathlib import Path

import pytest

from datasets.card import read_card
from datasets.doctor import examine
from datasets.editing.remove import remove_videos
from datasets.preparation.plan import planned_videos, read_plan, read_shard
from datasets.preparation.preparation import Preparation
from datasets.preparation.shards import clip_file
from datasets.reading.row_groups import read_rows
from datasets.reading.selection import select_units
from datasets.sources.source import Source
from datasets.tables.recordings import read_recordings
from infra.errors import InputError

pytestmark = pytest.mark.ray


def name(number):
    return f"synthetic-medium-0-{number:05d}"


def of(rows, videos):
    return {clip: row for clip, row in rows.items() if row["video_id"] in videos}


def planned(dataset):
    return set(planned_videos(read_plan(str(dataset))).to_pylist())


def without(rows, videos):
    return {clip: row for clip, row in rows.items() if row["video_id"] not in videos}


@pytest.fixture
def again(small_config):
    """Prepares all videos that a dataset was made of, once more."""

    def run(dataset, **options):
        preparation = Preparation(str(dataset), small_config)
        sources = {
            row["video_id"]: Source(path=row["path"], video_id=row["video_id"])
            for row in read_recordings(str(dataset)).to_pylist()
        }
        preparation.plan(list(sources.values()), **options)
        preparation.run()
        return preparation

    return run


def test_the_rows_of_a_video_go_and_the_others_stay_bit_for_bit(dataset, rows):
    before, videos = rows(dataset), {name(3), name(4)}
    card = read_card(str(dataset))
    removal = remove_videos(str(dataset), sorted(videos))
    assert len(of(before, videos)) == 4
    assert rows(dataset) == without(before, videos)
    assert (removal.num_videos, removal.absent) == (2, [])
    assert sum(split["rows"] for split in removal.card["splits"].values()) == 44
    assert removal.card["fingerprint"] != card["fingerprint"]
    assert examine(str(dataset)).flags == []


def test_a_later_preparation_leaves_a_removed_video_out_unless_asked(dataset, rows, again):
    before, video = rows(dataset), name(3)
    for _ in range(2):
        remove_videos(str(dataset), [video])
        kept = again(dataset)
        assert len(kept.new_shards) == 0
        assert kept.removed == [video]
        assert rows(dataset) == without(before, {video})
        restored = again(dataset, restore=True)
        assert len(restored.new_shards) == 1
        assert restored.removed == []
        assert rows(dataset).keys() == before.keys()
        assert examine(str(dataset)).flags == []


def test_a_shard_that_loses_all_its_videos_is_no_more(dataset, rows):
    before = rows(dataset)
    shard = min(read_plan(str(dataset)), key=lambda shard: shard.num_sources)
    videos = {source.video_id for source in read_shard(shard).sources}
    remove_videos(str(dataset), sorted(videos))
    assert rows(dataset) == without(before, videos)
    assert shard.shard_id not in {planned.shard_id for planned in read_plan(str(dataset))}
    assert examine(str(dataset)).flags == []


def test_an_interrupted_removal_shows_whole_shards_only_and_is_finished_by_the_next(
    small_dataset, tmp_path, rows, interrupted, again
):
    before, videos = rows(small_dataset), {name(3), name(9)}
    for number in range(40):
        dataset = shutil.copytree(small_dataset, tmp_path / str(number))
        remove = lambda: remove_videos(str(dataset), sorted(videos))  # noqa: B023, E731
        if not interrupted(number, remove):
            break
        between = rows(dataset)
        assert between.items() <= before.items()
        assert not {"broken file", "torn pair", "duplicated clip"} & {flag.name for flag in examine(str(dataset)).flags}
        if number % 2:
            again(dataset)
            assert rows(dataset) == (before if videos <= planned(dataset) else without(before, videos))
        remove()
        assert rows(dataset) == without(before, videos)
        assert examine(str(dataset)).flags == []
    assert 8 < number < 39


def test_a_run_that_reads_on_is_stopped_instead_of_reading_other_rows(dataset):
    shard = max(read_plan(str(dataset)), key=lambda shard: shard.num_sources)
    groups = [
        g for g in select_units(str(dataset), shard.split, unit="row").groups if g.uri == clip_file(str(dataset), shard)
    ]
    remove_videos(str(dataset), [read_shard(shard).sources[0].video_id])
    assert not Path(groups[0].uri).exists()
    with pytest.raises(InputError, match="does not exist any more; the dataset was changed"):
        read_rows(groups[0].uri, 0, [0, 1], ["clip_id"])


def test_what_was_removed_before_is_told_and_what_never_was_there_is_refused(dataset):
    remove_videos(str(dataset), [name(3)])
    again = remove_videos(str(dataset), [name(3)])
    assert (again.num_videos, again.num_shards, again.absent) == (0, 0, [name(3)])
    with pytest.raises(
        InputError, match=r"--video: 'synthetic-medium-0-9' is not in .*such as 'synthetic-medium-0-000"
    ):
        remove_videos(str(dataset), ["synthetic-medium-0-9"])


def test_all_videos_at_once_and_unfinished_datasets_are_refused(dataset):
    with pytest.raises(InputError, match="these are all videos"):
        remove_videos(str(dataset), [name(number) for number in range(24)])
    next((dataset / "markers").iterdir()).unlink()
    with pytest.raises(InputError, match=r"1 of \d+ shards still to be made; run workflows.prepare again"):
        remove_videos(str(dataset), [name(3)])

import dataclasses

import numpy as np
import pyarrow as pa
import pytest

from datasets.preparation.shards import write_clips
from datasets.reading import stream
from datasets.reading.read_plan import ReadPlan
from datasets.reading.reader import list_row_groups
from datasets.reading.stream import Stream
from datasets.schema import CLIP_SCHEMA

COLUMNS = ("clip_id", "frames")


@pytest.fixture
def plan(tmp_path, small_config):
    for shard in range(3):
        rows = [
            {
                "clip_id": f"{shard}-{row}",
                **dict.fromkeys(("source", "video_id", "recording_id"), "v"),
                "pair_id": f"{shard}-{row // 2}",
                **dict.fromkeys(("start_seconds", "sound_start_seconds"), 0.0),
                "in_sync": True,
                "frames": np.full((small_config.num_frames, 32, 32, 3), row, np.uint8).tobytes(),
            }
            for row in range(10)
        ]
        table = pa.Table.from_pylist(rows, schema=CLIP_SCHEMA)
        write_clips(str(tmp_path / "clips" / "split=train" / f"{shard}.parquet"), table)
    groups = tuple(list_row_groups(str(tmp_path), "train"))
    return ReadPlan(groups=groups, batch_pairs=2, world_size=1, rank=0, seed=3, pool_pairs=6)


def planned(plan, epoch):
    """Clips in the order of the plan."""
    order = []
    for number, pool in enumerate(plan.pools(epoch)):
        pairs = [(plan.groups[item.group].uri[-9], row) for item in pool for row in item.pair_rows]
        for pair in plan.mixing(epoch, number, len(pairs)):
            shard, row = pairs[pair]
            order += [f"{shard}-{row}", f"{shard}-{row + 1}"]
    return order[: 2 * plan.batch_pairs * plan.steps_per_epoch]


@pytest.mark.parametrize("largest", [1, stream._LARGEST_TASK_BYTES])
@pytest.mark.parametrize("small", [0, stream._SMALL_BATCH_BYTES])
def test_clips_come_as_planned_however_tasks_are_cut_and_batches_formed(
    plan, small_config, monkeypatch, largest, small
):
    config = dataclasses.replace(small_config, storage="raw")
    monkeypatch.setattr(stream, "_SMALL_BATCH_BYTES", small)
    monkeypatch.setattr(stream, "_TASK_BYTES", 1)
    monkeypatch.setattr(stream, "_LARGEST_TASK_BYTES", largest)
    found = Stream(plan, columns=COLUMNS, config=config, first_epoch=0, num_epochs=3)
    for epoch in range(3):
        batches = list(found.epoch(epoch))
        assert len(batches) == plan.steps_per_epoch == 7
        assert [name for batch in batches for name in batch["clip_id"]] == planned(plan, epoch)
        for batch in batches:
            np.testing.assert_array_equal(
                batch["frames"][:, 0, 0, 0, 0], [int(n.split("-")[1]) for n in batch["clip_id"]]
            )


def test_the_next_pool_is_read_while_this_one_is_used(plan, small_config, monkeypatch):
    config = dataclasses.replace(small_config, storage="raw")
    monkeypatch.setattr(stream, "_TASK_BYTES", 1)
    monkeypatch.setattr(stream, "_LARGEST_TASK_BYTES", 1)
    found = Stream(plan, columns=COLUMNS, config=config, first_epoch=0, num_epochs=1)
    first, second, *_ = plan.pools(0)
    batches = found.epoch(0)
    for _ in range(len(first[0].pair_rows) // plan.batch_pairs):
        next(batches)
    assert sum(table.num_rows for table in found._waiting) >= 0.5 * 2 * len(second[0].pair_rows)

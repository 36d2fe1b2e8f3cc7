"""The stream of batches: as planned, from any position, read ahead, decoded in tasks or by a thread."""

import dataclasses
import itertools

import numpy as np
import pytest

from datasets.media import encode_frames
from datasets.reading import stream
from datasets.reading.read_plan import ReadPlan
from datasets.reading.selection import select_units
from datasets.reading.stream import BatchStream

COLUMNS = ("clip_id", "frames")


def frames_of(config, row):
    return np.full((config.num_frames, 32, 32, 3), 20 * row, np.uint8)


@pytest.fixture
def make_plan(make_clips):
    def make(config, unit):
        def stored(row):
            frames = frames_of(config, row)
            return frames.tobytes() if config.storage == "raw" else encode_frames(frames, frame_rate=config.frame_rate)

        dataset = make_clips(
            {
                str(shard): [
                    {"clip_id": f"{shard}-{row}", "pair_id": f"{shard}-{row // 2}", "frames": stored(row)}
                    for row in range(10)
                ]
                for shard in range(3)
            }
        )
        groups = select_units(dataset, "train", unit=unit).groups
        size = groups[0].unit_bytes
        return ReadPlan(groups=groups, batch_size=2, world_size=1, rank=0, seed=3, pool_bytes=6 * size)

    return make


def planned(plan, epoch):
    """Clips in the order of the plan."""
    order = []
    for number, pool in enumerate(plan.pools(epoch)):
        units = [(plan.groups[item.group], first) for item in pool for first in item.units]
        for unit in plan.mixing(epoch, number, len(units)):
            group, first = units[unit]
            order += [f"{group.uri[-9]}-{row}" for row in group.rows([first])]
    return order[: plan.groups[0].span * plan.batch_size * plan.steps_per_epoch]


@pytest.mark.parametrize("unit", ["row", "pair"])
@pytest.mark.parametrize("kind", ["raw", "h264"])
@pytest.mark.parametrize("largest", [1, stream._LARGEST_TASK_BYTES])
@pytest.mark.parametrize("small", [0, stream._SMALL_BATCH_BYTES])
def test_clips_come_as_planned_however_reads_are_cut(make_plan, small_config, monkeypatch, unit, kind, largest, small):
    config = dataclasses.replace(small_config, storage=kind)
    plan = make_plan(config, unit)
    monkeypatch.setattr(stream, "_SMALL_BATCH_BYTES", small)
    monkeypatch.setattr(stream, "_TASK_BYTES", 1)
    monkeypatch.setattr(stream, "_LARGEST_TASK_BYTES", largest)
    found = BatchStream(plan, columns=COLUMNS, config=config).batches()
    for epoch in range(3):
        batches = list(itertools.islice(found, plan.steps_per_epoch))
        assert [name for batch in batches for name in batch["clip_id"]] == planned(plan, epoch)
        for batch in batches:
            rows = np.asarray([int(name.split("-")[1]) for name in batch["clip_id"]])
            np.testing.assert_allclose(batch["frames"][:, 0, 0, 0, 0].astype(int), 20 * rows, atol=3)
            assert batch["frames"].flags.writeable


def test_the_next_pool_is_read_while_this_one_is_used(make_plan, small_config, monkeypatch):
    config = dataclasses.replace(small_config, storage="raw")
    plan = make_plan(config, "pair")
    monkeypatch.setattr(stream, "_TASK_BYTES", 1)
    monkeypatch.setattr(stream, "_LARGEST_TASK_BYTES", 1)
    found = BatchStream(plan, columns=COLUMNS, config=config)
    first, second, *_ = plan.pools(0)
    batches = found.batches()
    for _ in range(sum(len(item.units) for item in first) // plan.batch_size):
        next(batches)
    wanted = 2 * sum(len(item.units) for item in second)
    assert sum(table.num_rows for table in found._waiting) >= 0.5 * wanted


def test_stored_clips_of_several_row_groups_are_shuffled_together(make_plan, small_config):
    """H.264 grows a hundredfold when it is decoded: a pool counts what is stored, and holds more than one row group."""
    config = dataclasses.replace(small_config, storage="h264")
    plan = make_plan(config, "pair")
    pools = dataclasses.replace(plan, pool_bytes=64 * 2**20).pools(0)
    assert len(pools) == 1
    assert len({plan.groups[item.group].uri for item in pools[0]}) == 3


@pytest.mark.parametrize(
    ("world_size", "processors", "store", "expected"),
    [(1, 16, 4e9, 16), (4, 16, 4e9, 4), (1, 16, 1e9, 5), (2, 2, 5e8, 2), (1, 2, 5e8, 2)],
    ids=["all", "shared", "small store", "laptop with two", "laptop"],
)
def test_decoding_tasks_ahead_follow_processors_and_store(world_size, processors, store, expected):
    assert stream.tasks_ahead(world_size, 100_000_000, {"CPU": processors, "object_store_memory": store}) == expected

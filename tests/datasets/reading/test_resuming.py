"""A run that goes on inside an epoch sees the batches that it would have seen, on every rank."""

import itertools

import pytest

from datasets.reading.read_plan import ReadPlan
from datasets.reading.selection import select_units
from datasets.reading.stream import BatchStream

pytestmark = pytest.mark.ray
COLUMNS = ("clip_id", "log_mel")


def plan(dataset, *, rank=0, world_size=1):
    groups = select_units(dataset, "train", unit="pair").groups
    size = groups[0].unit_bytes
    return ReadPlan(groups=groups, batch_size=2, world_size=world_size, rank=rank, seed=0, pool_bytes=6 * size)


def clips(dataset, config, *, first_epoch=0, first_step=0, **place):
    """The clips of all batches from a position on, epoch by epoch."""
    order = plan(dataset, **place)
    steps = order.steps_per_epoch
    position = first_epoch * steps + first_step
    batches = BatchStream(order, columns=COLUMNS, config=config, position=position).batches()
    return [
        [batch["clip_id"] for batch in itertools.islice(batches, steps - (first_step if epoch == first_epoch else 0))]
        for epoch in range(first_epoch, 3)
    ]


@pytest.mark.parametrize("rank", [0, 1])
def test_from_any_position_on_the_batches_are_the_same(small_dataset, small_config, rank):
    place = {"rank": rank, "world_size": 2}
    whole = clips(small_dataset, small_config, **place)
    assert len(whole[1]) == plan(small_dataset, **place).steps_per_epoch > 2
    rest = clips(small_dataset, small_config, first_epoch=1, first_step=2, **place)
    assert rest == [whole[1][2:], whole[2]]


def test_at_an_epoch_s_begin_more_workers_take_its_pairs_between_them(small_dataset, small_config):
    alone = clips(small_dataset, small_config, first_epoch=1)
    shared = [clips(small_dataset, small_config, first_epoch=1, rank=rank, world_size=2) for rank in range(2)]
    for epoch in range(2):
        taken = [clip for part in shared for batch in part[epoch] for clip in batch]
        assert len(taken) == len(set(taken))
        missed = {clip for batch in alone[epoch] for clip in batch} ^ set(taken)
        assert len(missed) <= 2 * 2 * 2 * 2  # what is left over is dropped

from collections import Counter

import pytest

from datasets.reading.read_plan import ReadPlan
from datasets.reading.row_groups import RowGroup

GROUPS = tuple(RowGroup(f"file{i}", 0, tuple(range(0, 2 * n, 2)), 2, 10) for i, n in enumerate((5, 3, 7, 1, 6)))


def plan(rank=0, world_size=1, batch_size=2, pool_bytes=60, **options):
    return ReadPlan(
        groups=GROUPS,
        batch_size=batch_size,
        world_size=world_size,
        rank=rank,
        seed=3,
        pool_bytes=pool_bytes,
        **options,
    )


def pairs(plan, epoch):
    return [(item.group, row) for item in plan.items(epoch) for row in item.units]


@pytest.mark.parametrize("world_size", [1, 2, 3])
def test_ranks_take_equally_many_pairs_and_none_twice(world_size):
    for epoch in range(4):
        shares = [pairs(plan(rank, world_size), epoch) for rank in range(world_size)]
        steps = plan(0, world_size).steps_per_epoch
        assert [len(share) for share in shares] == [2 * steps] * world_size
        together = [pair for share in shares for pair in share]
        assert len(set(together)) == len(together)
        assert steps == 22 // (2 * world_size)


def test_an_epoch_is_the_same_every_time_and_unlike_the_next():
    assert pairs(plan(), 5) == pairs(plan(), 5)
    assert pairs(plan(), 5) != pairs(plan(), 6)


def test_pools_are_bounded_and_hold_every_pair_of_the_epoch():
    pools = plan().pools(0)
    assert [item for pool in pools for item in pool] == plan().items(0)
    for pool in pools:
        assert len(pool) == 1 or sum(len(item.units) for item in pool) <= 6


def test_a_pair_that_one_epoch_drops_comes_in_another():
    left_out = plan(batch_size=4)
    seen = {pair for epoch in range(20) for pair in pairs(left_out, epoch)}
    assert len(pairs(left_out, 0)) == 20
    assert len(seen) == 22


LABELS = (("a",) * 5, ("a", "a", "b"), ("a",) * 7, ("c",), ("a",) * 6)
"""Of 22 pairs one is of b and one of c."""


def label(pair):
    group, row = pair
    return LABELS[group][row // 2]


@pytest.mark.parametrize("world_size", [1, 2, 3])
def test_balanced_epochs_draw_from_all_classes_equally_often_on_ranks_of_equal_steps(world_size):
    for epoch in range(4):
        shares = [pairs(plan(rank, world_size, labels=LABELS), epoch) for rank in range(world_size)]
        steps = plan(0, world_size, labels=LABELS).steps_per_epoch
        assert steps == plan(0, world_size).steps_per_epoch
        assert [len(share) for share in shares] == [2 * steps] * world_size
        counts = Counter(label(pair) for share in shares for pair in share)
        assert max(counts.values()) - min(counts.values()) <= 1
        assert len(counts) == 3


def test_a_visit_of_a_row_group_has_a_pair_once_and_a_large_class_is_drawn_without_repeats():
    for epoch in range(4):
        items = plan(labels=LABELS).items(epoch)
        assert all(len(set(item.units)) == len(item.units) for item in items)
        large = [pair for pair in pairs(plan(labels=LABELS), epoch) if label(pair) == "a"]
        assert len(set(large)) == len(large)


def test_balanced_epochs_are_the_same_every_time_and_come_to_all_pairs():
    balanced = plan(labels=LABELS)
    assert pairs(balanced, 5) == pairs(balanced, 5) != pairs(balanced, 6)
    assert len({pair for epoch in range(40) for pair in pairs(balanced, epoch)}) == 22
    assert [item for pool in balanced.pools(0) for item in pool] == balanced.items(0)


def test_the_digest_knows_of_balance():
    assert len({plan().digest, plan(labels=LABELS).digest, plan(labels=LABELS[::-1]).digest}) == 3

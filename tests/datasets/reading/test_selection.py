"""Pairs are kept or dropped whole, by what was measured of both windows."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datasets.reading.read_plan import ReadPlan
from datasets.reading.reader import list_row_groups
from datasets.reading.selection import Selection, select_pairs
from infra.errors import InputError

LOUDNESS = [-10.0, -10.0, -70.0, -10.0, -20.0, -30.0, -10.0, -70.0]
MOTION = [0.5, 0.5, 0.5, 0.5, 0.5, 0.01, 0.5, 0.5]


@pytest.fixture
def groups(tmp_path):
    """Four pairs in two row groups: of the second one window is silent, of the third one is still, of the fourth one is silent."""
    return make(tmp_path, {"loudness_db": LOUDNESS, "motion": MOTION})


def make(folder, columns):
    rows = {"pair_id": [f"v#{row // 2}" for row in range(8)], "label": ["a", "a", "b", "b"] * 2}
    target = folder / "clips" / "split=train" / "x.parquet"
    target.parent.mkdir(parents=True)
    pq.write_table(pa.table({**rows, **columns}), target, row_group_size=4)
    return list_row_groups(str(folder), "train")


def kept(found):
    return [(group.index, row) for group in found for row in group.pair_rows]


def plan(groups):
    return ReadPlan(groups=tuple(groups), batch_pairs=1, world_size=1, rank=0, seed=0, pool_pairs=4)


def test_nothing_asked_is_everything_kept(groups):
    found, screened = select_pairs(groups, Selection())
    assert found == groups
    assert (screened.num_pairs, screened.num_kept, screened.num_below) == (4, 4, {})


def test_a_pair_is_dropped_if_either_window_is_below(groups):
    found, screened = select_pairs(groups, Selection(min_loudness=-60))
    assert kept(found) == [(0, 0), (1, 0)]
    assert (screened.num_pairs, screened.num_kept, screened.num_below) == (4, 2, {"loudness_db": 2})


def test_a_pair_that_fails_twice_is_dropped_once_and_counted_for_both(groups):
    found, screened = select_pairs(groups, Selection(min_loudness=-25, min_motion=0.1))
    assert kept(found) == [(0, 0)]
    assert screened.num_below == {"loudness_db": 3, "motion": 1}


def test_classes_come_first_and_only_their_pairs_are_counted(groups):
    found, screened = select_pairs(groups, Selection(classes=("b",), min_loudness=-60))
    assert found == []
    assert (screened.num_pairs, screened.num_kept) == (2, 0)


def test_the_read_plan_knows_which_pairs_were_dropped(groups):
    digests = {plan(select_pairs(groups, Selection(min_loudness=least))[0]).digest for least in (None, -25, -60)}
    assert len(digests) == 3
    assert plan(select_pairs(groups, Selection(min_loudness=-90))[0]).digest == plan(groups).digest


@pytest.mark.parametrize("columns", [{}, {"motion": [None, *MOTION[1:]]}])
def test_clips_of_before_the_measures_are_read_but_not_screened(tmp_path, columns):
    groups = make(tmp_path, columns)
    assert len(kept(select_pairs(groups, Selection(classes=("a",)))[0])) == 2
    with pytest.raises(InputError, match=r"--min-motion: .* without motion, prepared before it was measured; prepare"):
        select_pairs(groups, Selection(min_motion=0.1))


@pytest.mark.parametrize("least", [{"min_loudness": 3.0}, {"min_loudness": float("nan")}, {"min_motion": -1.0}])
def test_what_cannot_be_asked_is_refused(least):
    name = next(iter(least)).replace("_", "-")
    with pytest.raises(InputError, match=f"--{name}: .*; give"):
        Selection(**least)

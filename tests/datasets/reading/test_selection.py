"""Selection: pairs are kept or dropped whole, by what was measured of both windows; rows by what they hold."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datasets.reading.read_plan import ReadPlan
from datasets.reading.row_groups import count_units, thin_out
from datasets.reading.screening import describe_screening
from datasets.reading.selection import Selection, select_units
from infra.errors import InputError

LOUDNESS = [-10.0, -10.0, -70.0, -10.0, -20.0, -30.0, -10.0, -70.0]
MOTION = [0.5, 0.5, 0.5, 0.5, 0.5, 0.01, 0.5, 0.5]


@pytest.fixture
def dataset(make_clips):
    """Four pairs in two files: of the second one window is silent, of the third one is still, of the fourth one is silent."""
    rows = [
        {
            "pair_id": f"v#{row // 2}",
            "label": "aabb"[row % 4],
            "fold": row // 4,
            "loudness_db": LOUDNESS[row],
            "motion": MOTION[row],
        }
        for row in range(8)
    ]
    return make_clips({"x": rows[:4], "y": rows[4:]})


def pairs(dataset, **selected):
    return select_units(dataset, "train", unit="pair", selection=Selection(**selected))


def kept(found):
    return [(group.uri[-9], row) for group in found.groups for row in group.units]


def plan(groups):
    return ReadPlan(groups=tuple(groups), batch_size=1, world_size=1, rank=0, seed=0, pool_bytes=4)


def test_selection_keeps_everything_where_nothing_is_asked(dataset):
    found = pairs(dataset)
    assert kept(found) == [("x", 0), ("x", 2), ("y", 0), ("y", 2)]
    assert (found.screened.num_units, found.screened.num_kept, found.screened.num_below) == (4, 4, {})
    assert found.labels == (("a", "b"), ("a", "b"))


def test_selection_of_rows_reads_single_clips(dataset):
    found = select_units(dataset, "all", unit="row")
    assert count_units(found.groups) == 8
    assert {group.span for group in found.groups} == {1}
    assert select_units(dataset, "test", unit="row").groups == ()


def test_screening_drops_a_pair_if_either_window_is_below(dataset):
    found = pairs(dataset, min_loudness=-60)
    assert kept(found) == [("x", 0), ("y", 0)]
    assert (found.screened.num_units, found.screened.num_kept, found.screened.num_below) == (4, 2, {"loudness_db": 2})


def test_screening_counts_a_pair_for_each_failed_measure(dataset):
    found = pairs(dataset, min_loudness=-25, min_motion=0.1)
    assert kept(found) == [("x", 0)]
    assert found.screened.num_below == {"loudness_db": 3, "motion": 1}


def test_screening_by_offset_drops_pairs_of_files_out_of_sync(make_clips, tmp_path):
    sources = ["late", "late", "silent", "silent", "fine", "fine", "other", "other"]
    rows = [{"pair_id": f"v#{row // 2}", "source": source} for row, source in enumerate(sources)]
    dataset = make_clips({"x": rows[:4], "y": rows[4:]})
    offsets = {"late": -300.0, "silent": None, "fine": 20.0}
    table = pa.table({"video": list(offsets), "offset_ms": list(offsets.values())})
    pq.write_table(table, tmp_path / "files.parquet")
    found = pairs(dataset, offsets=str(tmp_path), max_offset_ms=200)
    assert kept(found) == [("x", 2), ("y", 0), ("y", 2)]
    assert found.screened.offsets == {"beyond": 1, "cannot tell": 1, "within": 1, "not asked": 1}
    assert describe_screening({"train": found.screened}, "pair") == [
        "screened train      1 of 4 pairs dropped: 1 out of sync",
        "screened train      kept: 1 pairs whose offset cannot be told, 1 pairs not in --offsets",
    ]
    assert (
        select_units(dataset, "test", unit="row", selection=Selection(offsets=str(tmp_path), max_offset_ms=200)).groups
        == ()
    )


def test_selection_of_classes_comes_before_screening(dataset):
    found = pairs(dataset, classes=("b",), min_loudness=-60)
    assert found.groups == ()
    assert (found.screened.num_units, found.screened.num_kept) == (2, 0)


def test_selection_of_folds_and_of_all_but_some(dataset):
    assert kept(pairs(dataset, folds=(1,))) == [("y", 0), ("y", 2)]
    assert kept(pairs(dataset, exclude_folds=(1,))) == [("x", 0), ("x", 2)]


def test_the_read_plan_knows_which_pairs_were_dropped(dataset):
    digests = {plan(pairs(dataset, min_loudness=least).groups).digest for least in (None, -25, -60)}
    assert len(digests) == 3
    assert plan(pairs(dataset, min_loudness=-90).groups).digest == plan(pairs(dataset).groups).digest


def test_clips_that_lack_what_is_required_are_left_out_and_counted(make_clips):
    texts = [{"role": "caption", "text": "a dog", "start_seconds": None, "end_seconds": None}]
    rows = [{"label": "a", "texts": texts}, {"label": "a"}, {"texts": texts}]
    found = select_units(make_clips({"x": rows}), "train", unit="row", requires=("texts:caption", "label"))
    assert kept(found) == [("x", 0)]
    assert (found.screened.num_lacking, found.screened.num_kept) == (2, 1)
    assert select_units(make_clips({"x": rows}), "train", unit="row", requires=("frames",)).groups == ()


def test_clips_without_a_measure_are_not_screened_by_it(make_clips):
    dataset = make_clips({"x": [{"motion": 0.5}, {"motion": None}]})
    with pytest.raises(
        InputError, match=r"--min-motion: 1 clips of .* have no motion, as they have no moving pictures"
    ):
        select_units(dataset, "train", unit="row", selection=Selection(min_motion=0.1))


@pytest.mark.parametrize("most", [1, 2, 3, 4, 9])
def test_thinned_out_units_are_spread_over_all_row_groups(dataset, most):
    groups = pairs(dataset).groups
    assert count_units(thin_out(groups, most)) == min(4, most)
    assert count_units(thin_out(groups, None)) == 4
    if most == 2:
        assert [group.uri[-9] for group in thin_out(groups, most)] == ["x", "y"]


@pytest.mark.parametrize(
    "least",
    [
        {"min_loudness": 3.0},
        {"min_loudness": float("nan")},
        {"min_motion": -1.0},
        {"max_offset_ms": -1.0},
        {"max_offset_ms": 200.0},
        {"offsets": "answers"},
    ],
)
def test_what_cannot_be_asked_is_refused(least):
    name = next(iter(least)).replace("_", "-")
    with pytest.raises(InputError, match=f"--{name}: .*(; give|needs --offsets)"):
        Selection(**least)


def test_folds_keep_all_clips_of_a_recording_together(make_clips):
    rows = [{"recording_id": f"r{row // 4}", "pair_id": f"v#{row // 2}"} for row in range(40)]
    dataset = make_clips({"x": rows})
    seen = []
    for fold in range(5):
        found = select_units(dataset, "test", unit="pair", selection=Selection(held_out=(fold, 5)))
        units = [32 * group.index + row for group in found.groups for row in group.units]
        assert len(units) == 4
        assert len({row // 4 for row in units}) == 2
        seen += units
    assert sorted(seen) == list(range(0, 40, 2))


def test_a_fold_that_is_none_is_refused():
    with pytest.raises(InputError, match=r"^--held-out: fold 5 of 5 is none; give one from 0 on"):
        Selection(held_out=(5, 5))

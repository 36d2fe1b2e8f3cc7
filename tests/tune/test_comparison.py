"""A sweep's table: the best first, ties marked, aligned, and as CSV with full precision."""

import csv
import dataclasses

import pytest

from tune.comparison import aligned, as_csv, as_markdown, ranked, table_rows
from tune.plan import SweepPlan
from tune.space import Dimension

PLAN = SweepPlan(
    name="compared",
    recipe="multisensory",
    data={},
    preset="tiny",
    num_trials=4,
    search="random",
    scheduler="none",
    epochs=2,
    trial_seconds=None,
    workers_per_trial=0,
    gpus_per_trial=0,
    seed=0,
    space={"channels": Dimension(kind="choice", values=(8, 16))},
    objective="sync_accuracy",
)


def record(number, value, status="finished", **more):
    metrics = {} if value is None else {"validation/sync_accuracy": value}
    fields = {"channels": 8 + number}
    return {"number": number, "name": f"0{number}", "fields": fields, "metrics": metrics, "status": status, **more}


RECORDS = [
    record(0, 0.5),
    record(1, 1 / 3),
    record(2, 0.5, reason="stopped | late"),
    record(3, None, "failed", reason="died"),
]


def test_table_has_the_best_first_marks_ties_and_ends_with_what_failed():
    rows = table_rows(RECORDS, PLAN)
    assert rows[0] == ["rank", "trial", "sync accuracy", "best shortcut", "state", "channels", "s", "reason"]
    assert [row[:3] for row in rows[1:]] == [
        ["1=", "00", "0.500"],
        ["1=", "02", "0.500"],
        ["3", "01", "0.333"],
        ["-", "03", "-"],
    ]


def test_table_shows_the_best_shortcut_of_each_trial_where_the_recipe_has_any():
    metrics = {"validation/audio_only_accuracy": 0.5, "validation/swapped_source_accuracy": 0.7}
    found = record(0, 0.9)
    found["metrics"] |= metrics
    head, *rows = table_rows([found, record(1, 0.8)], PLAN)
    assert [row[head.index("best shortcut")] for row in rows] == ["0.700", "-"]
    assert [row["best_shortcut"] for row in csv.DictReader(as_csv([found], PLAN).splitlines())] == ["0.7"]
    tags = dataclasses.replace(PLAN, recipe="audio_tagging")
    assert "best shortcut" not in table_rows([found], tags)[0]


def test_table_ranks_no_confirmation_and_counts_it_as_no_tie():
    rows = table_rows([record(0, 0.5), record(1, 0.5, confirms="00")], PLAN)
    assert [row[:3] for row in rows[1:]] == [["1", "00", "0.500"], ["-", "01", "0.500"]]


def test_table_has_the_lowest_first_where_low_is_good():
    low = dataclasses.replace(PLAN, mode="min")
    assert [each["number"] for each in ranked(RECORDS, low)] == [1, 0, 2]


def test_table_columns_are_aligned_and_markdown_cells_stay_one_cell():
    rows = table_rows(RECORDS, PLAN)
    lines = aligned(rows).splitlines()
    assert len({line.find("0.") for line in lines[1:4]}) == 1
    assert all(line.count("|") == 9 for line in as_markdown(rows).splitlines())


def test_csv_has_a_row_for_every_trial_by_number_with_full_precision():
    rows = list(csv.DictReader(as_csv(RECORDS, PLAN).splitlines()))
    assert [row["number"] for row in rows] == ["0", "1", "2", "3"]
    assert float(rows[1]["sync_accuracy"]) == pytest.approx(1 / 3, abs=1e-15)
    assert (rows[3]["sync_accuracy"], rows[3]["reason"]) == ("", "died")

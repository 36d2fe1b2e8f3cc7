"""Two datasets become one that holds every recording once, on the side where it was."""

import shutil
from pathlib import Path

import pytest

from datasets.card import read_card
from datasets.doctor import examine
from datasets.editing.merge import merge_datasets
from datasets.editing.remove import remove_videos
from datasets.preparation.preparation import Preparation
from datasets.sources.source import Source
from datasets.tables.recordings import RECORDING_SCHEMA, read_recordings, recordings_file
from datasets.tables.table import write_table
from infra import storage
from infra.errors import InputError

pytestmark = pytest.mark.ray

EARLY, LATE = range(16), range(8, 24)


def name(number):
    return f"synthetic-medium-0-{number:05d}"


@pytest.fixture(scope="module")
def halves(small_dataset, tmp_path_factory):
    """The videos 0 to 15 and 8 to 23."""
    folder = tmp_path_factory.mktemp("halves")
    for half, numbers in (("early", EARLY), ("late", LATE)):
        shutil.copytree(small_dataset, folder / half)
        remove_videos(str(folder / half), [name(n) for n in range(24) if n not in numbers])
    return str(folder / "early"), str(folder / "late")


def test_recordings_that_both_have_come_once_and_all_rows_are_as_they_were(halves, small_dataset, rows, tmp_path):
    merged = merge_datasets(halves, str(tmp_path / "all"))
    assert merged.copies == [name(number) for number in range(8, 16)]
    assert merged.namesakes == []
    assert rows(tmp_path / "all") == rows(small_dataset)
    card = read_card(small_dataset)
    for field in ("splits", "classes", "holds", "hours", "num_errors", "config"):
        assert merged.card[field] == card[field]
    assert examine(str(tmp_path / "all")).flags == []


def test_the_videos_stay_where_they_are_and_preparing_them_again_adds_nothing(
    halves, small_dataset, small_config, rows, tmp_path
):
    merge_datasets(halves, str(tmp_path / "all"))
    found = rows(tmp_path / "all")
    assert all(Path(row["source"]).exists() for row in found.values())
    again = Preparation(str(tmp_path / "all"), small_config)
    again.plan([Source(path=row["source"], video_id=row["video_id"]) for row in found.values()])
    again.run()
    assert (len(again.new_shards), again.removed) == (0, [])
    assert rows(tmp_path / "all") == found


def test_what_goes_in_stays_as_it_is(halves, tmp_path):
    before = {path: Path(path).stat().st_mtime_ns for half in halves for path in storage.list_files(half)}
    merge_datasets(halves, str(tmp_path / "all"))
    assert {path: Path(path).stat().st_mtime_ns for half in halves for path in storage.list_files(half)} == before


def test_another_recording_under_a_name_that_is_taken_is_left_out_and_named(halves, rows, tmp_path):
    late = Path(shutil.copytree(halves[1], tmp_path / "late"))
    part = next((late / "recordings").iterdir()).stem
    known = read_recordings(str(late), RECORDING_SCHEMA.names).to_pylist()
    for row in known:
        if row["video_id"] == name(9):
            row |= {"content_id": "other", "catalog_id": "other", "recording_id": "other", "fingerprint": b""}
    write_table(recordings_file(str(late), part), known, RECORDING_SCHEMA)
    merged = merge_datasets([halves[0], str(late)], str(tmp_path / "all"))
    assert merged.namesakes == [name(9)]
    assert len(rows(tmp_path / "all")) == 48


def test_an_interrupted_merge_is_no_dataset_and_the_same_command_finishes_it(
    halves, small_dataset, rows, tmp_path, interrupted
):
    for number in range(60):
        output = str(tmp_path / str(number))
        merge = lambda: merge_datasets(halves, output)  # noqa: B023, E731
        if not interrupted(number, merge):
            break
        with pytest.raises(InputError, match=r"holds no dataset\.json"):
            read_card(output)
        assert rows(output).items() <= rows(small_dataset).items()
        merge()
        assert rows(output) == rows(small_dataset)
        assert examine(output).flags == []
    assert 15 < number < 59


def test_other_configurations_are_refused_with_the_first_field_that_differs(halves, tmp_path):
    other = shutil.copytree(halves[1], tmp_path / "other")
    card = storage.read_json(f"{other}/dataset.json")
    storage.write_json(f"{other}/dataset.json", {**card, "config": {**card["config"], "size": 64, "seed": 7}})
    with pytest.raises(InputError, match=r"other' was prepared with size=64, '.*early' with size=32; prepare"):
        merge_datasets([halves[0], str(other)], str(tmp_path / "all"))
    assert not (tmp_path / "all").exists()


def test_an_output_with_something_else_in_it_is_refused(halves, tmp_path):
    (tmp_path / "all").mkdir()
    (tmp_path / "all" / "notes.txt").touch()
    with pytest.raises(InputError, match=r"--output: .* is not empty; give a new folder"):
        merge_datasets(halves, str(tmp_path / "all"))
    for datasets, output in ((halves[:1], "x"), ((halves[0], halves[0]), "x"), (halves, halves[0])):
        with pytest.raises(InputError, match=r"DATASETS: .*; give two or more different ones, and another --output"):
            merge_datasets(datasets, output)


def test_a_dataset_that_is_not_finished_is_refused(halves, tmp_path):
    other = Path(shutil.copytree(halves[1], tmp_path / "other"))
    next((other / "markers").iterdir()).unlink()
    with pytest.raises(InputError, match=r"DATASETS: .* has 1 of \d+ shards still to be made"):
        merge_datasets([halves[0], str(other)], str(tmp_path / "all"))

"""Every way in which a dataset can be wrong has its flag, and none of them ends in a traceback."""

import dataclasses
import json
import os
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datasets.clips.parquet import write_clips
from datasets.doctor import examine, read_samples
from datasets.preparation.plan import append_plan, read_plan, read_shard
from datasets.preparation.preparation import Preparation
from datasets.preparation.shards import PlannedShard
from infra.errors import InputError
from infra.parts import part_of

pytestmark = pytest.mark.ray


@pytest.fixture
def dataset(small_dataset, tmp_path):
    """A copy to break."""
    return Path(shutil.copytree(small_dataset, tmp_path / "broken"))


def errors(dataset):
    return {(flag.name, Path(flag.place).name) for flag in examine(str(dataset)).flags if flag.severity == "error"}


def shard(dataset):
    return max((dataset / "clips").rglob("*.parquet"), key=lambda path: pq.read_metadata(path).num_rows)


def edit(path, change):
    value = json.loads(path.read_text())
    change(value)
    path.write_text(json.dumps(value))


def test_a_sound_dataset_has_no_flag_and_counts_what_the_card_counts(small_dataset):
    found = examine(small_dataset)
    card = json.loads(Path(small_dataset, "dataset.json").read_text())
    assert found.flags == []
    for split, counts in card["splits"].items():
        ours = found.splits[split]
        assert (ours.num_rows, len(ours.pairs), len(ours.videos)) == tuple(counts.values())
    assert {label: dict(counts) for label, counts in found.classes.items()} == card["classes"]
    assert [len(values) for values in found.measures.values()] == [48, 48, 48]


def test_samples_are_of_all_classes_and_of_different_videos(small_dataset, small_config):
    found = examine(small_dataset)
    samples, flags = read_samples(found, count=8)
    assert flags == []
    assert {sample.label for sample in samples} == set(found.classes)
    assert len({sample.video_id for sample in samples}) == 8
    assert samples[0].frames.shape == (8, 32, 32, 3)
    assert len(read_samples(found, count=1000)[0]) == 24


@pytest.mark.parametrize("content", [b"", b"no Parquet", None])
def test_a_broken_file_is_named_and_the_others_are_still_looked_at(dataset, content):
    path = shard(dataset)
    path.write_bytes(path.read_bytes()[:-100] if content is None else content)
    found = examine(str(dataset))
    assert [flag.place for flag in found.flags if flag.name == "broken file"] == [str(path)]
    assert len(found.layouts) > 0


def test_a_folder_that_is_not_ours_is_looked_at_and_flagged(tmp_path):
    rows = {"label": [1, 2], "clip_id": [["a"], ["b"]], "frames": [b"x", b"y"], "motion": ["no", "yes"]}
    pq.write_table(pa.table(rows), tmp_path / "part-0.parquet")
    found = examine(str(tmp_path))
    assert errors(tmp_path) == {("no dataset.json", tmp_path.name)}
    assert found.layouts[0].num_rows == 2
    assert read_samples(found, count=4) == ([], [])


def test_nothing_to_look_at_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"DATASET: .* holds no Parquet files; give"):
        examine(str(tmp_path / "none"))


def test_a_preparation_that_did_not_end_is_told_from_a_foreign_folder(dataset):
    (dataset / "dataset.json").unlink()
    flag = next(flag for flag in examine(str(dataset)).flags if flag.name == "no dataset.json")
    assert "did not end; run workflows.prepare again" in flag.detail


def test_files_that_the_plan_does_not_know_and_their_doubled_clips_are_flagged(dataset):
    path = shard(dataset)
    shutil.copy(path, path.with_name("copy.parquet"))
    shutil.copy(path, dataset / "stray.parquet")
    abandoned = path.parent / f".half.parquet.{'0' * 8}-1-1-{'0' * 8}.part"
    abandoned.touch()
    os.utime(abandoned, (0, 0))
    part_of(path.parent / "new.parquet").touch()  # is being written by a living process
    assert {name for name, _ in errors(dataset)} == {"unknown file", "duplicated clip", "other counts"}
    assert ("unknown file", "copy.parquet") in errors(dataset)
    warnings = [flag for flag in examine(str(dataset)).flags if flag.severity == "warning"]
    assert [(flag.name, Path(flag.place).name) for flag in warnings] == [
        ("leftover", abandoned.name),
        ("unknown file", "stray.parquet"),
    ]


def test_a_planned_shard_without_marker_or_without_file_does_not_stand(dataset):
    path = shard(dataset)
    path.unlink()
    assert ("shard lost", path.name) in errors(dataset)
    (dataset / "markers" / f"{path.stem}.json").unlink()
    assert ("shard not made", path.name) in errors(dataset)


def test_a_marker_or_card_that_counts_other_clips_is_flagged(dataset):
    path = shard(dataset)
    edit(dataset / "markers" / f"{path.stem}.json", lambda marker: marker.update(num_rows=1))
    edit(dataset / "dataset.json", lambda card: card["splits"]["train"].update(rows=1))
    assert errors(dataset) == {("other counts", path.name), ("other counts", "broken")}


def test_a_shard_that_gave_no_clip_is_flagged_with_the_reason(dataset, small_config):
    member = read_shard(read_plan(str(dataset))[0])
    source = dataclasses.replace(member.sources[0], path="gone.mp4", video_id="gone", content_id="gone")
    append_plan(str(dataset), [PlannedShard(shard_id="0", split="train", sources=(source,))])
    Preparation(str(dataset), small_config).run()
    flag = next(flag for flag in examine(str(dataset)).flags if flag.name == "empty shard")
    assert "none of its 1 videos gave a clip: " in flag.detail


def test_shards_of_another_configuration_are_flagged(dataset):
    plan = read_plan(str(dataset))
    append_plan(str(dataset), [dataclasses.replace(read_shard(plan[0]), shard_id="another")])
    assert {("mixed configurations", "another.parquet"), ("shard not made", "another.parquet")} <= errors(dataset)


def test_a_card_of_another_configuration_than_the_folder_is_flagged(dataset):
    edit(dataset / "dataset.json", lambda card: card["config"].update(clip_seconds=2.0))
    found = [flag.detail for flag in examine(str(dataset)).flags if flag.name == "mixed configurations"]
    assert any("clip_seconds is 1.0 in config.json and 2.0 in dataset.json" in detail for detail in found)
    assert any("waveform has 16000 bytes, the card's configuration makes 32000" in detail for detail in found)


def test_files_with_columns_of_other_types_are_flagged(dataset):
    path = shard(dataset)
    table = pq.read_table(path, partitioning=None)
    table = table.set_column(table.column_names.index("motion"), "motion", table["motion"].cast("float32"))
    pq.write_table(table, path)
    flag = next(flag for flag in examine(str(dataset)).flags if flag.name == "mixed versions")
    assert flag.detail.startswith("motion not as in most files")


def test_files_without_a_column_that_no_row_fills_are_sound(dataset):
    path = shard(dataset)
    pq.write_table(pq.read_table(path, partitioning=None).drop_columns(["label"]), path)
    assert "mixed versions" not in {flag.name for flag in examine(str(dataset)).flags}


def test_pairs_that_row_groups_part_and_torn_ones_are_flagged(dataset):
    path = shard(dataset)
    table = pq.read_table(path, partitioning=None)
    pq.write_table(table, path, row_group_size=3)
    assert ("pair across row groups", path.name) in errors(dataset)
    write_clips(str(path), table.slice(1))
    assert ("torn pair", path.name) in errors(dataset)


def test_frames_that_are_not_what_the_card_says_are_flagged(dataset):
    path = shard(dataset)
    table = pq.read_table(path, partitioning=None)
    place = table.schema.get_field_index("frames")
    for frames in ([b"nothing"] * table.num_rows, [None] * table.num_rows):
        write_clips(str(path), table.set_column(place, "frames", pa.array(frames, pa.binary())))
        flags = read_samples(examine(str(dataset)), count=24)[1]
        assert {(flag.name, flag.place) for flag in flags} == {("broken frames", str(path))}


@pytest.mark.parametrize("name", ["dataset.json", "config.json", "markers", "plan"])
@pytest.mark.parametrize("content", ["{", "[]", "{}", "\x00"])
def test_broken_records_are_flags_too(dataset, name, content):
    path = dataset / name
    path = next(path.iterdir()) if path.is_dir() else path
    path.write_text(content)
    assert errors(dataset)

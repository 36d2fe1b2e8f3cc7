"""Sources without picture, without sound, or with a still picture only become rows, or rows of the table of errors."""

import dataclasses
import shutil
import wave
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from datasets.card import read_card
from datasets.config import PreparationConfig
from datasets.media import write_video
from datasets.preparation.preparation import Preparation
from datasets.reading.reader import read
from datasets.sources.listing import list_sources
from infra.errors import InputError
from workflows.prepare.summary import describe_plan, summarize_card

pytestmark = pytest.mark.ray


@pytest.fixture
def prepare(ray_cluster, small_config, tmp_path):
    """Prepares a source, or sources, with some options; returns the preparation."""

    def run(source, *columns, dataset="dataset", **options):
        config = dataclasses.replace(small_config, **options)
        preparation = Preparation(str(tmp_path / dataset), config)
        sources, missing = source, []
        if not isinstance(source, list):
            sources, missing = list_sources(str(source), video_root=None, classes=(), columns=columns)
        preparation.plan(sources, missing=missing)
        preparation.run()
        return preparation

    return run


@pytest.fixture
def silent(tmp_path):
    """A folder of a video without sound and one with it."""
    frames = np.random.default_rng(0).integers(0, 255, (24, 32, 32, 3), np.uint8)
    for name, sound in (("silent.mp4", None), ("heard.mp4", np.full(24_000, 0.1))):
        (tmp_path / "videos").mkdir(exist_ok=True)
        write_video(tmp_path / "videos" / name, frames, sound, frame_rate=8, sample_rate=8000)
    return tmp_path / "videos"


def rows_of(dataset):
    return [row for path in Path(dataset, "clips").rglob("*.parquet") for row in pq.read_table(path).to_pylist()]


def reasons(dataset):
    return sorted(row["reason"] for row in pq.read_table(Path(dataset, "errors.parquet")).to_pylist())


def test_rows_of_stills_have_texts_and_no_clock(photo_dataset):
    card = read_card(photo_dataset)
    assert {split: row["rows"] for split, row in card["splits"].items()} == {"train": 8, "validation": 2, "test": 2}
    assert card["holds"].keys() == {"image", "texts:caption"}
    assert (card["hours"], card["num_errors"]) == (0.0, 1)
    assert reasons(photo_dataset) == ["file missing"]
    row = next(row for row in rows_of(photo_dataset) if row["video_id"] == "3.png")
    clocks = {"start_seconds", "sound_start_seconds", "in_sync", "shift_seconds", "loudness_db", "motion", "pair_id"}
    assert not clocks & {name for name, value in row.items() if value is not None}
    assert [(text["role"], text["text"]) for text in row["texts"]] == [
        ("caption", "photo 3"),
        ("caption", "again photo 3"),
    ]


def test_rows_of_sounds_have_measures_and_no_picture(sound_dataset):
    rows = {row["video_id"]: row for row in rows_of(sound_dataset)}
    assert len(rows) == 11
    assert reasons(sound_dataset) == ["too short"]
    row = rows["3.wav"]
    assert (row["label"], row["fold"], row["texts"][0]["text"]) == ("low", 0, "3")
    assert row["loudness_db"] == pytest.approx(20 * np.log10(8000 / 32768 / np.sqrt(2)), abs=0.1)
    assert 0 <= row["sound_start_seconds"] <= 1
    assert not {"frames", "motion", "start_seconds", "in_sync", "pair_id"} & row.keys()
    almost = np.frombuffer(rows["10.wav"]["waveform"], np.int16)
    assert len(almost) == 8000 and not almost[7920:].any() and almost[:7900].any()


def test_rows_of_sounds_are_padded_where_asked(prepare, sound_table, tmp_path):
    prepare(sound_table, modalities=("sound",), pad_sound=True)
    rows = {row["video_id"]: row for row in rows_of(tmp_path / "dataset")}
    assert len(rows) == 12
    waveform = np.frombuffer(rows["11.wav"]["waveform"], np.int16)
    assert waveform[:4000].any() and not waveform[4000:].any()


def test_rows_of_silent_videos_are_errors_unless_picture_is_asked(prepare, silent, tmp_path):
    with pytest.raises(InputError, match=r"--min-shift-seconds|none of 2 files"):
        prepare(silent, min_shift_seconds=2.5, max_shift_seconds=5)
    prepare(silent, dataset="pairs")
    assert reasons(tmp_path / "pairs") == ["no audio stream"]
    prepare(silent, dataset="frames", modalities=("picture",))
    rows = {row["video_id"]: row for row in rows_of(tmp_path / "frames")}
    assert rows.keys() == {"silent.mp4", "heard.mp4"}
    assert all(row["frames"] and row["motion"] > 0 for row in rows.values())
    assert "waveform" not in rows["heard.mp4"]
    assert reasons(tmp_path / "frames") == []


def test_rows_of_a_photo_with_speech_are_of_one_recording(prepare, photo_table, sound_table, tmp_path):
    lines = [f"{photo_table.parent}/0.jpg,{sound_table.parent}/{sound}.wav,said {sound}" for sound in range(4)]
    (tmp_path / "spoken.csv").write_text("\n".join(["image,audio,transcript", *lines]))
    prepare(tmp_path / "spoken.csv", modalities=("image", "sound", "text"))
    rows = rows_of(tmp_path / "dataset")
    assert len({row["clip_id"] for row in rows}) == 4
    assert len({row["recording_id"] for row in rows}) == 1
    assert all(row["image"] == Path(photo_table.parent, "0.jpg").read_bytes() for row in rows)
    assert all(row["log_mel"] and row["sound_start_seconds"] is not None for row in rows)


def test_rows_of_texts_alone_are_prepared(prepare, tmp_path):
    (tmp_path / "recipes.jsonl").write_text('{"title": "soup", "ingredient": ["water", "salt"]}\n{"title": "bread"}\n')
    prepare(tmp_path / "recipes.jsonl", modalities=("text",))
    texts = [[text["text"] for text in row["texts"]] for row in rows_of(tmp_path / "dataset")]
    assert sorted(texts) == [["bread"], ["soup", "water", "salt"]]


def test_rows_have_the_texts_that_are_said_within_them(prepare, silent, tmp_path):
    told = [{"text": f"second {second}", "start": second + 0.2, "end": second + 0.4} for second in range(3)]
    table = tmp_path / "videos" / "told.jsonl"
    table.write_text(f'{{"video": "heard.mp4", "narration": {told}, "caption": "all", "start": 1}}'.replace("'", '"'))
    prepare(table, modalities=("picture", "sound"), min_shift_seconds=1.0, max_shift_seconds=1.0)
    for row in rows_of(tmp_path / "dataset"):
        told, times = row["texts"][0], row["start_seconds"]
        assert told["text"] == f"second {round(times)}"
        assert told["start_seconds"] == pytest.approx(round(times) + 0.2 - times)


def test_rows_asked_for_more_than_sources_name_are_refused(prepare, photo_table, sound_table):
    with pytest.raises(InputError, match=r"--modalities: .* only files or texts for image, text; give .* image text$"):
        prepare(photo_table)
    with pytest.raises(InputError, match=r"none of 12 files .*no video stream.*--modalities sound"):
        prepare(sound_table)
    with pytest.raises(InputError, match=r"too short.*--pad-sound"):
        prepare(sound_table, modalities=("sound",), clip_seconds=4.0)
    with pytest.raises(InputError, match="modalities: none is left"):
        PreparationConfig(modalities=())


def test_rows_that_lack_a_text_are_errors(prepare, photo_table, tmp_path):
    table = tmp_path / "some.csv"
    table.write_text(f"image,caption\n{photo_table.parent}/0.jpg,a photo\n{photo_table.parent}/1.png,\n")
    prepare(table, modalities=("image", "text"))
    assert reasons(tmp_path / "dataset") == ["no text"]


def test_rows_of_broken_stills_are_errors(prepare, photo_table, tmp_path):
    for name in ("2.jpg", "3.png"):
        shutil.copy(photo_table.parent / name, tmp_path / name)
    cut = tmp_path / "3.png"
    cut.write_bytes(cut.read_bytes()[:60])
    (tmp_path / "4.png").write_text("no picture")
    table = tmp_path / "some.csv"
    table.write_text("image,caption\n2.jpg,whole\n3.png,cut\n4.png,none\n")
    prepare(table, modalities=("image",))
    assert [row["video_id"] for row in rows_of(tmp_path / "dataset")] == ["2.jpg"]
    assert reasons(tmp_path / "dataset") == ["cannot be read", "cannot open"]


def test_rows_prepared_again_are_not_doubled(prepare, photo_table, tmp_path):
    table = shutil.copytree(photo_table.parent, tmp_path / "photos", ignore=shutil.ignore_patterns("dataset"))
    first = prepare(table / "photos.csv", modalities=("image",))
    assert sum(shard.num_sources for shard in first.new_shards) == 12
    assert prepare(table / "photos.csv", modalities=("image",)).new_shards == []
    shutil.copy(table / "2.jpg", table / "4.jpg")
    again = prepare(table / "photos.csv", modalities=("image",))
    assert again.new_shards == [] and "changed" in {row["reason"] for row in again.errors}


def test_rows_of_any_kind_are_described_before_and_after(photo_table, small_config, ray_cluster, tmp_path):
    config = dataclasses.replace(small_config, modalities=("image", "text"))
    preparation = Preparation(str(tmp_path / "dataset"), config)
    preparation.plan(list_sources(str(photo_table), video_root=None, classes=())[0])
    said = describe_plan(preparation)
    assert "windows  12" in said and "hours    0.000" in said
    said = summarize_card("x", preparation.run(), preparation.errors)
    assert "image 12, texts:caption 12" in said
    assert "without a partner" not in said
    assert "not used: 1 x file missing (probe)" in said


def test_rows_are_read_one_by_one_as_far_as_they_have_something(photo_dataset, sound_dataset):
    photo = next(read(photo_dataset, "test"))
    assert photo["image"].shape == (16, 16, 3) and photo["texts"][0]["role"] == "caption"
    sound = next(read(sound_dataset, "all", columns=["waveform", "log_mel", "frames", "fold"]))
    assert sound["waveform"].shape == (1, 8000) and sound["frames"] is None


def test_rows_are_of_the_file_of_a_name_that_has_what_they_hold(prepare, silent, tmp_path):
    heard = silent / "heard.mp4"
    shutil.copy(silent / "silent.mp4", silent / "abc.avi")
    shutil.copy(heard, silent / "abc.mp4")
    (silent / "abc.mkv").write_text("no video")
    with wave.open(str(silent / "abc.wav"), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(48_000))
    shutil.copy(silent / "silent.mp4", silent / "xyz.mp4")
    (tmp_path / "catalog.csv").write_text("abc,0,3,0.5,0.5\nxyz,0,3,0.5,0.5\n")
    sources, _ = list_sources(str(tmp_path / "catalog.csv"), video_root=str(silent), classes=())
    assert sources[0].others == tuple(str(silent / f"abc.{ending}") for ending in ("mkv", "mp4", "wav"))
    for _ in range(2):
        preparation = prepare(sources, min_shift_seconds=1.0, max_shift_seconds=1.0)
        assert [row["source"] for row in preparation.errors] == [str(silent / "xyz.mp4")]
    assert {row["source"] for row in rows_of(tmp_path / "dataset")} == {str(silent / "abc.mp4")}
    assert preparation.new_shards == []
    assert reasons(tmp_path / "dataset") == ["no audio stream"]

"""Rendered scenes arrive as real videos, with the box and the timing they were drawn with."""

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from datasets.media import Window, cut, probe
from datasets.sources.synthetic import render, scene, wild_scene
from infra.errors import InputError


def test_rendered_video_has_the_asked_rates_size_and_length(tmp_path: Path) -> None:
    source = render(3, str(tmp_path / "videos"), seed=7, seconds=2.0, frame_rate=30, size=64)
    with av.open(source.path) as container:
        picture, sound = container.streams.video[0], container.streams.audio[0]
        assert (picture.width, picture.height, picture.frames) == (64, 64, 60)
        assert (picture.average_rate, sound.rate) == (30, 16000)
    assert probe(source.path).picture == (pytest.approx((0.0, 2.0), abs=0.01),)
    assert source.video_id == Path(source.path).stem
    assert source.label in {"ball", "hammer", "mallet", "off_screen"}


def test_a_scene_is_the_same_file_whenever_it_is_rendered(tmp_path: Path) -> None:
    # Of this scene x264 made three different files when it weighed macroblock trees.
    folders = [str(tmp_path / str(number)) for number in range(12)]
    files = {Path(render(1, folder, seed=0, seconds=6.0, size=64).path).read_bytes() for folder in folders}
    assert len(files) == 1


def test_scenes_have_boxes_only_where_the_source_is_seen(tmp_path: Path) -> None:
    sources = [render(index, str(tmp_path), seed=1, level="hard", seconds=0.5, size=32) for index in range(16)]
    for source in sources:
        assert (source.boxes == ()) == (source.label == "off_screen")
    assert 0 < sum(not source.boxes for source in sources) < 16


def test_scenes_are_labeled_by_what_strikes_or_by_what_is_heard(tmp_path: Path) -> None:
    options: dict[str, Any] = {"seed": 1, "seconds": 0.5, "size": 32}
    heard = [render(index, str(tmp_path), label_by="material", **options) for index in range(8)]
    seen = [render(index, str(tmp_path), **options) for index in range(8)]
    assert {source.label for source in heard} <= {"wood", "metal", "drum", "clap"}
    assert {source.label for source in seen} <= {"ball", "hammer", "mallet", "off_screen"}
    assert [source.boxes for source in heard] == [source.boxes for source in seen]


def test_number_seed_and_level_each_give_another_scene() -> None:
    seeds = {
        scene(index, seed=seed, level=level).seed
        for index in range(5)
        for seed in range(5)
        for level in ("easy", "medium", "hard")
    }
    assert len(seeds) == 75


def test_picture_and_sound_survive_encoding_in_place(tmp_path: Path) -> None:
    options: dict[str, Any] = {"seed": 2, "level": "easy", "seconds": 3.0, "size": 64}
    source = render(0, str(tmp_path), **options)
    drawn = scene(0, **options)
    frames, waveform = next(
        (frames, waveform)
        for _, frames, waveform, _ in cut(
            source.path,
            [Window(start_seconds=0.0, sound_start_seconds=0.0)],
            line=probe(source.path),
            clip_seconds=2.5,
            frame_rate=15.0,
            size=64,
            sample_rate=16000,
        )
    )
    truth = np.stack(list(drawn.frames()))[: len(frames)].astype(float)
    errors = [np.abs(frames - np.roll(truth, lag, axis=0)).mean() for lag in (-1, 0, 1)]
    assert int(np.argmin(errors)) == 1
    assert errors[1] < 8.0
    expected = drawn.waveform()[: len(waveform)]
    lags = range(-32, 33)
    match = [float(np.dot(np.roll(waveform, -lag), expected)) for lag in lags]
    assert abs(lags[int(np.argmax(match))]) <= 16  # a millisecond


def test_odd_size_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="size: 65 is odd"):
        render(0, str(tmp_path), seed=0, size=65)
    assert not list(tmp_path.iterdir())


def test_a_scene_is_known_by_its_name_so_that_its_split_does_not_hang_on_an_encoder(tmp_path: Path) -> None:
    source = render(3, str(tmp_path), seed=1, seconds=0.5, size=32)
    assert source.catalog_id == source.video_id


def test_wild_scene_is_written_at_its_own_rates_with_boxes_of_what_sounds(tmp_path: Path) -> None:
    rates, labels = set(), set()
    for index in range(12):
        source = render(index, str(tmp_path), seed=3, level="wild", seconds=1.0, size=32)
        drawn = wild_scene(index, seed=3, seconds=1.0, size=32)
        with av.open(source.path) as container:
            picture = container.streams.video[0]
            assert float(picture.average_rate or 0) == pytest.approx(drawn.frame_rate)
            assert picture.frames == round(drawn.frame_rate)
        assert f"crf={drawn.crf}.0".encode() in Path(source.path).read_bytes()
        rates.add(round(drawn.frame_rate))
        labels.add(source.label)
        assert source.video_id == f"synthetic-wild-3-{index:05d}"
        boxes = source.boxes or ()
        assert [box.label for box in boxes] == [thing.kind for thing, _ in drawn.boxes]
        assert source.label == (boxes[0].label if boxes else "off_screen")
    assert len(rates) > 2 and len(labels) > 2


def test_wild_scene_is_the_same_file_whenever_it_is_rendered(tmp_path: Path) -> None:
    options: dict[str, Any] = {"seed": 0, "level": "wild", "seconds": 2.0, "size": 64}
    files = {Path(render(1, str(tmp_path / str(n)), **options).path).read_bytes() for n in range(4)}
    assert len(files) == 1


def test_wild_scenes_without_traits_have_files_of_their_own(tmp_path: Path) -> None:
    options: dict[str, Any] = {"seed": 0, "level": "wild", "seconds": 1.0, "size": 32}
    source = render(1, str(tmp_path), without=("speech", "coding"), **options)
    assert source.video_id == "synthetic-wild-no-coding-no-speech-0-00001"
    assert {render(i, str(tmp_path), without=("speech",), **options).label for i in range(6)}.isdisjoint({"head"})


def test_traits_are_left_out_of_wild_scenes_only(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="without: camera is for wild scenes; give level wild, or nothing"):
        render(0, str(tmp_path), seed=0, level="hard", without=("camera",))
    with pytest.raises(InputError, match="level: 'extreme' is unknown; choose one of easy, medium, hard, wild"):
        render(0, str(tmp_path), seed=0, level="extreme")  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())

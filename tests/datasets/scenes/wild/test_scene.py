"""Wild scenes are the same every time, their boxes hold what sounds, and each trait can be left out."""

import dataclasses
import itertools
from typing import Any, get_args

import numpy as np
import pytest

from datasets.scenes.wild.camera import still_camera
from datasets.scenes.wild.curve import Curve
from datasets.scenes.wild.head import Head
from datasets.scenes.wild.recording import Recording
from datasets.scenes.wild.scene import WildScene, draw_wild_scene
from datasets.scenes.wild.traits import Trait, Traits, traits_without
from infra.errors import InputError

PLAIN = ("film", "camera", "bystanders", "looseness", "accompaniment", "recording", "distance", "coding", "polyphony")
"""Traits that stand between what happens and what is seen and heard of it."""


def make(seed: int, *without: Trait, **options: Any) -> WildScene:
    sizes = {"seconds": 2.0, "frame_rate": 25.0, "size": 32, "sample_rate": 8000} | options
    return draw_wild_scene(seed, traits=traits_without(without), **sizes)


def stack(scene: WildScene) -> np.ndarray:
    return np.stack(list(scene.frames()))


def loudness(scene: WildScene) -> np.ndarray:
    """Root mean square of the sound of each frame."""
    power = scene.waveform().reshape(len(scene.frame_seconds), -1) ** 2
    return np.sqrt(power.mean(axis=1))


@pytest.mark.parametrize("seed", range(6))
def test_wild_scene_is_byte_equal_every_time_and_another_seed_differs(seed):
    first, again, other = make(seed), make(seed), make(seed + 1)
    np.testing.assert_array_equal(stack(first), stack(again))
    np.testing.assert_array_equal(first.waveform(), again.waveform())
    assert [box for _, box in first.boxes] == [box for _, box in again.boxes]
    assert not np.array_equal(stack(first)[0], stack(other)[0])
    assert not np.array_equal(first.waveform(), other.waveform())


@pytest.mark.parametrize(("size", "sample_rate"), [(32, 8000), (66, 22050), (130, 16000)])
def test_wild_scene_has_the_asked_size_and_number_of_samples(size, sample_rate):
    for seed in range(5):
        scene = make(seed, size=size, sample_rate=sample_rate, seconds=1.5)
        frames, waveform = stack(scene), scene.waveform()
        assert frames.shape == (round(1.5 * scene.frame_rate), size, size, 3) and frames.dtype == np.uint8
        assert waveform.shape == (round(1.5 * sample_rate),) and waveform.dtype == np.float32
        assert 0.1 < np.abs(waveform).max() <= 1.0


def test_wild_scenes_hear_every_family_and_all_that_moves():
    scenes = [make(seed, seconds=1.0) for seed in range(150)]
    heard = {thing.kind for scene in scenes for thing in scene.cast.heard}
    assert heard == {"head", "bow", "rub", "engine", "water", "ball", "hammer", "mallet"}
    assert {len(scene.cast.heard) for scene in scenes} == {1, 2}
    share = np.mean([isinstance(scene.cast.heard[0], Head) for scene in scenes])
    assert 0.4 < share < 0.6


def test_off_screen_sound_has_no_box_and_nothing_seen_makes_it():
    scenes = [make(seed, seconds=1.0) for seed in range(200)]
    assert 0.03 < np.mean([scene.off_screen for scene in scenes]) < 0.14
    for scene in scenes:
        if not scene.cast.sounding:
            assert scene.off_screen and scene.cast.seen
    assert all(make(seed, "bystanders", "camera", seconds=1.0).boxes for seed in range(40))


def test_box_holds_every_pixel_that_a_talking_mouth_changes():
    num_heads = 0
    for seed in range(30):
        scene = make(seed, "film", "sustained", "strikes", size=64)
        for thing, box in scene.boxes:
            assert isinstance(thing, Head)
            shut = dataclasses.replace(thing, mouth=Curve(np.zeros_like(thing.mouth.values)))
            seen = tuple(shut if other is thing else other for other in scene.cast.seen)
            silent = dataclasses.replace(scene, cast=dataclasses.replace(scene.cast, seen=seen))
            changed = (np.abs(stack(scene).astype(int) - stack(silent)) > 2).any(axis=(0, 3))
            rows, columns = np.nonzero(changed)
            low, high = np.array(box).reshape(2, 2) * 64
            assert (low - 2 <= (columns.min(), rows.min())).all()
            assert (high + 1 >= (columns.max(), rows.max())).all()
            num_heads += 1
    assert num_heads > 20


def test_sustained_sounds_move_inside_their_box_and_hardly_outside():
    for seed in range(24):
        scene = make(seed, *PLAIN, "speech", "strikes", size=64)
        moved = np.abs(np.diff(stack(scene).astype(float), axis=0)).mean(axis=(0, 3))
        ((_, box),) = scene.boxes
        left, top, right, bottom = (round(64 * side) for side in box)
        inside = np.zeros((64, 64), bool)
        inside[top:bottom, left:right] = True
        assert inside.any() and moved[inside].mean() > 2.0 * moved[~inside].mean()


def test_mouth_in_the_picture_is_darker_when_the_voice_is_louder():
    found = []
    for seed in range(20):
        scene = make(seed, *PLAIN, "sustained", "strikes", seconds=4.0, size=64)
        head = scene.cast.heard[0]
        assert isinstance(head, Head)
        mouth = head.mouth_ellipses(scene.frame_seconds)[1]
        x, y = (np.clip(np.asarray(place) * 64, 0, 63).astype(int) for place in (mouth.x, mouth.y))
        middle = stack(scene).astype(float).mean(axis=3)[np.arange(len(x)), y, x]
        found.append(np.corrcoef(middle, loudness(scene))[0, 1])
    assert np.mean(found) < -0.5


def test_motion_in_the_picture_follows_the_loudness_of_sustained_sounds():
    in_sync, out_of_sync = [], []
    for seed in range(30):
        scene = make(seed, *PLAIN, "speech", "strikes", seconds=4.0, size=64)
        moved = np.abs(np.diff(stack(scene).astype(float), axis=0)).mean(axis=(1, 2, 3))
        loud = loudness(scene)[1:]
        in_sync.append(np.corrcoef(moved, loud)[0, 1])
        out_of_sync.append(np.corrcoef(moved, np.roll(loud, len(loud) // 2))[0, 1])
    assert np.mean(in_sync) > 0.6
    assert abs(np.mean(out_of_sync)) < 0.3


@pytest.mark.parametrize("trait", ["film", "camera", "accompaniment", "recording", "distance", "coding"])
def test_scene_without_a_trait_is_otherwise_the_same(trait):
    num_changed = 0
    for seed in range(8):
        whole, without = make(seed, seconds=1.0), make(seed, trait, seconds=1.0)
        assert [thing.kind for thing in whole.cast.seen] == [thing.kind for thing in without.cast.seen]
        same_sound = np.array_equal(whole.waveform(), without.waveform())
        shapes = stack(whole).shape == stack(without).shape
        same_picture = shapes and np.array_equal(stack(whole), stack(without))
        assert same_picture or trait in ("film", "camera", "coding", "distance")
        assert same_sound or trait in ("accompaniment", "recording")
        num_changed += not (same_picture and same_sound)
    assert num_changed >= 2


def test_plain_scene_has_one_still_shot_clean_sound_and_the_asked_rate():
    scene = make(3, *PLAIN)
    assert (scene.film.grain, scene.film.blur, scene.film.exposure) == (0.0, 0.0, None)
    assert (scene.recording, scene.delay_seconds) == (Recording(), 0.0)
    assert scene.camera.shots == still_camera(2.0).shots
    assert (scene.frame_rate, scene.crf) == (25.0, 18)
    assert len(scene.cast.heard) == len(scene.cast.seen) == 1


def test_coding_has_the_frame_rates_and_compression_of_the_web():
    scenes = [make(seed, seconds=1.0) for seed in range(60)]
    assert {round(scene.frame_rate, 2) for scene in scenes} == {24.0, 25.0, 29.97, 30.0}
    assert {scene.crf for scene in scenes} >= set(range(20, 32))


def test_sound_is_late_by_up_to_50_ms_where_it_is_far():
    delays = np.array([make(seed, seconds=1.0).delay_seconds for seed in range(60)])
    assert delays.min() >= 0.0 and 0.04 < delays.max() <= 0.05
    scene = make(1, *PLAIN)
    late = dataclasses.replace(scene, delay_seconds=0.04)
    np.testing.assert_array_equal(late.waveform(), scene.waveform())
    # A frame of 25 a second: what is seen is a frame ahead of what is heard.
    np.testing.assert_array_equal(stack(late)[:-1], stack(scene)[1:])


def test_cut_shows_another_picture_at_its_time():
    scenes = (make(seed, "film", size=64) for seed in range(30))
    scene = next(scene for scene in scenes if len({shot.place for shot in scene.camera.shots}) > 1)
    jumps = np.abs(np.diff(stack(scene).astype(float), axis=0)).mean(axis=(1, 2, 3))
    cuts = [shot for before, shot in itertools.pairwise(scene.camera.shots) if before.place != shot.place]
    for shot in cuts:
        frame = int(np.searchsorted(scene.frame_seconds, shot.begin_seconds))
        assert jumps[frame - 1] > 4 * np.median(jumps)


def test_empty_wild_scene_is_refused_in_one_line():
    with pytest.raises(InputError, match=r"size 0.*must be positive and give at least one frame"):
        make(0, size=0)


def test_short_and_coarse_wild_scenes_are_drawn():
    for seed in range(6):
        scene = make(seed, seconds=0.05, size=2, sample_rate=200)
        assert len(stack(scene)) >= 1 and np.isfinite(scene.waveform()).all()


def test_traits_have_a_name_for_every_switch():
    assert set(get_args(Trait)) == {field.name for field in dataclasses.fields(Traits)}

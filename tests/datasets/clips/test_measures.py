import numpy as np
import pytest

from datasets.clips.measures import FLOOR_DB, loudness_db, measure_sound, motion, silence_share

RATE = 8000


def sine(amplitude, seconds=1.0):
    return amplitude * np.sin(2 * np.pi * 440 * np.arange(round(seconds * RATE)) / RATE)


def square(place, size=32):
    """A white square of 8 x 8 on black."""
    frame = np.zeros((size, size, 3), np.uint8)
    frame[8:16, place : place + 8] = 255
    return frame


def test_a_full_sine_has_3_db_less_than_full_scale_and_a_tenth_of_it_20_less():
    assert loudness_db(sine(1.0)) == pytest.approx(-3.01, abs=0.01)
    assert loudness_db(sine(0.1)) == pytest.approx(-23.01, abs=0.01)
    assert loudness_db(np.zeros(100, np.float32)) == pytest.approx(FLOOR_DB)


def test_silence_is_the_share_of_quiet_pieces():
    half = np.concatenate([np.zeros(RATE), sine(0.1)])
    assert silence_share(half, sample_rate=RATE) == pytest.approx(0.5, abs=0.01)
    assert silence_share(sine(0.0005), sample_rate=RATE) == 1.0
    assert silence_share(np.ones(3), sample_rate=RATE) == 0.0


def test_rolling_a_sound_changes_none_of_its_measures_but_by_one_piece():
    sound = np.concatenate([np.zeros(RATE), sine(0.1)])
    rolled = np.roll(sound, 1234)
    assert loudness_db(rolled) == pytest.approx(loudness_db(sound))
    assert abs(silence_share(rolled, sample_rate=RATE) - silence_share(sound, sample_rate=RATE)) < 0.011


def test_motion_is_the_mean_change_of_gray_a_second_at_any_frame_rate():
    # 8 x 1 pixels turn white and as many black, of 32 x 32, ten times a second.
    moving = np.stack([square(place) for place in range(11)])
    assert motion(moving, frame_rate=10) == pytest.approx(2 * 8 / 32**2 * 10)
    assert motion(np.repeat(moving, 2, axis=0)[:-1], frame_rate=20) == pytest.approx(2 * 8 / 32**2 * 10)
    assert motion(np.stack([square(3)] * 5), frame_rate=10) == 0
    assert motion(moving[:1], frame_rate=10) is None


def test_motion_of_large_pictures_is_that_of_their_points():
    small = np.random.default_rng(0).integers(0, 255, (4, 64, 64, 3), np.uint8)
    large = small.repeat(4, axis=1).repeat(4, axis=2)
    assert motion(large, frame_rate=15) == motion(small, frame_rate=15)


def test_the_measures_go_by_the_names_of_the_columns():
    found = measure_sound(sine(0.1), sample_rate=RATE)
    assert list(found) == ["loudness_db", "silence_share"]

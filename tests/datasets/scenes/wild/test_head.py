"""Talking heads: mouths open with the voice, and heads move alike whether they talk or not."""

import numpy as np
import pytest

from datasets.scenes.wild.head import Head, draw_head

RATE = 25
SECONDS = 6.0
TIMES = (np.arange(round(SECONDS * RATE)) + 0.5) / RATE


def head(seed: int, *, talks: bool = True, loose: bool = False) -> Head:
    return draw_head(np.random.default_rng(seed), (0.0, 0.0, 1.0, 1.0), talks=talks, loose=loose, seconds=SECONDS)


def loudness(one: Head) -> np.ndarray:
    sound = one.sound(seconds=SECONDS, sample_rate=8000)
    return np.sqrt((sound.reshape(len(TIMES), -1) ** 2).mean(axis=1))


def correlations(**options: bool) -> np.ndarray:
    heads = [head(seed, **options) for seed in range(16)]
    return np.array([np.corrcoef(one.mouth.at(TIMES), loudness(one))[0, 1] for one in heads])


def test_mouth_opens_with_the_loudness_of_the_voice():
    assert correlations().min() > 0.8


def test_loose_mouth_follows_the_voice_in_part():
    assert 0.45 < correlations(loose=True).mean() < 0.85


def test_mouth_of_a_silent_head_does_not_follow_a_voice():
    shut = [head(seed, talks=False) for seed in range(24)]
    moving = [one for one in shut if np.ptp(one.mouth.at(TIMES)) > 0]
    assert 0 < len(moving) < len(shut)
    found = [np.corrcoef(one.mouth.at(TIMES), loudness(one))[0, 1] for one in moving]
    assert abs(np.mean(found)) < 0.15


def test_head_moves_as_much_when_it_is_silent():
    sways = {
        talks: np.mean([np.abs(np.diff(head(seed, talks=talks).sway[0].at(TIMES))).mean() for seed in range(40)])
        for talks in (True, False)
    }
    assert sways[True] == pytest.approx(sways[False], rel=0.25)


def test_syllables_come_at_3_to_6_5_a_second_with_the_mouth_shut_in_pauses():
    fine = np.arange(0.0, SECONDS, 0.01)
    rates = []
    for seed in range(12):
        speech = head(seed).speech
        opening = speech.opening.at(fine)
        assert (opening[speech.loudness.at(fine) == 0.0] < 0.05).all()
        assert 0.1 < (opening < 0.01).mean() < 0.7
        peaks = (opening[1:-1] > opening[:-2]) & (opening[1:-1] >= opening[2:])
        rates.append(peaks.sum() / (SECONDS * (opening > 0.01).mean()))
    assert 3.0 < np.mean(rates) < 8.0


def test_eyes_blink_every_few_seconds():
    fine = np.arange(0.0, SECONDS, 0.01)
    blinks = [np.sum(np.diff((head(seed).eyelids.at(fine) < 0.5).astype(int)) > 0) for seed in range(20)]
    assert 1.0 < np.mean(blinks) < 4.0


def test_mouth_is_on_the_face_wherever_it_goes():
    for seed in range(10):
        one = head(seed)
        face, mouth = one.sounding_ellipses(TIMES)[0], one.mouth_ellipses(TIMES)[0]
        inside = ((mouth.x - face.x) / face.radius_x) ** 2 + ((mouth.y - face.y) / face.radius_y) ** 2
        assert inside.max() < 1.0 and np.ptp(face.x) > 0.0

"""Sustained sounds are as loud as the motion that makes them is strong."""

import numpy as np

from datasets.scenes.wild.sustained import MOTIONS, Sustained, draw_sustained

RATE = 25
SECONDS = 6.0
TIMES = (np.arange(round(SECONDS * RATE)) + 0.5) / RATE


def thing(seed: int, *, loose: bool = False) -> Sustained:
    return draw_sustained(np.random.default_rng(seed), (0.2, 0.2, 0.8, 0.8), loose=loose, seconds=SECONDS)


def loudness(one: Sustained) -> np.ndarray:
    sound = one.sound(seconds=SECONDS, sample_rate=8000)
    return np.sqrt((sound.reshape(len(TIMES), -1) ** 2).mean(axis=1))


def test_loudness_follows_the_effort_of_each_motion():
    kinds = set()
    for seed in range(24):
        one = thing(seed)
        kinds.add(one.kind)
        assert np.corrcoef(one.effort.at(TIMES), loudness(one))[0, 1] > 0.9
    assert kinds == set(MOTIONS)


def test_loose_sound_follows_the_effort_in_part():
    found = [
        np.corrcoef(one.effort.at(TIMES), loudness(one))[0, 1] for one in (thing(s, loose=True) for s in range(24))
    ]
    assert 0.7 < np.mean(found) < 0.98 and min(found) > 0.3


def test_loudness_does_not_follow_the_effort_of_another():
    found = [np.corrcoef(thing(seed + 100).effort.at(TIMES), loudness(thing(seed)))[0, 1] for seed in range(24)]
    assert abs(np.mean(found)) < 0.15


def test_bow_and_hand_are_fastest_where_they_are_loudest():
    for seed in range(40):
        one = thing(seed)
        if one.kind in ("bow", "rub"):
            speed = np.abs(np.gradient(one.place.at(TIMES)))
            assert np.corrcoef(speed, loudness(one))[0, 1] > 0.8


def test_sound_ends_where_the_motion_rests():
    for seed in range(40):
        one = thing(seed)
        still = one.effort.at(TIMES) < 1e-3
        if one.kind != "engine" and still.sum() > 4:
            assert np.median(loudness(one)[still]) < 0.05 * loudness(one).max()

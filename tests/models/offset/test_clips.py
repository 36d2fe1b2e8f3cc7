"""Curves of clips in closed form: the sound of a picture that begins elsewhere in its clip is late by as much, silence has no evidence."""

import numpy as np
import pytest
import torch

from models.offset.clips import slide_over_clips
from models.offset.features import MotionLoudness
from models.offset.grid import offset_grid

GRID = offset_grid(num_frames=30, frame_rate=15.0)
HOP, WINDOW = 0.016, 0.032


def bursts():
    """A clip of noise that shows as much as it sounds: a random course over time."""
    course = np.clip(np.random.default_rng(4).normal(size=31), 0, None)
    noise = np.random.default_rng(5).integers(0, 255, (30, 24, 24, 1))
    # Motion between two frames is that of the louder course.
    shown = (noise * np.interp(np.arange(30), np.arange(31), course / course.max())[:, None, None, None]).astype(
        np.uint8
    )
    centers = np.arange(124) * HOP + WINDOW / 2
    loud = np.interp(centers, np.arange(30) / 15, course[:30] / course.max())
    return shown.repeat(3, axis=3), np.log(loud[None] ** 2 + 1e-3).astype(np.float32)


def curves(numbers, sound):
    frames, _ = bursts()
    pictures = np.stack([frames[GRID.first_frame(number) :][: GRID.picture_frames] for number in numbers])
    features = MotionLoudness(hop_seconds=HOP, window_seconds=WINDOW)
    with torch.inference_mode():
        return slide_over_clips(features, pictures, [np.stack([sound] * len(numbers))], grid=GRID)


def test_the_best_lag_of_a_moved_picture_moves_as_far():
    _, sound = bursts()
    found = curves([3, 7, 11], sound)
    best = found.lags[found.evidence[0].argmax(axis=1)]
    assert np.diff(best) == pytest.approx([4 / 15, 4 / 15], abs=1 / 60)
    assert best[1] == pytest.approx(0, abs=1 / 15)


def test_lags_reach_every_class_of_the_grid():
    lags = curves([0], bursts()[1]).lags
    assert lags[0] <= GRID.seconds[0]
    assert lags[-1] >= GRID.seconds[-1]


def test_silence_has_no_evidence_beside_a_sound():
    _, sound = bursts()
    silent, heard = curves([7], np.full_like(sound, np.log(1e-6))), curves([7], sound)
    assert np.ptp(silent.evidence) < 1e-3 * np.ptp(heard.evidence)

"""Committed offsets follow from a clip's name alone; other sounds are those of other recordings."""

import numpy as np

from models.offset.grid import offset_grid
from workflows.offset.clips import committed_class, other_recordings

GRID = offset_grid(num_frames=30, frame_rate=15.0)


def test_committed_offsets_are_those_that_were_committed():
    assert [committed_class(f"clip-{number}", GRID) for number in range(8)] == [3, 6, 11, 2, 1, 7, 8, 8]


def test_committed_offsets_are_of_all_classes_about_equally_often():
    counts = np.bincount([committed_class(f"clip-{number}", GRID) for number in range(6000)], minlength=15)
    assert counts.min() > 340
    assert counts.max() < 460


def test_other_sounds_are_of_other_recordings_and_serve_about_equally_often():
    recordings = np.repeat([f"r{number}" for number in range(20)], 4)
    others = other_recordings(recordings)
    assert (recordings[others] != recordings).all()
    assert np.bincount(others, minlength=80).max() == 1


def test_a_single_recording_has_no_other_sound():
    assert other_recordings(np.array(["one"] * 4)).tolist() == [0, 1, 2, 3]

"""Offset classes lie evenly around zero, and every class has real sound within the clip."""

import numpy as np
import pytest

from models.offset.grid import offset_grid


@pytest.mark.parametrize(
    ("num_frames", "frame_rate", "classes", "largest", "picture"),
    [
        (30, 15.0, 15, 7 / 15, 16),
        (120, 30.0, 31, 1.0, 60),
        (300, 30.0, 31, 1.0, 240),
        (8, 8.0, 5, 0.25, 4),
        (6, 30.0, 3, 1 / 30, 4),
    ],
)
def test_offset_classes_span_a_quarter_of_the_clip_up_to_a_second(num_frames, frame_rate, classes, largest, picture):
    grid = offset_grid(num_frames=num_frames, frame_rate=frame_rate)
    assert (grid.num_classes, grid.picture_frames) == (classes, picture)
    assert grid.seconds[[0, -1]].tolist() == pytest.approx([-largest, largest])
    assert grid.first_frame(0) == 0
    assert grid.first_frame(classes - 1) + picture == num_frames
    assert grid.seconds[grid.reach] == 0


def test_the_class_of_an_offset_is_the_nearest():
    grid = offset_grid(num_frames=30, frame_rate=15.0)
    assert grid.class_of(grid.seconds).tolist() == list(range(15))
    assert grid.class_of(grid.seconds + 0.03).tolist() == list(range(15))
    assert grid.class_of(np.array([-9.0, 9.0])).tolist() == [0, 14]


def test_a_clip_too_short_for_three_classes_is_refused():
    with pytest.raises(ValueError, match=r"^3 frames are too few for three offset classes; give 4 or more$"):
        offset_grid(num_frames=3, frame_rate=15.0)

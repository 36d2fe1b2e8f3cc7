"""Soft ellipses: covered area, turning, fading, and the box around them."""

import numpy as np
import pytest

from datasets.scenes.wild.camera import View
from datasets.scenes.wild.ellipse import Ellipse, bounds, paint_ellipse

STILL = View(1.0, np.zeros((2, 3)))
WHITE = np.full(3, 100.0)


def painted(ellipse: Ellipse, *, size: int = 64, view: View = STILL, blur: float = 0.0) -> np.ndarray:
    canvas = np.zeros((3, size, size, view.offset.shape[1]), np.float32)
    paint_ellipse(canvas, ellipse, view, blur=blur)
    return canvas


@pytest.mark.parametrize("blur", [0.0, 3.0])
def test_ellipse_covers_its_area(blur):
    one = Ellipse(x=0.5, y=0.4, radius_x=0.2, radius_y=0.1, color=WHITE, angle=0.6)
    area = painted(one, blur=blur)[0].sum(axis=(0, 1)) / 100.0
    np.testing.assert_allclose(area, np.pi * 0.2 * 0.1 * 64**2, rtol=0.04)


def test_thin_ellipse_fades_as_it_closes():
    one = Ellipse(x=0.5, y=0.5, radius_x=0.2, radius_y=np.array([0.0, 0.002, 0.05]), color=WHITE)
    seen = painted(one)[0].max(axis=(0, 1))
    assert seen[0] == 0.0 < seen[1] < 0.5 * seen[2]


def test_bounds_hold_all_that_is_painted_and_no_more_than_two_pixels_beyond():
    view = View(1.2, np.array([[0.0, 0.1, -0.2], [0.05, 0.0, 0.0]]))
    one = Ellipse(x=np.array([0.3, 0.4, 0.5]), y=0.5, radius_x=0.2, radius_y=0.1, color=WHITE, angle=1.0)
    rows, columns = np.nonzero(painted(one, view=view)[0].max(axis=-1) > 50.0)
    box = bounds([one], view)
    assert box is not None
    true = np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]) / 64
    np.testing.assert_allclose(box, true, atol=2 / 64)


def test_bounds_are_none_outside_the_picture():
    one = Ellipse(x=1.5, y=0.5, radius_x=0.2, radius_y=0.1, color=WHITE)
    assert bounds([one], STILL) is None
    assert not painted(one).any()

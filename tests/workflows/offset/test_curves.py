"""Windows lie end to end over the picture, and a lag means the same in all of them."""

import numpy as np
import pytest

from datasets.media import Timeline
from workflows.offset.curves import _lay_windows, read_curves
from workflows.offset.reading import reading_for


@pytest.mark.parametrize(("seconds", "windows"), [(3.0, 1), (10.0, 1), (16.0, 2), (60.0, 8), (3600.0, 450)])
def test_windows_cover_the_picture_end_to_end(seconds, windows):
    length, starts, _ = _lay_windows(Timeline(picture=((0.0, seconds),), sound=((0.0, seconds),)), 1.0, 30.0)
    assert len(starts) == windows
    assert starts[0] == 0
    assert starts[-1] + length == pytest.approx(seconds, abs=0.04)
    assert np.abs(np.diff(starts) - length).max(initial=0) < 0.04


def test_windows_take_the_picture_that_meets_sound_only_at_a_lag():
    line = Timeline(picture=((0.0, 5.0),), sound=((0.8, 5.8),))
    assert _lay_windows(line, 1.0, 30.0)[:2] == (5.0, [0.0])
    assert _lay_windows(line, 0.5, 30.0)[1] == pytest.approx([0.3])


def test_windows_leave_out_holes_and_there_are_none_without_a_common_second():
    line = Timeline(picture=((0.0, 8.0), (20.0, 28.0)), sound=((0.0, 28.0),))
    assert _lay_windows(line, 1.0, 30.0)[:2] == (8.0, [0.0, 20.0])
    assert _lay_windows(Timeline(picture=((0.0, 5.0),), sound=((4.5, 9.0),)), 1.0, 30.0)[1] == []


def test_lags_are_evenly_spaced_and_reach_beyond_the_largest_offset(moved_scene):
    with reading_for(None) as (reading, _):
        curves = read_curves(moved_scene("late0.4", late=0.4), reading, max_offset_seconds=0.5)
    assert np.diff(curves.lags) == pytest.approx(1 / 60)
    assert curves.lags[0] < -0.5
    assert curves.lags[-1] > 0.5
    (window,) = curves.windows
    assert window.seconds == pytest.approx(4, abs=0.05)
    assert abs(curves.lags[np.argmax(window.evidence)] - 0.4) < 2 / 30

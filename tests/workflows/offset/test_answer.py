"""Answers about files: the amount, its sign, and when nothing is told."""

import json

import numpy as np
import pytest

from datasets.media import Timeline
from infra.errors import InputError
from models.offset.estimate import estimate
from workflows.offset.answer import Answer, Tolerance, answer_about, describe_offset
from workflows.offset.curves import Curves, WindowCurve
from workflows.offset.plot import draw_answer
from workflows.offset.reading import CORRELATION, reading_for


def ask(path, **options):
    with reading_for(None) as (reading, method):
        return answer_about(
            path, reading, method=method, **{"tolerance": Tolerance(), "max_offset_seconds": 1.0, **options}
        )


@pytest.mark.parametrize("late", [0.4, -0.3, 0.0])
def test_offset_of_a_drawn_scene_lies_in_its_interval(moved_scene, late):
    answer = ask(moved_scene(f"late{late}", late=late))
    found = answer.found
    assert found.offset_seconds == pytest.approx(late, abs=2 / 30)
    assert found.low_seconds <= late <= found.high_seconds
    assert answer.verdict == ("in sync" if late == 0 else "out of sync")


@pytest.mark.parametrize(("kind", "reason"), [("silent", "the sound is silent"), ("still", "the picture is still")])
def test_nothing_is_told_of_silence_and_of_a_still_picture(moved_scene, kind, reason):
    answer = ask(moved_scene(kind, late=0.2, kind=kind))
    assert (answer.verdict, answer.reason) == ("cannot tell", reason)
    assert answer.as_dict()["offset_ms"] is None


def test_nothing_is_told_where_the_offset_is_larger_than_what_was_tried(moved_scene):
    assert ask(moved_scene("late0.4", late=0.4), max_offset_seconds=0.2).verdict == "cannot tell"


def test_tolerance_decides_what_counts_as_in_sync(moved_scene):
    path = moved_scene("late0.4", late=0.4)
    wide = ask(path, tolerance=Tolerance(early_ms=0, late_ms=600))
    assert wide.verdict == "in sync"
    assert wide.in_sync_probability > 0.95


def test_answer_as_json_says_what_was_used_and_what_the_sign_means(moved_scene):
    values = json.loads(json.dumps(ask(moved_scene("late0.4", late=0.4)).as_dict()))
    assert values["method"] == CORRELATION
    assert values["positive_means"] == "sound late"
    assert values["offset_ms"] == pytest.approx(400, abs=67)
    assert values["tolerance_ms"] == [-45.0, 125.0]
    assert len(values["curve"]["lag_ms"]) == len(values["curve"]["evidence"])


def test_offset_in_words_has_no_sign():
    assert describe_offset(120) == "sound 120 ms late"
    assert describe_offset(-40) == "sound 40 ms early"
    assert describe_offset(0) == "sound on time"


def test_plot_of_an_answer_has_the_curve_and_says_the_answer(moved_scene):
    answer = ask(moved_scene("late0.4", late=0.4))
    plot = draw_answer(answer)
    assert plot.get_suptitle() == answer.sentence()
    assert len(plot.axes[0].lines[0].get_xdata()) == len(answer.found.lags)


def test_offset_of_a_file_that_is_no_video_is_refused(tmp_path, moved_scene):
    path = tmp_path / "nothing.mp4"
    path.write_bytes(b"")
    with pytest.raises(InputError, match="cannot open"):
        ask(str(path))


def drifting(slope):
    """An answer about forty windows whose offsets lie on a line."""
    lags, seconds = np.arange(-60, 61) / 60, np.arange(40) * 8.0 + 4
    curves = np.exp(-0.5 * ((lags - 0.3 - slope * (seconds - seconds.mean())[:, None]) / 0.06) ** 2)
    curves += 0.02 * np.random.default_rng(0).standard_normal(curves.shape)
    found = estimate(curves, lags, seconds=seconds, sharpness=1.0, blur_seconds=0.006, least_peak=5.0)
    windows = tuple(
        WindowCurve(seconds=at, evidence=curve, silent=False, still=False)
        for at, curve in zip(seconds, curves, strict=True)
    )
    return Answer(
        video="film.mp4",
        method=CORRELATION,
        tolerance=Tolerance(),
        curves=Curves(lags=lags, windows=windows, line=Timeline()),
        found=found,
    )


def test_drift_is_told_in_ms_a_minute_and_refuses_a_fix():
    answer = drifting(0.0005)
    value, low, high = answer.drift_ms_per_minute
    assert low <= 30 <= high
    assert value == pytest.approx(30, abs=4)
    assert "drifting by +" in answer.sentence()
    assert "has to be resampled" in answer.fix_refusal
    assert len(draw_answer(answer).axes) == 2


def test_no_drift_is_told_of_a_steady_offset():
    answer = drifting(0.0)
    assert "drifting" not in answer.sentence()
    assert answer.fix_refusal == ""

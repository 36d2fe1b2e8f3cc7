"""Known offsets of film and of drawn scenes, and the figures of what was said about them."""

import pytest

from datasets.media import write_video
from datasets.sources.synthetic import scene
from workflows.studies.offsets.results import describe, figures_of
from workflows.studies.offsets.trials import ask, film_trials, scene_trials


def told(late, offset, *, half=30.0, verdict="out of sync", kind="drawn", method="model"):
    ends = {"low_ms": offset - half, "high_ms": offset + half}
    near = {"verdict": verdict, "in_tolerance": -45 <= late <= 125}
    return {"method": method, "kind": kind, "late_ms": late, "offset_ms": offset, **ends, **near}


def test_figures_of_known_answers_are_exact():
    answers = [
        told(200, 210),
        told(-300, -340),
        told(0, 500),
        told(50, 40, verdict="cannot tell"),
        told(9, 9, kind="still"),
    ]
    drawn, still = figures_of(answers)
    assert (drawn["kind"], drawn["files"], still["kind"]) == ("drawn", 4, "still")
    assert drawn["median_error_ms"] == 25
    assert drawn["within_100_ms"] == 0.75
    assert drawn["cannot_tell"] == 0.25
    assert drawn["told_within_100_ms"] == pytest.approx(2 / 3, abs=0.001)
    assert drawn["coverage"] == pytest.approx(1 / 3, abs=0.001)
    assert drawn["verdict_right"] == pytest.approx(2 / 3, abs=0.001)


def test_figures_of_a_kind_of_which_nothing_is_told_have_no_coverage():
    (row,) = figures_of([told(1, 2, verdict="cannot tell")])
    assert row["cannot_tell"] == 1
    assert row["coverage"] is None
    assert describe([row]).splitlines()[1].split()[-1] == "-"


def test_film_is_moved_by_offsets_that_repeat_and_they_are_found(tmp_path):
    drawn = scene(3, seed=11, level="easy", seconds=8, frame_rate=30.0, size=64, sample_rate=16000)
    write_video(tmp_path / "film.mp4", drawn.frames(), drawn.waveform(), frame_rate=30.0, sample_rate=16000)
    first, second = (
        list(film_trials(str(tmp_path / name), [str(tmp_path / "film.mp4")], shifts=2, seed=0)) for name in "ab"
    )
    assert [trial.late_seconds for trial in first] == [trial.late_seconds for trial in second]
    for answer in ask(first, None):
        assert answer["offset_ms"] == pytest.approx(answer["late_ms"], abs=67)


def test_drawn_scenes_are_written_with_sound_late_by_what_is_said(tmp_path):
    (trial,) = scene_trials(str(tmp_path), num_scenes=1, seed=1)
    (answer,) = ask([trial], None)
    assert answer["offset_ms"] == pytest.approx(1000 * trial.late_seconds, abs=67)

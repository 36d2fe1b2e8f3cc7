"""A leak of each kind is found and named; clean data raise no alarm."""

import dataclasses

import numpy as np
import pytest

from workflows.checks.check import LEVEL, accuracy_check, detectable
from workflows.checks.duplicates import check_duplicates
from workflows.checks.positions import check_clocks, check_marginals
from workflows.checks.single_modality import check_probes, check_sound_statistics
from workflows.checks.windows import Windows, make_examples

ROWS = 480
FEW_ROWS = 120


def clean(seed, *, pairs, num_rows=ROWS):
    """Windows of noise, one recording a pair or a row; nothing says anything of anything."""
    chance = np.random.default_rng(seed)
    rows = np.arange(num_rows)
    recordings = rows // 2 if pairs else rows
    return Windows(
        splits=np.where(recordings % 10 == 0, "test", "train"),
        recordings=np.array([f"r{number}" for number in recordings]),
        starts=chance.uniform(0, 6, num_rows),
        sound_starts=chance.uniform(0, 6, num_rows),
        in_sync=np.ones(num_rows, bool) if pairs else chance.random(num_rows) < 0.5,
        partner=rows ^ 1 if pairs else np.full(num_rows, -1),
        log_mel=chance.normal(size=(num_rows, 8, 16)).astype(np.float32),
        thumbnails=chance.normal(size=(num_rows, 12, 16)).astype(np.float32),
        sounds={name: chance.normal(size=num_rows) for name in ("seam", "level at the start", "longest silence")},
    )


def audit(windows, tmp_path):
    examples = make_examples(windows)
    return [
        check_duplicates(str(tmp_path), windows),
        check_marginals(windows, examples),
        check_sound_statistics(windows, examples),
        *check_probes(windows, examples),
        *check_clocks(windows),
    ]


def leaks(windows, tmp_path):
    return {check.name for check in audit(windows, tmp_path) if check.verdict == "leak"}


@pytest.mark.slow
@pytest.mark.parametrize("pairs", [False, True])
def test_clean_data_raise_no_alarm_in_20_seeds(tmp_path, pairs):
    assert [leaks(clean(seed, pairs=pairs, num_rows=FEW_ROWS), tmp_path) for seed in range(20)] == [set()] * 20


def test_a_seam_in_shifted_sound_is_found(tmp_path):
    windows = clean(0, pairs=False)
    windows.sounds["seam"][~windows.in_sync] += 1
    found = [check for check in audit(windows, tmp_path) if check.verdict == "leak"]
    assert [check.name for check in found] == ["sound statistics"]
    assert found[0].detail.startswith("seam")


def test_shifted_sound_that_begins_elsewhere_is_found(tmp_path):
    windows = clean(1, pairs=False)
    late = windows.sound_starts + 2 * ~windows.in_sync
    assert leaks(dataclasses.replace(windows, sound_starts=late), tmp_path) == {"start marginals"}


def test_a_trace_in_the_spectrogram_is_found(tmp_path):
    windows = clean(2, pairs=False)
    windows.log_mel[~windows.in_sync, 3, 7] += 3
    assert leaks(windows, tmp_path) == {"audio only"}


def test_a_trace_in_the_picture_is_found(tmp_path):
    windows = clean(3, pairs=False)
    windows.thumbnails[windows.in_sync, 5, 4:8] += 2
    assert leaks(windows, tmp_path) == {"video only"}


def test_clocks_that_both_modalities_show_are_found_even_in_pairs(tmp_path):
    windows = clean(4, pairs=True)
    windows.log_mel[:, 0] += windows.starts[:, None]
    windows.thumbnails[:, 0] += windows.starts[:, None]
    assert leaks(windows, tmp_path) == {"clock matching"}


def test_a_clock_in_one_modality_is_a_warning_only(tmp_path):
    windows = clean(5, pairs=True)
    windows.log_mel[:, 0] += windows.starts[:, None]
    checks = {check.name: check for check in audit(windows, tmp_path)}
    assert "warning" in checks["position from sound"].detail
    assert checks["position from sound"].value > 0.8
    assert not any(check.verdict == "leak" for check in checks.values())


def test_a_recording_on_two_sides_is_found(tmp_path):
    windows = clean(6, pairs=True)
    windows.splits[1] = "validation"
    assert leaks(windows, tmp_path) == {"duplicates across splits"}


def test_pairs_cannot_be_told_by_one_modality_whatever_is_in_it(tmp_path):
    windows = clean(7, pairs=True)
    examples = make_examples(windows)
    assert np.bincount(examples.sound).tolist() == np.bincount(examples.picture).tolist() == [2] * ROWS
    for check in (*check_probes(windows, examples), check_sound_statistics(windows, examples)):
        assert (check.verdict, check.value, check.smallest_detectable) == ("pass", 0.5, 0.0)


def test_two_thousand_windows_show_five_points():
    error = 0.5 / np.sqrt(2000)
    assert detectable(error) == pytest.approx(0.05, abs=0.004)


def test_a_leak_of_the_smallest_detectable_size_is_found_as_often_as_said():
    chance = np.random.default_rng(0)
    rows = np.arange(1000)
    smallest = accuracy_check("x", rows % 2, rows, chance=0.5, detail="").smallest_detectable
    found = [
        accuracy_check("x", chance.random(1000) < 0.5 + smallest, rows, chance=0.5, detail="").verdict == "leak"
        for _ in range(100)
    ]
    assert 0.65 < np.mean(found) < 0.9
    quiet = [accuracy_check("x", chance.random(1000) < 0.5, rows, chance=0.5, detail="").verdict for _ in range(50)]
    assert LEVEL < 1e-3
    assert quiet == ["pass"] * 50


def test_ten_windows_are_too_little(tmp_path):
    right = np.ones(8)
    assert accuracy_check("x", right, np.arange(8), chance=0.5, detail="").verdict == "too little data"

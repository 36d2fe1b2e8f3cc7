"""Checks of windows in memory: clean ones raise no alarm, and leaks are found with the stated power."""

import dataclasses

import numpy as np
import pytest

from workflows.audit.checks.check import LEVEL, accuracy_check, detectable
from workflows.audit.checks.positions import check_clocks, check_marginals
from workflows.audit.checks.single_modality import check_probes, check_sound_statistics
from workflows.audit.checks.windows import Windows, make_examples

ROWS = 480
FEW_ROWS = 120


def clean(seed, *, pairs, num_rows=ROWS):
    """Windows of noise, one recording a pair or a row; nothing says anything of anything."""
    chance = np.random.default_rng(seed)
    rows = np.arange(num_rows)
    recordings = rows // 2 if pairs else rows
    return Windows(
        recordings=np.array([f"r{number}" for number in recordings]),
        starts=chance.uniform(0, 6, num_rows),
        sound_starts=chance.uniform(0, 6, num_rows),
        frame_places=chance.integers(0, 1024, num_rows),
        in_sync=np.ones(num_rows, bool) if pairs else chance.random(num_rows) < 0.5,
        partner=rows ^ 1 if pairs else np.full(num_rows, -1),
        log_mel=chance.normal(size=(num_rows, 8, 16)).astype(np.float32),
        thumbnails=chance.normal(size=(num_rows, 12, 16)).astype(np.float32),
        sounds={name: chance.normal(size=num_rows) for name in ("seam", "level at the start", "longest silence")},
    )


def audit(windows):
    examples = make_examples(windows)
    return [
        check_marginals(windows, examples),
        check_sound_statistics(windows, examples),
        *check_probes(windows, examples),
        *check_clocks(windows),
    ]


def leaks(windows):
    return {check.name for check in audit(windows) if check.verdict == "leak"}


@pytest.mark.slow
@pytest.mark.parametrize("pairs", [False, True])
def test_checks_raise_no_alarm_on_clean_data_in_20_seeds(pairs):
    assert [leaks(clean(seed, pairs=pairs, num_rows=FEW_ROWS)) for seed in range(20)] == [set()] * 20


def test_clock_in_one_modality_is_only_a_warning():
    windows = clean(5, pairs=True)
    windows.log_mel[:, 0] += windows.starts[:, None]
    checks = {check.name: check for check in audit(windows)}
    assert "warning" in checks["position from sound"].detail
    assert checks["position from sound"].value > 0.7
    assert not any(check.verdict == "leak" for check in checks.values())


def test_pairs_pass_single_modality_checks_by_design():
    windows = clean(7, pairs=True)
    examples = make_examples(windows)
    assert np.bincount(examples.sound).tolist() == np.bincount(examples.picture).tolist() == [2] * ROWS
    single = (*check_probes(windows, examples), check_sound_statistics(windows, examples))
    for check in (*single, check_marginals(windows, examples)):
        assert (check.verdict, check.value, check.smallest_detectable) == ("pass", check.chance, 0.0)
        assert "every window occurs as often with either label" in check.detail


def test_checks_of_one_label_have_too_little_data():
    windows = clean(8, pairs=False, num_rows=FEW_ROWS)
    windows.in_sync[:] = True
    examples = make_examples(windows)
    single = (*check_probes(windows, examples), check_sound_statistics(windows, examples))
    verdicts = {check.verdict for check in (*single, check_marginals(windows, examples))}
    assert verdicts == {"too little data"}


def test_detectable_accuracy_is_5_points_at_2000_windows():
    error = 0.5 / np.sqrt(2000)
    assert detectable(error) == pytest.approx(0.05, abs=0.004)


def test_accuracy_check_has_the_stated_power():
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


def test_accuracy_check_of_few_recordings_decides_nothing():
    right = np.ones(8)
    assert accuracy_check("x", right, np.arange(8), chance=0.5, detail="").verdict == "too little data"


def test_start_marginals_have_about_the_stated_power():
    chance = np.random.default_rng(0)
    examples = make_examples(clean(9, pairs=False))
    quiet = check_marginals(clean(9, pairs=False), examples)
    association = np.sqrt((quiet.chance + quiet.smallest_detectable) ** 2 - quiet.chance**2)
    found = []
    for _ in range(100):
        late = chance.random(ROWS) < 0.5 + association * (examples.target - 0.5)
        windows = dataclasses.replace(clean(9, pairs=False), starts=3 * late + chance.uniform(0, 3, ROWS))
        found.append(check_marginals(windows, examples).verdict == "leak")
    assert 0.6 < np.mean(found) < 0.9

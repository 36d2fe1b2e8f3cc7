"""Offsets, intervals and drift of curves that are known in closed form."""

import numpy as np
import pytest

from models.offset.estimate import SHARPNESSES, estimate, log_odds_of_best, sharpness_likelihoods

LAGS = np.arange(-60, 61) / 60
HOW = {"sharpness": 1.0, "blur_seconds": 0.006, "least_peak": 5.0}


def bump(at, *, height=1.0, width=0.06):
    """Evidence of a single offset."""
    return height * np.exp(-0.5 * ((LAGS - at) / width) ** 2)


def noise(seed, *, windows=1, level=0.05):
    """Evidence of nothing, smooth over lags."""
    rough = np.random.default_rng(seed).standard_normal((windows, len(LAGS) + 8))
    return level * np.stack([np.convolve(row, np.hanning(11)[1:-1] / 2, "valid") for row in rough])


def test_estimate_finds_an_offset_between_two_lags():
    found = estimate(bump(0.2071)[None] + noise(0), LAGS, seconds=np.zeros(1), **HOW)
    assert found.offset_seconds == pytest.approx(0.207, abs=0.004)
    assert found.low_seconds < 0.2071 < found.high_seconds
    assert found.is_decided
    assert found.probability_between(-0.045, 0.125) < 0.01


def test_estimate_of_a_shifted_curve_is_shifted_by_as_much():
    first, second = (
        estimate(np.roll(bump(0.0) + noise(1)[0], steps)[None], LAGS, seconds=np.zeros(1), **HOW) for steps in (0, 12)
    )
    assert second.offset_seconds - first.offset_seconds == pytest.approx(12 / 60, abs=0.0011)


def test_estimate_does_not_change_with_the_scale_of_the_evidence():
    curve = bump(-0.3)[None] + noise(2)
    plain, scaled = (estimate(each, LAGS, seconds=np.zeros(1), **HOW) for each in (curve, 1000 * curve + 7))
    assert plain.offset_seconds == scaled.offset_seconds
    assert plain.high_seconds == pytest.approx(scaled.high_seconds, abs=1e-6)


def test_estimate_decides_nothing_of_a_flat_curve_of_noise_and_of_two_peaks():
    for curve in (np.zeros((1, len(LAGS))), noise(3), bump(0.5)[None] + bump(-0.5)[None] + noise(4, level=0.1)):
        assert not estimate(curve, LAGS, seconds=np.zeros(1), **HOW).is_decided


def test_estimate_decides_nothing_where_the_peak_lies_at_the_edge():
    found = estimate(bump(1.1, width=0.15)[None] + noise(5, level=0.01), LAGS, seconds=np.zeros(1), **HOW)
    assert found.at_the_edge
    assert not found.is_decided


def test_estimate_of_many_windows_finds_what_no_window_shows():
    curves = bump(0.15, height=0.08)[None] + noise(6, windows=60)
    found = estimate(curves, LAGS, seconds=np.arange(60) * 8.0, **HOW)
    assert found.offset_seconds == pytest.approx(0.15, abs=0.03)
    alone = [abs(LAGS[np.argmax(curve)] - 0.15) for curve in curves]
    assert np.median(alone) > 0.1


def test_estimate_finds_a_drift_and_none_where_there_is_none():
    seconds = np.arange(40) * 8.0
    away = seconds - seconds.mean()
    drifting = np.stack([bump(0.1 + 0.0005 * at) for at in away]) + noise(7, windows=40)
    found = estimate(drifting, LAGS, seconds=seconds, **HOW)
    assert found.drifts
    assert found.drift[1] <= 0.0005 <= found.drift[2]
    assert found.offset_seconds == pytest.approx(0.1, abs=0.01)
    steady = estimate(np.stack([bump(0.1)] * 40) + noise(8, windows=40), LAGS, seconds=seconds, **HOW)
    assert not steady.drifts


def test_estimate_takes_logarithms_of_probabilities_as_they_are():
    curve = -0.5 * ((LAGS - 0.25) / 0.05) ** 2
    found = estimate(curve[None] + 3, LAGS, seconds=np.zeros(1), sharpness=1.0, blur_seconds=0.001, spread=1.0)
    assert found.offset_seconds == pytest.approx(0.25, abs=0.001)
    assert found.low_seconds == pytest.approx(0.25 - 1.96 * 0.05, abs=0.002)
    assert found.high_seconds == pytest.approx(0.25 + 1.96 * 0.05, abs=0.002)


def test_the_likeliest_sharpness_is_that_which_offsets_were_drawn_with():
    """Offsets spread twice as widely as evidence says ask for a quarter of its sharpness."""
    lags, chance = np.arange(-1000, 1001) / 1000, np.random.default_rng(0)
    known = np.clip(0.1 * chance.standard_normal(2000), -0.99, 0.99)
    evidence = np.tile(-0.5 * (lags / 0.05) ** 2, (len(known), 1))
    likely = sharpness_likelihoods(evidence, lags, known, blur_seconds=0.001)
    assert SHARPNESSES[likely.mean(axis=0).argmax()] == pytest.approx(0.25, rel=0.15)


def test_likelihoods_are_densities_of_the_estimate():
    curve = bump(0.2)[None] + noise(9)
    found = estimate(curve, LAGS, seconds=np.zeros(1), **{**HOW, "sharpness": float(SHARPNESSES[5])})
    likely = sharpness_likelihoods(found.evidence[None], found.lags, np.array([0.25]), blur_seconds=HOW["blur_seconds"])
    place = np.argmin(np.abs(found.lags - 0.25))
    assert likely[0, 5] == pytest.approx(np.log(found.density[place]), abs=1e-6)


def test_log_odds_of_the_best_lag_are_those_of_the_softmax():
    lags = np.array([-0.2, -0.1, 0.0, 0.1, 0.2])
    odds = np.exp(log_odds_of_best(np.log([[1.0, 1, 4, 2, 2], [1, 1, 1, 1, 1]]), lags, gain=1.0, within=0.1))
    assert odds == pytest.approx([7 / 3, 2 / 3])
    (sharp,) = np.exp(log_odds_of_best(np.log([[1.0, 1, 4, 2, 2]]), lags, gain=2.0, within=0.1))
    assert sharp == pytest.approx((1 + 16 + 4) / (1 + 4))

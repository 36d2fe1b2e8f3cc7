"""Reliability bins hold equally many examples, and the calibration error is what a sum by hand gives."""

import numpy as np
import pytest

from models.metrics.reliability import (
    calibration_error,
    calibration_error_interval,
    perfect_calibration_error,
    reliability,
)


def right_probabilities(num_examples, *, seed=0):
    chance = np.random.default_rng(seed)
    said = chance.random(num_examples)
    return said, (chance.random(num_examples) < said).astype(float)


def test_reliability_bins_hold_equally_many_examples():
    said, true = right_probabilities(5000)
    bins = reliability(said, true, clusters=np.arange(5000) // 4)
    assert [each.num_examples for each in bins] == [500] * 10
    assert [each.said for each in bins] == sorted(each.said for each in bins)
    for number, each in enumerate(bins):
        members = np.sort(said)[500 * number : 500 * (number + 1)]
        assert each.said == pytest.approx(members.mean())
        assert each.low < each.true < each.high
        assert abs(each.true - each.said) < 0.08


def test_reliability_keeps_equal_probabilities_in_one_bin():
    bins = reliability(np.full(40, 0.5), np.tile([1.0, 0.0], 20), clusters=np.arange(40))
    assert [(each.said, each.true, each.num_examples) for each in bins] == [(0.5, 0.5, 40)]


def test_calibration_error_is_the_mean_gap_between_said_and_true():
    said = np.repeat([0.2, 0.9], 50)
    true = np.concatenate([np.arange(50) < 15, np.arange(50) < 25]).astype(float)
    assert calibration_error(said, true) == pytest.approx(0.5 * abs(0.3 - 0.2) + 0.5 * abs(0.5 - 0.9))
    assert np.isnan(calibration_error(said[:0], true[:0]))


def test_calibration_error_of_right_probabilities_is_that_of_chance():
    said, _ = right_probabilities(400)
    draws = [(np.random.default_rng(seed).random(400) < said).astype(float) for seed in range(100)]
    errors = [calibration_error(said, true) for true in draws]
    assert perfect_calibration_error(said) == pytest.approx(np.mean(errors), rel=0.1)


def test_calibration_error_interval_holds_the_error_and_tells_wrong_from_right():
    said, true = right_probabilities(4000)
    clusters = np.arange(4000) // 4
    low, high = calibration_error_interval(said, true, clusters=clusters)
    assert low <= calibration_error(said, true) <= high < 0.05
    wrong = 0.5 + (said - 0.5) * 0.2
    low, high = calibration_error_interval(wrong, true, clusters=clusters)
    assert 0.15 < low < calibration_error(wrong, true) < high < 0.25
    assert np.isnan(calibration_error_interval(said[:36], true[:36], clusters=clusters[:36])).all()

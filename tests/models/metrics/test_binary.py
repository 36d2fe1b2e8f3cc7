"""Accuracy and its interval."""

import numpy as np
import pytest

from models.metrics.binary import accuracy, bootstrap_interval, correct


def test_accuracy_counts_signs() -> None:
    logits, targets = np.array([2.0, -1.0, 0.5, -3.0]), np.array([1.0, 1.0, 0.0, 0.0])
    assert correct(logits, targets).tolist() == [True, False, False, True]
    assert accuracy(logits, targets) == 0.5


def test_deciding_from_one_modality_is_exactly_half_right() -> None:
    windows = np.random.default_rng(0).normal(size=(50, 2))
    targets = np.tile([1.0, 1.0, 0.0, 0.0], 50)
    assert accuracy(windows[:, [0, 1, 0, 1]].ravel(), targets) == 0.5
    assert accuracy(windows[:, [0, 1, 1, 0]].ravel(), targets) == 0.5
    assert accuracy(np.zeros(200), targets) == 0.5


def test_no_examples_give_nan() -> None:
    assert np.isnan(accuracy(np.array([]), np.array([])))
    assert np.isnan(bootstrap_interval(np.array([]), clusters=[], seed=0)).all()


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    covered = 0
    for trial in range(100):
        values = (rng.random(200) < 0.7).astype(float)
        low, high = bootstrap_interval(values, clusters=np.arange(200), seed=trial, num_resamples=200)
        covered += low <= 0.7 <= high
    assert 87 <= covered <= 100


def test_repeated_examples_of_a_video_do_not_narrow_the_interval() -> None:
    values = (np.random.default_rng(0).random(60) < 0.6).astype(float)
    single = bootstrap_interval(values, clusters=np.arange(60), seed=1)
    repeated = bootstrap_interval(np.repeat(values, 8), clusters=np.repeat(np.arange(60), 8), seed=1)
    assert repeated == pytest.approx(single)


def test_equal_seeds_give_equal_intervals() -> None:
    values, clusters = np.array([True, False, True, True] * 5), ["a", "b", "c", "d"] * 5
    intervals = {bootstrap_interval(values, clusters=clusters, seed=s) for s in (3, 3)}
    assert len(intervals) == 1


def test_an_always_right_answer_has_no_width() -> None:
    assert bootstrap_interval(np.ones(90), clusters=np.arange(90), seed=0) == (1.0, 1.0)


def test_few_videos_give_the_interval_of_as_many_answers_however_many_examples_they_hold() -> None:
    low, high = bootstrap_interval(np.ones(400), clusters=np.repeat(np.arange(4), 100), seed=0)
    assert low == pytest.approx(4 / (4 + 1.959964**2), abs=1e-6)
    assert high == pytest.approx(1.0)


def test_examples_of_two_videos_vary_with_both() -> None:
    values = np.tile((np.random.default_rng(0).random(60) < 0.6).astype(float), 5)
    pictures, sounds = np.arange(300), np.tile(np.arange(60), 5) + 1000
    one = bootstrap_interval(values, clusters=pictures, seed=1)
    both = bootstrap_interval(values, clusters=pictures, partners=sounds, seed=1)
    assert both[1] - both[0] > 1.5 * (one[1] - one[0])

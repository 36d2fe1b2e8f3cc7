"""Figures of offsets in closed form: shifted answers, constant answers, and the surest first."""

import numpy as np
import pytest

from models.metrics import offset as metrics

KNOWN = np.repeat(np.arange(15), 4)


@pytest.mark.parametrize(("shift", "exact", "near"), [(0, 1.0, 1.0), (1, 0.0, 1.0), (-1, 0.0, 1.0), (2, 0.0, 0.0)])
def test_class_hits_of_shifted_answers_are_all_or_none(shift, exact, near):
    assert metrics.class_hits(KNOWN + shift, KNOWN).mean() == exact
    assert metrics.class_hits(KNOWN + shift, KNOWN, tolerance=1).mean() == near


@pytest.mark.parametrize("tolerance", [0, 1, 20])
def test_chance_is_what_the_best_constant_answer_hits(tolerance):
    constant = [metrics.class_hits(np.full(60, told), KNOWN, tolerance=tolerance).mean() for told in range(15)]
    assert metrics.chance_of_hit(15, tolerance=tolerance) == pytest.approx(max(constant))


def test_errors_of_a_shifted_copy_are_the_shift():
    errors = np.full(20, -35.0)
    assert metrics.median_error(errors) == 35
    assert metrics.share_within(errors, 35.0) == 1
    assert metrics.share_within(errors, 34.9) == 0
    assert metrics.median_error_interval(errors, clusters=np.arange(20)) == (35, 35)


def test_median_error_interval_holds_the_median_and_grows_with_clusters():
    errors = np.random.default_rng(0).normal(size=400)
    alone = metrics.median_error_interval(errors, clusters=np.arange(400))
    together = metrics.median_error_interval(np.repeat(errors[:20], 20), clusters=np.repeat(np.arange(20), 20))
    assert alone[0] < metrics.median_error(errors) < alone[1]
    assert together[1] - together[0] > 2 * (alone[1] - alone[0])


def test_figures_of_no_clips_are_no_numbers():
    nothing = np.zeros(0)
    assert np.isnan(metrics.median_error(nothing))
    assert np.isnan(metrics.share_within(nothing, 1.0))
    assert np.isnan(metrics.median_error_interval(nothing, clusters=[])).all()
    assert len(metrics.surest(nothing, 1.0)) == 0


def test_interval_hits_count_both_ends():
    low, high = np.array([0.0, 0.1, -1.0]), np.array([0.0, 0.2, 1.0])
    assert metrics.interval_hits(np.zeros(3), low, high).tolist() == [True, False, True]


def test_the_surest_are_those_of_the_highest_sureness_and_never_none():
    sureness = np.array([0.1, 0.9, 0.5, 0.9])
    assert metrics.surest(sureness, 0.5).tolist() == [1, 3]
    assert metrics.surest(sureness, 0.01).tolist() == [1]
    assert metrics.surest(sureness, 1.0).tolist() == [0, 1, 2, 3]

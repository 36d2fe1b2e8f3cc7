"""The numbers of maps, taken batch by batch, are those of the whole maps."""

import numpy as np
import pytest

from workflows.audit.checks.map_numbers import join_numbers, map_correlation, map_numbers

MAPS = 3 + np.random.default_rng(0).standard_normal((20, 6, 5, 4)).astype(np.float32)
ROWS = np.array([0, 3, 3, 19, 7])


def test_variance_between_frames_is_that_of_the_whole_maps():
    numbers = join_numbers([map_numbers(MAPS[:8]), map_numbers(MAPS[8:])])
    maps = MAPS[ROWS].astype(np.float64)
    whole = 1 - maps.var(axis=(2, 3)).mean() / maps.var()
    assert numbers.variance_between_frames(ROWS) == pytest.approx(whole, abs=1e-9)


def test_evidence_is_the_mean_positive_part():
    assert map_numbers(MAPS - 3).evidence == pytest.approx(np.maximum(MAPS - 3, 0).mean(axis=(1, 2, 3)))


def test_correlation_of_maps_is_over_the_picture():
    other = np.random.default_rng(1).standard_normal(MAPS.shape)
    expected = [
        np.corrcoef(one.mean(axis=0).ravel(), two.mean(axis=0).ravel())[0, 1]
        for one, two in zip(MAPS, other, strict=True)
    ]
    assert map_correlation(MAPS, other) == pytest.approx(np.array(expected), abs=1e-5)
    assert map_correlation(MAPS, np.ones_like(MAPS)) == pytest.approx(np.zeros(20))

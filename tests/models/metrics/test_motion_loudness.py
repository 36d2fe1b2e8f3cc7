"""Motion is that of the cell it happens in, loudness is read between frames, and both correlate where they rise and fall together."""

import numpy as np
import pytest

from models.metrics.motion_loudness import FLOORS, cell_motion, correlations, loudness


def flickering(cell: tuple[int, int], change: np.ndarray, *, size: int = 24) -> np.ndarray:
    """Gray frames of which one cell of 2x2 pixels becomes brighter by `change` from each frame to the next."""
    level = np.concatenate([[0], np.cumsum(change)])
    frames = np.full((len(level), size, size, 3), 20, np.uint8)
    row, column = (2 * place for place in cell)
    frames[:, row : row + 2, column : column + 2] += level.astype(np.uint8)[:, None, None, None]
    return frames


def test_motion_is_that_of_the_cell_it_happens_in():
    motion = cell_motion(flickering((3, 7), np.array([0, 10, 0, 30])))
    assert motion.shape == (4, 12, 12)
    assert np.exp(motion[:, 3, 7]) - 0.1 == pytest.approx([0, 10, 0, 30], abs=1e-3)
    assert np.exp(np.delete(motion.reshape(4, -1), 3 * 12 + 7, axis=1)) == pytest.approx(0.1)


def test_motion_of_uneven_and_of_small_frames_is_the_mean_of_each_cell():
    chance = np.random.default_rng(0)
    frames = chance.integers(0, 255, (3, 64, 50, 3), np.uint8)
    change = np.abs(np.diff(frames @ np.array([0.299, 0.587, 0.114], np.float32), axis=0))
    assert np.exp(cell_motion(frames)[1, 0, 11]) - 0.1 == pytest.approx(change[1, :5, 45:].mean(), rel=1e-4)
    assert cell_motion(frames[:, :8, :8]).shape == (2, 8, 8)


def test_loudness_is_that_of_the_moments_between_frames():
    log_mel = np.full((4, 120), -20.0, np.float32)
    log_mel[:, 38:42] = 0.0  # a third of the clip: between the second and the third of six frames
    heard = loudness(log_mel, steps=5)
    assert heard.argmax() == 1
    assert heard[[0, 2, 3, 4]].max() < heard[1]


def test_correlation_is_one_where_motion_follows_loudness_and_none_where_nothing_moves():
    chance = np.random.default_rng(0)
    heard = chance.normal(size=40)
    motion = np.zeros((40, 12, 12))
    motion[:, 2:4, 3:6] = heard[:, None, None]
    found = dict(zip(FLOORS, correlations(heard, motion), strict=True))
    assert found["cells_loudness"] == pytest.approx(1)
    assert found["total_loudness"] > 0.9
    assert 0 < found["cells_rise"] < 1
    assert correlations(heard, np.zeros((40, 12, 12))).tolist() == [0, 0, 0, 0]
    assert correlations(np.zeros(40), motion).tolist() == [0, 0, 0, 0]

"""Localization scores have their closed forms, floors and ceilings."""

import numpy as np
import pytest

from models.metrics.localization import (
    Threshold,
    area_under_curve,
    box_mask,
    centered_disk,
    ciou,
    closest_map,
    place,
    pointing_hit,
    source_found,
    success_rate,
)

SIDE = 64
GRID = tuple((index + 0.5) / 8 for index in range(8))


def random_map(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(SIDE, SIDE))


def test_a_box_covers_its_share_of_the_picture() -> None:
    mask = box_mask([(0.25, 0.5, 0.75, 1.0)], height=SIDE, width=SIDE)
    assert mask.mean() == 0.25
    assert mask[SIDE - 1, SIDE // 2]
    assert not mask[0, SIDE // 2]


def test_boxes_are_united() -> None:
    boxes = [(0.0, 0.0, 0.5, 0.5), (0.25, 0.25, 0.5, 0.5), (0.5, 0.5, 1.0, 1.0)]
    assert box_mask(boxes, height=SIDE, width=SIDE).mean() == 0.5


def test_a_perfect_map_scores_one_at_its_own_area() -> None:
    mask = box_mask([(0.1, 0.2, 0.4, 0.5)], height=SIDE, width=SIDE)
    evidence = mask + 1e-3 * random_map(0)
    assert ciou(evidence, mask, threshold="area") == 1.0
    assert pointing_hit(evidence, mask)


def test_a_small_source_cannot_score_more_than_twice_its_area_at_the_median() -> None:
    mask = box_mask([(0.1, 0.2, 0.4, 0.5)], height=SIDE, width=SIDE)
    evidence = mask + 1e-3 * random_map(0)
    assert ciou(evidence, mask) == pytest.approx(2 * mask.mean())


def test_half_the_picture_is_perfect_at_the_median() -> None:
    mask = box_mask([(0.0, 0.0, 0.5, 1.0)], height=SIDE, width=SIDE)
    assert ciou(mask + 1e-3 * random_map(0), mask) == 1.0


def test_a_flat_map_claims_everything() -> None:
    mask = box_mask([(0.1, 0.2, 0.4, 0.5)], height=SIDE, width=SIDE)
    thresholds: tuple[Threshold, ...] = ("median", "area")
    for threshold in thresholds:
        assert ciou(np.zeros((SIDE, SIDE)), mask, threshold=threshold) == mask.mean()


def test_a_wrong_map_scores_nothing() -> None:
    mask = box_mask([(0.0, 0.0, 0.3, 0.3)], height=SIDE, width=SIDE)
    assert ciou(1e-3 * random_map(0) - mask, mask) == 0.0
    assert not pointing_hit(1e-3 * random_map(0) - mask, mask)


@pytest.mark.parametrize("threshold", ["median", "area"])
def test_flipping_and_rescaling_map_and_source_changes_no_score(threshold: Threshold) -> None:
    mask = box_mask([(0.1, 0.2, 0.6, 0.9)], height=SIDE, width=SIDE)
    evidence = mask + random_map(3)
    score = ciou(evidence, mask, threshold=threshold)
    assert ciou(evidence[:, ::-1], mask[:, ::-1], threshold=threshold) == score
    assert ciou(3 * evidence + 7, mask, threshold=threshold) == pytest.approx(score)


def test_success_and_area_of_known_scores() -> None:
    scores = np.array([0.2, 0.5, 0.8, 1.0])
    assert success_rate(scores) == 0.75
    assert area_under_curve(np.ones(3)) == pytest.approx(1.0)
    assert area_under_curve(np.zeros(3)) == pytest.approx(0.025)
    # A score at a threshold counts there, so that the trapezoids add half a step to its value.
    assert area_under_curve(scores) == pytest.approx(scores.mean() + 0.025 * 3 / 4)


def test_the_disk_is_centered_and_finds_a_centered_source() -> None:
    disk = centered_disk(height=SIDE, width=SIDE)
    assert np.array_equal(disk, disk[::-1, ::-1])
    assert pointing_hit(disk, box_mask([(0.3, 0.3, 0.7, 0.7)], height=SIDE, width=SIDE))
    assert not pointing_hit(disk, box_mask([(0.0, 0.0, 0.4, 0.4)], height=SIDE, width=SIDE))


def test_the_disk_fits_a_square_of_its_area_as_circles_fit_squares() -> None:
    mask = box_mask([(0.2, 0.2, 0.8, 0.8)], height=256, width=256)
    assert ciou(centered_disk(height=256, width=256), mask, threshold="area") == pytest.approx(0.83, abs=0.02)


def test_a_cell_is_placed_at_its_center() -> None:
    cells = np.zeros((8, 8))
    cells[2, 5] = 1.0
    placed = place(cells, rows=GRID, columns=GRID, height=SIDE, width=SIDE)
    rows, columns = np.nonzero(placed == placed.max())
    assert (rows.mean() + 0.5) / SIDE == pytest.approx(GRID[2])
    assert (columns.mean() + 0.5) / SIDE == pytest.approx(GRID[5])


def test_placing_flipped_cells_gives_the_flipped_map() -> None:
    cells = np.random.default_rng(0).normal(size=(4, 8, 8))
    placed = place(cells, rows=GRID, columns=GRID, height=SIDE, width=SIDE)
    flipped = place(cells[..., ::-1].copy(), rows=GRID, columns=GRID, height=SIDE, width=SIDE)
    assert flipped == pytest.approx(placed[..., ::-1])


def test_the_ceiling_rises_with_the_grid() -> None:
    mask = box_mask([(0.13, 0.22, 0.42, 0.50)], height=SIDE, width=SIDE)
    scores = []
    for side in (4, 8, 32, SIDE):
        grid = tuple((index + 0.5) / side for index in range(side))
        best = closest_map(mask, rows=grid, columns=grid)
        assert pointing_hit(best, mask)
        scores.append(ciou(best + 1e-9 * random_map(0), mask, threshold="area"))
    assert scores == sorted(scores)
    assert scores[-1] == 1.0
    assert 0.7 < scores[1] < 1.0


def test_a_source_is_found_where_evidence_and_a_cell_are_above_zero() -> None:
    maps = np.full((2, 3, 4, 4), -1.0)
    maps[0, :, 1, 2] = 0.5
    maps[1, 0, 1, 2] = 0.5
    found = source_found(maps, np.array([[1.0, -1.0, 0.0], [2.0, 2.0, 2.0]]))
    assert found.tolist() == [[True, False, False], [True, False, False]]
    assert source_found(maps, np.array([1.0, 0.0])[:, None]).tolist() == [[True, True, True], [False, False, False]]


def test_a_source_is_found_above_a_threshold_of_the_probability() -> None:
    maps = np.ones((3, 4, 4))
    logits = np.log([0.3 / 0.7, 0.6 / 0.4, 0.9 / 0.1])
    assert source_found(maps, logits).tolist() == [False, True, True]
    assert source_found(maps, logits, threshold=0.8).tolist() == [False, False, True]
    assert source_found(maps, logits, threshold=0.2).tolist() == [True, True, True]

"""A candidate becomes champion only if it is better, on the same clips, beyond the interval of the difference."""

import numpy as np
import pytest

from infra.tracking import Run, champion, register_model
from workflows.promote.__main__ import promote
from workflows.promote.comparison import compare_rows
from workflows.recipes import multisensory

PAIRS = 60


def rows(share_right, num_recordings=PAIRS):
    """Logits of which a share of the pairs is right throughout."""
    right = np.arange(PAIRS) < share_right * PAIRS
    logits = np.where(right[:, None], [1.0, 1.0, -1.0, -1.0], [-1.0, -1.0, 1.0, 1.0])
    alone = np.tile([1.0, 1.0, 1.0, 1.0], (PAIRS, 1))
    return {
        "unit": np.arange(PAIRS),
        "recording_id": np.asarray([f"video {number % num_recordings}" for number in range(PAIRS)]),
        "pairings": logits,
        "audio_only": alone,
        "video_only": alone,
        "swapped": np.full((PAIRS, 2, 4, 2), np.nan),
        "floors": np.zeros((PAIRS, 4, 4)),
    }


def compared(first, second, **options):
    objective = multisensory.objective(multisensory.tiny())
    return compare_rows(
        rows(first, **options), rows(second, **options), evaluator="synchronization", objective=objective
    )


def test_one_that_is_right_much_more_often_is_better():
    found = compared(0.5, 0.9)
    assert (found.champion, found.candidate) == (0.5, 0.9)
    assert found.difference == pytest.approx(0.4)
    assert found.interval[0] < 0.4 < found.interval[1]
    assert found.better


def test_one_that_is_hardly_better_is_not():
    assert not compared(0.5, 0.5 + 2 / PAIRS).better


def test_few_recordings_decide_nothing():
    assert compared(0.5, 0.9, num_recordings=12).better
    assert not compared(0.5, 0.9, num_recordings=9).better


def test_equal_answers_differ_by_nothing():
    found = compared(0.7, 0.7)
    assert (found.difference, found.interval) == (0.0, (0.0, 0.0))


@pytest.mark.ray
def test_the_same_weights_again_do_not_become_champion(trained, tracking, small_dataset, capsys):
    before = champion("multisensory")
    again = register_model(Run(trained.run_id), name="multisensory")
    promote(f"models:/multisensory/{again}", small_dataset)
    printed = capsys.readouterr().out
    assert "kept" in printed or "already" in printed
    assert champion("multisensory") == before

"""A candidate becomes champion only if it is better, on the same clips, beyond the interval of the difference."""

import numpy as np
import pytest

from infra.tracking import Run, champion, register_model
from workflows.evaluators.synchronization import PairScores
from workflows.promote import comparison as promotion
from workflows.promote.__main__ import promote

PAIRS = 60


def scores(share_right):
    """Logits of which a share of the pairs is right throughout."""
    right = np.arange(PAIRS) < share_right * PAIRS
    logits = np.where(right[:, None], [1.0, 1.0, -1.0, -1.0], [-1.0, -1.0, 1.0, 1.0])
    windows = {"recording_id": [f"video {number}" for number in np.repeat(np.arange(PAIRS), 2)]}
    none = np.zeros((0, 4, 2))
    return PairScores(
        pairings=logits, audio_only=logits, video_only=logits, swapped=none, swapped_windows=none, windows=windows
    )


@pytest.fixture
def compared(monkeypatch):
    def call(first, second):
        monkeypatch.setattr(promotion, "score_split", lambda model, **options: scores(model))
        return promotion.compare(first, second, dataset="", split="test")

    return call


def test_one_that_is_right_much_more_often_is_better(compared):
    found = compared(0.5, 0.9)
    assert (found.champion, found.candidate) == (0.5, 0.9)
    assert found.difference == pytest.approx(0.4)
    assert found.interval[0] < 0.4 < found.interval[1]
    assert found.better


def test_one_that_is_hardly_better_is_not(compared):
    assert not compared(0.5, 0.5 + 2 / PAIRS).better


def test_equal_answers_differ_by_nothing(compared):
    found = compared(0.7, 0.7)
    assert (found.difference, found.interval) == (0.0, (0.0, 0.0))


@pytest.mark.ray
def test_the_same_weights_again_do_not_become_champion(trained, tracking, small_dataset, capsys):
    before = champion("multisensory")
    again = register_model(Run(trained.run_id), folder="model", name="multisensory")
    promote(f"models:/multisensory/{again}", small_dataset)
    printed = capsys.readouterr().out
    assert "kept" in printed or "already" in printed
    assert champion("multisensory") == before

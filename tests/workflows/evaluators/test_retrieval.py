"""Retrieval figures of embeddings whose answers are known, in every direction between the modalities that rows hold."""

import numpy as np
import pytest

from workflows.evaluators.retrieval import MOST_CAPTIONS, measure, summarize


def rows(num_rows=12, *, text=True):
    """Pictures and sounds that belong together by position; captions of which the second alone is right, and the others are missing."""
    basis = np.eye(num_rows, dtype=np.float32)[:, None]
    found = {
        "unit": np.arange(num_rows, dtype=float),
        "recording_id": np.array([f"r{number}" for number in range(num_rows)]),
        "image": basis,
        "sound": basis[::-1].copy(),
    }
    if text:
        captions = np.full((num_rows, MOST_CAPTIONS, num_rows), np.nan, np.float32)
        captions[:, 0] = -basis[:, 0]
        captions[:, 1] = basis[:, 0]
        found["text"] = captions
    return found


def figures(findings):
    return {figure.name: figure for figure in findings.figures}


def test_retrieval_finds_the_right_one_of_several_captions_first():
    found = figures(summarize(rows()))
    assert found["retrieval/image_to_text_recall_at_1"].value == 1
    assert found["retrieval/image_to_text_median_rank"].value == 1
    assert found["retrieval/image_to_text_recall_at_1"].chance == pytest.approx(2 / 24)
    assert found["retrieval/image_to_text_recall_at_1"].num_groups == 12


def test_retrieval_from_each_caption_counts_every_caption():
    found = figures(summarize(rows()))
    assert found["retrieval/text_to_image_recall_at_1"].value == 0.5
    assert found["retrieval/text_to_image_recall_at_1"].num_examples == 24
    assert found["retrieval/text_to_image_recall_at_1"].chance == pytest.approx(1 / 12)


def test_retrieval_of_opposite_pairs_finds_none():
    found = figures(summarize(rows(text=False)))
    assert set(found) == {
        "retrieval/recall_at_10",
        *(
            f"retrieval/{one}_to_{other}_{what}"
            for one, other in (("image", "sound"), ("sound", "image"))
            for what in ("recall_at_1", "recall_at_5", "recall_at_10", "median_rank", "mean_rank")
        ),
    }
    assert found["retrieval/image_to_sound_recall_at_1"].value == 0


def test_retrieval_measures_the_means_that_the_summary_shows():
    values, found = measure(rows()), figures(summarize(rows(), intervals=False))
    tenths = [figure.value for name, figure in found.items() if name.endswith("_recall_at_10") and "_to_" in name]
    assert values["retrieval/recall_at_10"] == pytest.approx(np.mean(tenths))
    assert values["retrieval/recall_at_10"] == found["retrieval/recall_at_10"].value
    assert values["loss"] > 0

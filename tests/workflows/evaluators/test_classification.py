"""Classification: accuracy beside chance and the commonest class, unknown classes count as wrong, confusion counts all."""

import numpy as np
import pytest
import torch

from workflows.evaluators.classification import collect, measure, summarize

LABELS = ["a", "a", "b", "a", "c"]


class Perfect:
    """Knows a and b, and is always right about them."""

    column, classes = "log_mel", ("a", "b")

    def classify(self, batch):
        return torch.tensor([[5.0, 0.0] if label != "b" else [0.0, 5.0] for label in batch["label"]])


class Clips:
    """Five clips of four recordings in memory."""

    def read(self, columns):
        values = {"label": LABELS, "recording_id": ["r0", "r1", "r2", "r3", "r3"], "log_mel": np.zeros((5, 1, 1))}
        yield np.arange(5), {name: values[name] for name in columns}


@pytest.fixture
def rows():
    return collect(Perfect(), Clips())


def test_a_class_that_the_model_does_not_know_counts_as_wrong(rows):
    found = measure(rows)
    assert found["accuracy"] == pytest.approx(0.8)
    assert found["balanced_accuracy"] == pytest.approx(2 / 3)
    assert np.isfinite(found["loss"])


def test_accuracy_stands_beside_chance_and_the_commonest_class(rows):
    figure = summarize(rows).figures[0]
    assert (figure.value, figure.chance, figure.floor) == (pytest.approx(0.8), 0.5, pytest.approx(0.6))
    assert (figure.num_examples, figure.num_groups) == (5, 4)
    assert figure.low < 0.8 < figure.high


def test_confusion_counts_every_clip_once(rows):
    matrix = summarize(rows).matrices["confusion"]
    assert matrix.rows == matrix.columns == ("a", "b", "c")
    assert matrix.values == ((3.0, 0.0, 0.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0))


def test_figures_by_class_are_the_recalls(rows):
    assert {figure.title: figure.value for figure in summarize(rows).breakdowns["class"]} == {"a": 1, "b": 1, "c": 0}

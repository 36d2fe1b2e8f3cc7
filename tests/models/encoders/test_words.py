"""Word vectors are looked up by hash, whatever order the words came in."""

import numpy as np
import torch

from models.encoders.words import WordVectors, split_words


def filled(words: list[str], num_words: int = 6) -> WordVectors:
    vectors = WordVectors(num_words, 2, trained=False, most_words=3)
    vectors.fill(words, np.array([[number, -number] for number in range(len(words))], np.float32))
    return vectors


def test_words_of_a_text_are_lower_case_and_without_punctuation() -> None:
    assert split_words("A dog's ball, under_way: Zürich 42!") == [
        "a",
        "dog",
        "s",
        "ball",
        "under",
        "way",
        "zürich",
        "42",
    ]


def test_vectors_come_in_the_order_of_the_text_and_leave_out_unknown_words() -> None:
    found, known = filled(["a", "dog", "runs"])(["the dog runs", "unknown", "Runs a dog a"])
    assert known.tolist() == [[True, True, False], [False] * 3, [True] * 3]
    assert found[:, :, 0].tolist() == [[1, 2, 0], [0, 0, 0], [2, 0, 1]]


def test_words_beyond_the_size_are_left_out() -> None:
    words = filled(["a", "dog", "runs", "fast"], num_words=2)
    assert [words.knows(text) for text in ("a", "dog", "runs", "fast")] == [True, True, False, False]


def test_a_vocabulary_travels_with_the_weights() -> None:
    first, second = filled(["a", "dog", "runs"]), WordVectors(6, 2, trained=False, most_words=3)
    second.load_state_dict(first.state_dict())
    for one, other in zip(first(["dog a cat"]), second(["dog a cat"]), strict=True):
        assert torch.equal(one, other)

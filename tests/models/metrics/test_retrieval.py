"""Ranks of retrieval on embeddings whose answer is known, and chance by counting."""

import itertools

import numpy as np
import pytest

from models.metrics.retrieval import chance_of_rank, chance_of_recall, search_all


def test_ranks_of_equal_embeddings_lie_in_the_middle() -> None:
    same = np.ones((9, 4))
    owners = np.arange(9)
    assert search_all(same, same, query_owners=owners, item_owners=owners).ranks.tolist() == [5.0] * 9


def test_ranks_of_copies_are_one_in_any_order() -> None:
    values = np.random.default_rng(0).normal(size=(20, 8))
    values /= np.linalg.norm(values, axis=1, keepdims=True)
    order = np.random.default_rng(1).permutation(20)
    found = search_all(values, values[order], query_owners=np.arange(20), item_owners=order).ranks
    assert (found == 1).all()


def test_rank_is_that_of_the_nearest_of_several_own_items() -> None:
    items = np.array([[1.0, 0], [0.9, 0], [0.8, 0], [0.7, 0]])
    found = search_all(
        np.array([[1.0, 0]]), items, query_owners=np.array([7]), item_owners=np.array([0, 1, 7, 7])
    ).ranks
    assert found.tolist() == [3.0]


def test_loss_of_equal_embeddings_is_log_of_items_by_own_items() -> None:
    same = np.ones((6, 4))
    owners = np.array([0, 0, 1, 1, 2, 2])
    found = search_all(same, same, query_owners=owners, item_owners=owners).losses
    assert found == pytest.approx(np.full(6, np.log(3)))


@pytest.mark.parametrize(("num_items", "num_own", "k"), [(6, 1, 2), (6, 2, 2), (5, 2, 4), (4, 1, 1)])
def test_chance_equals_counting_all_orders(num_items, num_own, k) -> None:
    firsts = [
        min(place for place, item in enumerate(order, start=1) if item < num_own)
        for order in itertools.permutations(range(num_items))
    ]
    assert chance_of_recall(num_items, num_own, k) == pytest.approx(np.mean(np.array(firsts) <= k))
    assert chance_of_rank(num_items, num_own) == pytest.approx(np.mean(firsts))

"""Ranks of what belongs to a query among all items, and what is expected of them by chance."""

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

_QUERIES_AT_ONCE = 1024
_SCALE = 20.0


class Answers(NamedTuple):
    """What a search found for each query."""

    ranks: Float[np.ndarray, " queries"]
    """Rank, from 1, of the nearest item with the query's owner; with equally near others the mean of their places."""
    losses: Float[np.ndarray, " queries"]
    """Cross-entropy in nats of the own items under a softmax of 20 times the cosine: log(items / own items) where all are equally near."""


def search_all(
    queries: Float[np.ndarray, "queries dim"],
    items: Float[np.ndarray, "items dim"],
    *,
    query_owners: Int[np.ndarray, " queries"],
    item_owners: Int[np.ndarray, " items"],
) -> Answers:
    """Return how near what belongs to each query is among all items, exactly.

    Args:
        queries: L2-normalized embeddings.
        items: Those that are searched.
        query_owners: What each query is of.
        item_owners: What each item is of; an owner may have several items.
    """
    ranks, losses = np.empty(len(queries)), np.empty(len(queries))
    for first in range(0, len(queries), _QUERIES_AT_ONCE):
        part = slice(first, first + _QUERIES_AT_ONCE)
        near = queries[part] @ items.T
        own = query_owners[part, None] == item_owners[None]
        best = np.where(own, near, -np.inf).max(axis=1, keepdims=True)
        above, level = (near > best).sum(axis=1), ((near == best) & ~own).sum(axis=1)
        ranks[part] = 1 + above + level / 2
        weights = np.exp(_SCALE * (near - best))
        losses[part] = np.log(weights.sum(axis=1) / (weights * own).sum(axis=1))
    return Answers(ranks, losses)


def chance_of_recall(num_items: int, num_own: int, k: int) -> float:
    """Return how often one of `num_own` items is among `k` drawn from `num_items` without looking."""
    if num_items - num_own < k:
        return 1.0
    ways = (math.lgamma(n + 1) - math.lgamma(n - k + 1) for n in (num_items - num_own, num_items))
    missed, all_ways = ways
    return 1 - math.exp(missed - all_ways)


def chance_of_rank(num_items: int, num_own: int) -> float:
    """Return the mean rank of the first of `num_own` items in a random order of `num_items`."""
    return (num_items + 1) / (num_own + 1)

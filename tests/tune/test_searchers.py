"""Searchers give every trial once, however often a sampler repeats itself."""

import math

import pytest
from ray.tune.search import Searcher

from tune.searchers import ListSearcher, OptunaSearcher
from tune.space import Dimension, default_space
from tune.trials import trial_name
from workflows.train.loop import OBJECTIVE

CHOICES = {
    "optim.name": Dimension(kind="choice", values=("adam", "sgd")),
    "channels": Dimension(kind="choice", values=(8, 16, 32)),
}


def given(searcher, most=99, objective=lambda fields: float(fields["optim.name"] == "adam")):
    """Return all trials that a searcher gives, each told what it came to."""
    trials = []
    for number in range(most):
        fields = searcher.suggest(f"trial {number}")
        if fields == Searcher.FINISHED:
            break
        assert searcher.suggest(f"trial {number}") == fields
        searcher.on_trial_complete(f"trial {number}", {OBJECTIVE: objective(fields)})
        trials.append(fields)
    return trials


def names(trials):
    return sorted(trial_name(fields) for fields in trials)


@pytest.mark.parametrize("seed", range(5))
def test_optuna_proposes_every_combination_once(seed):
    trials = given(OptunaSearcher(CHOICES, begun=[], ended=[], seed=seed))
    assert len(set(names(trials))) == len(trials) == 6


def test_optuna_does_not_propose_what_earlier_trials_had():
    ended = [
        ({"optim.name": "adam", "channels": 8}, 1.0),
        ({"optim.name": "adam", "channels": 16}, math.nan),
    ]
    begun = [{"optim.name": "sgd", "channels": 32}]
    trials = given(OptunaSearcher(CHOICES, begun=begun, ended=ended, seed=0))
    assert trials[0] == begun[0]
    assert len(set(names([*trials, *(fields for fields, _ in ended)]))) == len(trials) + 2 == 6


def test_optuna_learns_from_trials_and_bears_those_without_objective():
    searcher = OptunaSearcher(default_space(), begun=[], ended=[], seed=0)
    given(searcher, most=3, objective=lambda fields: math.nan)
    searcher = OptunaSearcher(default_space(), begun=[], ended=[], seed=0)
    trials = given(searcher, most=40, objective=lambda fields: -abs(math.log10(fields["optim.lr"]) + 2))
    late = [abs(math.log10(fields["optim.lr"]) + 2) for fields in trials[20:]]
    assert sum(late) / len(late) < 0.3, "of decades; 0.5 at random"


def test_a_list_that_is_used_up_ends_the_search():
    searcher = ListSearcher([{"optim.name": "adam"}])
    assert [searcher.suggest("one"), searcher.suggest("two")] == [{"optim.name": "adam"}, Searcher.FINISHED]

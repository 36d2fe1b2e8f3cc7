"""Searchers give every trial once, however often a sampler repeats itself."""

import math

import pytest
from ray.tune.search import Searcher

from tune.searchers import ListSearcher, OptunaSearcher
from tune.space import Dimension, default_space, identity

OBJECTIVE = "validation/accuracy"

CHOICES = {
    "optim.name": Dimension(kind="choice", values=("adam", "sgd")),
    "channels": Dimension(kind="choice", values=(8, 16, 32)),
}


def optuna_searcher(space, *, first=(), ended=(), seed=0, mode="max"):
    return OptunaSearcher(space, first=first, ended=ended, metric=OBJECTIVE, mode=mode, seed=seed, entry=dict)


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
    return sorted(identity(fields) for fields in trials)


@pytest.mark.parametrize("seed", range(5))
def test_optuna_proposes_every_combination_once(seed):
    trials = given(optuna_searcher(CHOICES, seed=seed))
    assert len(set(names(trials))) == len(trials) == 6


def test_optuna_does_not_propose_what_earlier_trials_had():
    ended = [
        ({"optim.name": "adam", "channels": 8}, 1.0),
        ({"optim.name": "adam", "channels": 16}, math.nan),
    ]
    begun = [{"optim.name": "sgd", "channels": 32}]
    trials = given(optuna_searcher(CHOICES, first=begun, ended=ended))
    assert trials[0] == begun[0]
    assert len(set(names([*trials, *(fields for fields, _ in ended)]))) == len(trials) + 2 == 6


def test_optuna_learns_from_trials_and_bears_those_without_objective():
    searcher = optuna_searcher(default_space())
    given(searcher, most=3, objective=lambda fields: math.nan)
    searcher = optuna_searcher(default_space())
    trials = given(searcher, most=40, objective=lambda fields: -abs(math.log10(fields["optim.lr"]) + 2))
    late = [abs(math.log10(fields["optim.lr"]) + 2) for fields in trials[20:]]
    assert sum(late) / len(late) < 0.3, "of decades; 0.5 at random"


def test_a_list_that_is_used_up_ends_the_search():
    searcher = ListSearcher([{"optim.name": "adam"}], entry=dict)
    assert [searcher.suggest("one"), searcher.suggest("two")] == [{"optim.name": "adam"}, Searcher.FINISHED]


def test_optuna_gives_a_preset_outside_the_space_first_and_then_all_combinations():
    preset = {"optim.name": "adamw", "channels": 16}
    trials = given(optuna_searcher(CHOICES, first=[preset]))
    assert trials[0] == preset
    assert len(trials) == 1 + 6


def test_optuna_looks_for_a_low_objective_where_told():
    trials = given(
        optuna_searcher(default_space(), mode="min"),
        most=40,
        objective=lambda fields: abs(math.log10(fields["optim.lr"]) + 2),
    )
    late = [abs(math.log10(fields["optim.lr"]) + 2) for fields in trials[20:]]
    assert sum(late) / len(late) < 0.3, "of decades; 0.5 at random"


def test_optuna_proposes_int_and_quniform_values_once_each():
    space = {
        "channels": Dimension(kind="int", values=(8, 10)),
        "optim.momentum": Dimension(kind="quniform", values=(0.5, 0.9, 0.1)),
    }
    trials = given(optuna_searcher(space), objective=lambda fields: fields["optim.momentum"])
    assert len(set(names(trials))) == len(trials) == 15

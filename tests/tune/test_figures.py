"""A sweep's figures lie on one page, and the importance of a field is that which the data have, or said to be unknown."""

import numpy as np
import optuna
import pytest

from tune.figures import describe_importance, figures_page, parameter_importance
from tune.searchers import distributions
from tune.space import default_space


def study_of(objective, *, num_trials, seed=0):
    """Return a study whose finished trials were drawn at random."""
    study, chance, space = optuna.create_study(direction="maximize"), np.random.default_rng(seed), default_space()
    for number in range(num_trials):
        fields = {name: dimension.sample(chance) for name, dimension in space.items()}
        value = objective(fields) + chance.normal(0, 0.01)
        trial = optuna.trial.create_trial(
            params=fields, distributions=distributions(space), value=value,
            intermediate_values={1: value - 0.1, 2: value}, user_attrs={"name": str(number)},
        )  # fmt: skip
        study.add_trial(trial)
    return study


def only_optimizer(fields):
    return {"sgd": 0.5, "sgd_momentum": 0.6, "adam": 0.8, "adamw": 0.9}[fields["optim.name"]]


def page_of(*, num_trials):
    study = study_of(only_optimizer, num_trials=num_trials)
    return figures_page(study, default_space(), objective="accuracy", importance="importance  as said")


@pytest.mark.parametrize("seed", range(2))
def test_importance_is_high_where_only_the_optimizer_decides(seed):
    found = parameter_importance(study_of(only_optimizer, num_trials=24, seed=seed), default_space())
    assert found is not None
    assert found["optim.name"] > 0.8


def test_importance_of_twelve_trials_is_not_computed_and_says_how_many_are_missing():
    study = study_of(only_optimizer, num_trials=12)
    assert parameter_importance(study, default_space()) is None
    wanted = "importance  not computed: 8 more finished trials are needed, of 20"
    assert describe_importance(study, default_space(), None) == wanted


def test_figures_lie_on_one_page_that_needs_no_network():
    page = page_of(num_trials=20)
    assert page is not None
    for title in (
        "Parallel coordinates",
        "Objective by field",
        "Importance (fANOVA)",
        "Learning rate and weight decay",
    ):
        assert f"<h2>{title}</h2>" in page
    assert page.count("Plotly.newPlot(") == 7
    assert "<script src=" not in page
    assert "importance  as said" in page


def test_figures_of_one_finished_trial_are_left_out():
    assert page_of(num_trials=1) is None

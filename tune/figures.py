"""A sweep's figures by `optuna.visualization`, on one Plotly page that MLflow's artifact viewer opens, and the importance of its fields."""

import html
import warnings
from collections.abc import Callable
from typing import Any

import optuna
from optuna.trial import TrialState

from tune.space import Space

FEWEST_FOR_IMPORTANCE = 20
"""Finished trials below which a forest tells noise from importance too badly."""

_HEIGHT = 420


def parameter_importance(study: optuna.Study, space: Space) -> dict[str, float] | None:
    """Return each field's share in the variance of the objective, by fANOVA (Hutter et al. 2014, ICML); None of too few finished trials."""
    if len(space) < 2 or _num_known(study, space) < FEWEST_FOR_IMPORTANCE:
        return None
    return optuna.importance.get_param_importances(study, evaluator=_evaluator(), params=list(space))


def describe_importance(study: optuna.Study, space: Space, found: dict[str, float] | None) -> str:
    """Return the line that says how much each field decides, or how many trials are missing."""
    if len(space) < 2:
        return "importance  not computed: one field alone was searched"
    if found is not None:
        return "importance  " + ", ".join(f"{name} {share:.2f}" for name, share in found.items()) + " (fANOVA)"
    missing = FEWEST_FOR_IMPORTANCE - _num_known(study, space)
    return f"importance  not computed: {missing} more finished trials are needed, of {FEWEST_FOR_IMPORTANCE}"


def figures_page(study: optuna.Study, space: Space, *, objective: str, importance: str) -> str | None:
    """Return the page of all figures; None where fewer than two trials finished.

    Args:
        study: the sweep.
        space: fields that the sweep searched.
        objective: title of the objective.
        importance: the line that `describe_importance` gave.
    """
    if _num_known(study, space) < 2:
        return None
    drawn, fields = optuna.visualization, list(space)
    kinds: dict[str, Callable[[], Any]] = {
        "Objective by trial": lambda: drawn.plot_optimization_history(study, target_name=objective),
        "Objective by epoch, also of trials that were stopped": lambda: drawn.plot_intermediate_values(study),
        "Parallel coordinates": lambda: drawn.plot_parallel_coordinate(study, params=fields, target_name=objective),
        "Objective by field": lambda: drawn.plot_slice(study, params=fields, target_name=objective),
        "When trials ran": lambda: drawn.plot_timeline(study),
    }
    if {"optim.lr", "optim.weight_decay"} <= set(space):
        pair = ["optim.lr", "optim.weight_decay"]
        kinds["Learning rate and weight decay"] = lambda: drawn.plot_contour(study, params=pair, target_name=objective)
    if len(space) > 1 and _num_known(study, space) >= FEWEST_FOR_IMPORTANCE:
        kinds["Importance (fANOVA)"] = lambda: drawn.plot_param_importances(
            study, evaluator=_evaluator(), params=fields, target_name=objective
        )
    parts = [f"<h1>{html.escape(study.study_name)}</h1>", f"<p>{html.escape(importance)}</p>"]
    with warnings.catch_warnings(action="ignore"):  # of what Optuna leaves out, such as trials without a value
        for number, (title, draw) in enumerate(kinds.items()):
            figure = draw().update_layout(title=None, height=_HEIGHT, margin={"t": 40})
            parts += [f"<h2>{title}</h2>", figure.to_html(full_html=False, include_plotlyjs=number == 0)]
    style = "<style>body { font-family: sans-serif; max-width: 1200px; margin: 1em auto; }</style>"
    return f"<!doctype html><meta charset='utf-8'><title>{html.escape(study.study_name)}</title>{style}{''.join(parts)}"


def _evaluator() -> optuna.importance.FanovaImportanceEvaluator:
    return optuna.importance.FanovaImportanceEvaluator(seed=0)


def _num_known(study: optuna.Study, space: Space) -> int:
    """Return how many trials finished with all fields of the space."""
    found = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    return sum(set(space) <= set(trial.params) for trial in found)

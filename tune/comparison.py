"""A sweep's trials beside each other: a table and four figures."""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
import optuna
from matplotlib.figure import Figure

from tune.space import Space
from workflows.train.loop import OBJECTIVE

_Record = Mapping[str, Any]


def ranked(records: Sequence[_Record]) -> list[_Record]:
    """Return the trials that were validated, the best first."""
    return sorted(
        (record for record in records if OBJECTIVE in record.get("metrics", {})),
        key=lambda record: -record["metrics"][OBJECTIVE],
    )


def table(records: Sequence[_Record], space: Space, *, objective: str) -> str:
    """Return all trials as a Markdown table, the best first, those without a number last.

    Args:
        records: what is on record of the trials.
        space: fields that the sweep searched.
        objective: title of the objective.
    """
    order = ranked(records)
    order += [record for record in records if record not in order]
    fields = list(space)
    lines = [f"| trial | status | {objective} | {' | '.join(fields)} | s |", f"|{'---|' * (len(fields) + 4)}"]
    for record in order:
        found = record.get("metrics", {}).get(OBJECTIVE)
        values = [_plain(record["fields"][field]) for field in fields]
        status = record.get("status") or "not ended"
        note = f"{status}: {record['reason']}" if record.get("reason") else status
        shown = "-" if found is None else f"{found:.3f}"
        lines.append(f"| {record['name']} | {note} | {shown} | {' | '.join(values)} | {record.get('seconds', 0):.0f} |")
    return "\n".join(lines)


def figures(records: Sequence[_Record], space: Space, *, objective: str) -> dict[str, Figure]:
    """Return the figures by file name; none where fewer than two trials were validated.

    Args:
        records: what is on record of the trials.
        space: fields that the sweep searched.
        objective: title of the objective.
    """
    trials = ranked(records)
    if len(trials) < 2:
        return {}
    found = {
        "objective_by_field.png": _by_field(trials, space, objective),
        "parallel_coordinates.png": _parallel_coordinates(trials, space, objective),
        "importance.png": _importance(trials, space),
    }
    if {"optim.lr", "optim.weight_decay"} <= set(space):
        found["learning_rate_and_weight_decay.png"] = _map(trials, objective)
    return found


def _subplots(*grid: int, figsize: tuple[float, float], **options: Any) -> tuple[Figure, Any]:
    """Return a figure that nobody has to close, and its axes."""
    figure = Figure(figsize=figsize, layout="constrained")
    return figure, figure.subplots(*grid, **options)


def _objectives(trials: Sequence[_Record]) -> np.ndarray:
    return np.asarray([trial["metrics"][OBJECTIVE] for trial in trials])


def _by_field(trials: Sequence[_Record], space: Space, objective: str) -> Figure:
    """Return the objective against each field."""
    figure, axes = _subplots(1, len(space), figsize=(3.4 * len(space), 3.2), sharey=True, squeeze=False)
    for axis, (field, dimension) in zip(axes[0], space.items(), strict=True):
        values = [trial["fields"][field] for trial in trials]
        axis.plot([str(v) for v in values] if dimension.kind == "choice" else values, _objectives(trials), "o")
        if dimension.kind == "loguniform":
            axis.set_xscale("log")
        axis.set(xlabel=field)
    axes[0][0].set_ylabel(objective)
    return figure


def _parallel_coordinates(trials: Sequence[_Record], space: Space, objective: str) -> Figure:
    figure, axis = _subplots(figsize=(2.2 * (len(space) + 1), 3.6))
    values = _objectives(trials)
    low, high = float(values.min()), float(values.max())
    heights = (values - low) / max(high - low, 1e-9)
    places = np.column_stack(
        [*(_places([t["fields"][field] for t in trials], space[field]) for field in space), heights]
    )
    colors = matplotlib.colormaps["viridis"](heights)
    for line, color in zip(places[::-1], colors[::-1], strict=True):
        axis.plot(range(places.shape[1]), line, color=color, linewidth=1.4)
    for place, field in enumerate(space):
        for value, height in _ticks(space[field]):
            axis.annotate(value, (place, height), xytext=(3, 0), textcoords="offset points", fontsize=7, va="center")
    for share in (0.0, 0.5, 1.0):
        axis.annotate(f"{low + share * (high - low):.3g}", (len(space), share), fontsize=7, va="center")
    for place in range(places.shape[1]):
        axis.axvline(place, color="0.7", linewidth=0.8)
    axis.set_xticks(range(places.shape[1]), [*space, objective])
    axis.set(yticks=[], ylim=(-0.05, 1.05))
    return figure


def _importance(trials: Sequence[_Record], space: Space) -> Figure:
    """Return how much each field decides whether a trial is among the best, by PED-ANOVA (Watanabe et al. 2023, IJCAI)."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(direction="maximize")
    kinds = optuna.distributions
    distributions: dict[str, Any] = {
        field: kinds.CategoricalDistribution(list(d.values))
        if d.kind == "choice"
        else kinds.FloatDistribution(*d.values, log=d.kind == "loguniform")
        for field, d in space.items()
    }
    for trial, value in zip(trials, _objectives(trials), strict=True):
        study.add_trial(
            optuna.trial.create_trial(params=dict(trial["fields"]), distributions=distributions, value=float(value))
        )
    with warnings.catch_warnings(action="ignore"):  # of few trials the best may be all
        shares = optuna.importance.get_param_importances(
            study, evaluator=optuna.importance.PedAnovaImportanceEvaluator(evaluate_on_local=False)
        )
    figure, axis = _subplots(figsize=(5, 0.5 * len(space) + 1))
    axis.barh(list(shares), list(shares.values()), color="tab:blue")
    axis.invert_yaxis()
    axis.set(xlabel=f"importance, of {len(trials)} trials", xlim=(0, 1))
    return figure


def _map(trials: Sequence[_Record], objective: str) -> Figure:
    figure, axis = _subplots(figsize=(4.6, 3.6))
    rate, decay = ([trial["fields"][f"optim.{name}"] for trial in trials] for name in ("lr", "weight_decay"))
    points = axis.scatter(rate, decay, c=_objectives(trials), cmap="viridis", edgecolors="0.3")
    axis.set(xscale="log", yscale="log", xlabel="learning rate", ylabel="weight decay")
    figure.colorbar(points, label=objective)
    return figure


def _places(values: Sequence[Any], dimension: Any) -> np.ndarray:
    """Return values as heights between 0 and 1."""
    if dimension.kind == "choice":
        return np.asarray([dimension.values.index(value) for value in values]) / max(1, len(dimension.values) - 1)
    low, high = dimension.values
    if dimension.kind == "loguniform":
        return np.log(np.asarray(values) / low) / np.log(high / low)
    return (np.asarray(values) - low) / (high - low)


def _ticks(dimension: Any) -> list[tuple[str, float]]:
    if dimension.kind == "choice":
        return [(str(value), float(_places([value], dimension)[0])) for value in dimension.values]
    return [(f"{dimension.at(share):.2g}", share) for share in (0.0, 0.5, 1.0)]


def _plain(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)

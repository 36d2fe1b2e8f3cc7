"""Plots of a report: figures by class and other groups as bars, matrices as pictures, reliability as curves."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure as Plot

from models.metrics.reliability import Bin
from workflows.contract.figure import Figure, Matrix

_MOST_BARS = 40


def draw_breakdowns(breakdowns: Mapping[str, tuple[Figure, ...]]) -> Plot:
    """Return bars of each group's figure with its interval, beside chance; of many groups the first forty."""
    plot = Plot(figsize=(5 * len(breakdowns), 3.6), layout="constrained")
    axes = plot.subplots(1, len(breakdowns), squeeze=False)[0]
    for axis, (name, figures) in zip(axes, breakdowns.items(), strict=True):
        shown = figures[:_MOST_BARS]
        values = np.asarray([figure.value for figure in shown])
        ends = np.asarray(
            [(v - f.low, f.high - v) if f.has_interval else (0, 0) for f, v in zip(shown, values, strict=True)]
        )
        axis.bar(range(len(shown)), values, yerr=np.maximum(ends, 0).T.reshape(2, -1), color="tab:blue", capsize=3)
        chances = {figure.chance for figure in shown if figure.chance == figure.chance}
        for chance in chances:
            axis.axhline(chance, color="0.4", linestyle="--", linewidth=0.8, label="chance")
        axis.set_xticks(range(len(shown)), [figure.title for figure in shown], rotation=40, ha="right")
        axis.set(ylim=(0, 1.02), title=f"by {name}", ylabel=shown[0].name.replace("_", " ") if shown else "")
        if chances:
            axis.legend(fontsize=8)
    return plot


def draw_matrix(matrix: Matrix) -> Plot:
    """Return a matrix as a picture with its numbers; each row is colored by its share."""
    width, height = (max(3.2, 0.42 * len(names) + 1.6) for names in (matrix.columns, matrix.rows))
    plot = Plot(figsize=(width + 0.6, height), layout="constrained")
    axis = plot.subplots()
    values = np.asarray(matrix.values, float)
    shares = values / np.maximum(values.sum(axis=1, keepdims=True), 1e-9)
    axis.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), value in np.ndenumerate(values):
        color = "white" if shares[row, column] > 0.6 else "black"
        axis.text(column, row, f"{value:g}", ha="center", va="center", fontsize=7, color=color)
    axis.set_xticks(range(len(matrix.columns)), matrix.columns, rotation=60, ha="right", fontsize=7)
    axis.set_yticks(range(len(matrix.rows)), matrix.rows, fontsize=7)
    axis.set(xlabel=matrix.columns_title, ylabel=matrix.rows_title, title=matrix.title)
    return plot


def draw_reliability(curves: Mapping[str, tuple[Bin, ...]]) -> Plot:
    """Return the share that is true by the probability that was said, with intervals; on the diagonal the probability is right."""
    plot = Plot(figsize=(4.6, 4.4), layout="constrained")
    axis = plot.subplots()
    axis.plot([0, 1], [0, 1], color="0.4", linestyle="--", linewidth=0.8, label="right probabilities")
    for name, bins in curves.items():
        color = "0.6" if name == "uncalibrated" else "tab:blue"
        true = np.asarray([each.true for each in bins])
        ends = np.nan_to_num([(each.true - each.low, each.high - each.true) for each in bins]).reshape(-1, 2)
        said = [each.said for each in bins]
        axis.errorbar(said, true, yerr=np.maximum(ends, 0).T, marker="o", capsize=3, label=name, color=color)
    axis.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), xlabel="probability of yes, mean of a tenth of the answers")
    axis.set(ylabel="share of them where yes is true", title="reliability", aspect="equal")
    axis.legend(fontsize=8)
    return plot

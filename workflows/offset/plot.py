"""Plot of an answer: evidence over offsets with the interval and the tolerance, and the offset of each window over time."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Plot

from workflows.offset.answer import Answer
from workflows.offset.curves import WindowCurve


def draw_answer(answer: Answer) -> Plot:
    """Return the plot of an answer."""
    found, windows = answer.found, answer.curves.windows
    used = [window for window in windows if not (window.silent or window.still)]
    plot = Plot(figsize=(9, 3.4), layout="constrained")
    widths = (3, 2) if len(used) > 1 else (1,)
    curve, *others = plot.subplots(1, len(widths), width_ratios=widths, squeeze=False)[0]
    curve.axvspan(
        -answer.tolerance.early_ms, answer.tolerance.late_ms, color="tab:green", alpha=0.12, label="not noticed"
    )
    curve.plot(1000 * found.lags, found.evidence, color="tab:blue", linewidth=1)
    if found.is_decided:
        curve.axvspan(
            1000 * found.low_seconds, 1000 * found.high_seconds, color="tab:orange", alpha=0.4, label="95 % interval"
        )
    curve.axvline(0, color="0.5", linewidth=0.8, linestyle="--")
    curve.set(
        xlabel="offset in ms: sound early (-), sound late (+)",
        ylabel="evidence by its spread",
        xlim=(1000 * found.lags[0], 1000 * found.lags[-1]),
    )
    curve.legend(fontsize=8, loc="best")
    for axis in (curve, *others):
        axis.spines[["top", "right"]].set_visible(False)
    for course in others:
        _draw_course(course, answer, used)
    plot.suptitle(answer.sentence(), fontsize=10)
    return plot


def _draw_course(axis: Axes, answer: Answer, used: list[WindowCurve]) -> None:
    """Draw the best offset of each window over time."""
    lags = answer.curves.lags
    axis.axhspan(-answer.tolerance.early_ms, answer.tolerance.late_ms, color="tab:green", alpha=0.12)
    axis.scatter(
        [window.seconds for window in used],
        [1000 * float(lags[np.argmax(window.evidence)]) for window in used],
        s=12,
        color="tab:blue",
    )
    axis.set(
        xlabel="seconds",
        ylabel="best offset of each window in ms",
        xlim=(0, None),
        ylim=(1000 * answer.found.lags[0], 1000 * answer.found.lags[-1]),
    )

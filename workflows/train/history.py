"""The course of a run as numbers and as a picture: the learning curve."""

import io
from collections.abc import Sequence

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from infra import storage
from infra.tracking import Run
from workflows.contract.figure import Figure

_STYLES = ("-", "--", "-.", ":")


def write_learning_curve(run_folder: str, history: list[dict[str, float]], figures: Sequence[Figure], run: Run) -> None:
    """Write `history.json` and `learning_curve.png` to the run's folder, and the plot to its tracking.

    Args:
        run_folder: the run's folder.
        history: metrics by epoch.
        figures: what validation finds, for titles and chance.
        run: the run.
    """
    storage.write_json(storage.join(run_folder, "history.json"), history)
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.6), layout="constrained")
    shown = [each for each in figures if each.better == "higher"]
    for number, each in enumerate(shown):
        color, style = f"C{number % 10}", _STYLES[number // 2 % len(_STYLES)]
        left.plot(*_points(history, f"validation/{each.name}"), style, color=color, label=each.title)
        train = _points(history, f"train/{each.name}")
        if train[0]:
            left.plot(*train, color=color, alpha=0.4, label=f"{each.title}, training")
        if each.chance == each.chance:
            left.axhline(each.chance, color="0.7", linewidth=0.8)
    left.set(xlabel="epoch", ylabel="validation")
    if shown:
        left.legend(fontsize=8)
    for name in ("train", "validation"):
        right.plot(*_points(history, f"{name}/loss"), label=name)
    right.set(xlabel="epoch", ylabel="loss")
    right.legend(fontsize=8)
    picture = io.BytesIO()
    figure.savefig(picture, dpi=110)
    storage.write_bytes(storage.join(run_folder, "learning_curve.png"), picture.getvalue())
    run.log_figure(figure, "plots/learning_curve.png")
    plt.close(figure)


def _points(history: list[dict[str, float]], name: str) -> tuple[list[float], list[float]]:
    known = [(entry["epoch"] + 1, entry[name]) for entry in history if name in entry]
    return [epoch for epoch, _ in known], [value for _, value in known]

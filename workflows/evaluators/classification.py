"""Classification accuracy: how often the likeliest class is right, overall and by class, beside chance and the commonest class."""

from typing import Any

import numpy as np

from workflows.contract.figure import Figure, Findings, Matrix, Rows, mean_figure
from workflows.contract.held_out import HeldOut

NEEDS = ("column", "classes", "classify")


def collect(module: Any, data: HeldOut) -> Rows:
    """Return the answers about this rank's clips: `label`, `answer`, `right`, and `loss`, nan for a class that the model does not know."""
    number = {name: place for place, name in enumerate(module.classes)}
    rows: dict[str, list[Any]] = {name: [] for name in ("unit", "recording_id", "label", "answer", "loss")}
    for units, batch in data.read((module.column, "label", "recording_id")):
        chances = module.classify(batch).float().log_softmax(dim=1).cpu().numpy()
        rows["unit"] += units.tolist()
        rows["recording_id"] += batch["recording_id"]
        rows["label"] += batch["label"]
        rows["answer"] += [module.classes[place] for place in chances.argmax(axis=1)]
        rows["loss"] += [
            -row[number[label]] if label in number else np.nan
            for row, label in zip(chances, batch["label"], strict=True)
        ]
    joined = {name: np.asarray(values, float if name in ("unit", "loss") else str) for name, values in rows.items()}
    return {
        **joined,
        "right": joined["label"] == joined["answer"],
        "num_classes": np.full(len(joined["unit"]), len(module.classes)),
    }


def measure(rows: Rows) -> dict[str, float]:
    """Return accuracy, its mean over classes, and the loss."""
    right = rows["right"].astype(float)
    by_class = [right[rows["label"] == label].mean() for label in np.unique(rows["label"])]
    known = rows["loss"][np.isfinite(rows["loss"])]
    return {
        "accuracy": float(right.mean()) if len(right) else np.nan,
        "balanced_accuracy": float(np.mean(by_class)) if by_class else np.nan,
        "loss": float(known.mean()) if len(known) else np.nan,
    }


def summarize(rows: Rows, *, intervals: bool = True) -> Findings:
    """Return the accuracy with its interval over recordings, by class, and the confusion matrix."""
    right, recordings, values = rows["right"].astype(float), rows["recording_id"], measure(rows)
    chance = 1 / rows["num_classes"][0] if len(right) else np.nan
    labels, counts = np.unique(rows["label"], return_counts=True)
    majority = counts.max() / counts.sum() if len(counts) else np.nan
    figures = (
        mean_figure(
            "accuracy",
            "accuracy",
            right,
            recordings,
            interval=intervals,
            chance=chance,
            floor=float(majority),
            floor_title="commonest class",
        ),
        Figure(
            name="balanced_accuracy",
            title="mean accuracy of the classes",
            value=values["balanced_accuracy"],
            chance=chance,
            num_examples=len(right),
            num_groups=len(np.unique(recordings)),
        ),
        Figure(name="loss", title="loss", value=values["loss"], chance=float(-np.log(chance)), better="lower"),
    )
    by_class = tuple(
        mean_figure("accuracy", name, right[members], recordings[members], interval=intervals, chance=chance)
        for name in labels.tolist()
        for members in [rows["label"] == name]
    )
    return Findings(figures=figures, breakdowns={"class": by_class}, matrices={"confusion": _confusion(rows)})


def _confusion(rows: Rows) -> Matrix:
    names = np.unique(np.concatenate([rows["label"], rows["answer"]])).tolist()
    place = {name: number for number, name in enumerate(names)}
    counts = np.zeros((len(names), len(names)), int)
    for label, answer in zip(rows["label"].tolist(), rows["answer"].tolist(), strict=True):
        counts[place[label], place[answer]] += 1
    return Matrix(
        title="confusion, clips",
        rows_title="label",
        columns_title="answer",
        rows=tuple(names),
        columns=tuple(names),
        values=tuple(tuple(map(float, row)) for row in counts),
    )

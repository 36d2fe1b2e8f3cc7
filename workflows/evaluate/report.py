"""All that is asked of a trained model on a dataset, and the report it makes."""

import dataclasses
import functools
import io
import math
from collections.abc import Iterable
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import torch
from matplotlib.figure import Figure

from datasets.card import read_card
from datasets.config import PreparationConfig
from datasets.reading.reader import list_row_groups, read_pairs, read_rows
from datasets.reading.selection import Selection, select_pairs
from datasets.tables.boxes import read_boxes
from infra import storage
from infra.errors import InputError
from infra.tracking import Run, find_version
from workflows.evaluators.localization import score_maps
from workflows.evaluators.synchronization import PairScores, score_pairs, summarize
from workflows.trained.card import write_model_card
from workflows.trained.model import Model

_FEW_RECORDINGS = 30
_BATCH_PAIRS = 8


def evaluate_model(
    model: Model,
    *,
    dataset: str,
    split: str,
    classes: tuple[str, ...],
    max_pairs: int | None = None,
) -> dict[str, Any]:
    """Return the report of a model on a split, or on a part of it spread evenly where it has more than `max_pairs`.

    Off-screen scenes are left out of the sync accuracy and score abstention.

    Raises:
        InputError: If the dataset's clips are not those the model reads, or there are no pairs.
    """
    card = read_card(dataset)
    preparation = PreparationConfig.from_dict(card["config"])
    boxes = read_boxes(dataset)
    read = _reader(model, dataset, split, classes, max_pairs=max_pairs)
    with torch.inference_mode():
        report = summarize(score_pairs(model.module, functools.partial(read, on_screen=True)))
        if boxes:
            share = model.config.crop_size / preparation.size
            report |= score_maps(model.module, read, boxes, crop_share=share)
    if report["num_recordings"] < _FEW_RECORDINGS:
        report["caution"] = (
            f"with {report['num_recordings']} held-out recordings read the interval: the accuracy decides nothing"
        )
    return {
        **report,
        "split": split,
        "dataset": dataset,
        "dataset_fingerprint": card["fingerprint"],
        "recipe": model.description["recipe"],
        "run_id": model.run_id,
    }


def score_split(model: Model, *, dataset: str, split: str) -> PairScores:
    """Return a model's logits of a split's pairs, without off-screen scenes.

    Raises:
        InputError: If the dataset's clips are not those the model reads, or there are no pairs.
    """
    read = _reader(model, dataset, split, ())
    with torch.inference_mode():
        return score_pairs(model.module, functools.partial(read, on_screen=True))


def write_report(report: dict[str, Any], folder: str, run: Run | None) -> None:
    """Write `report.json` and `accuracy.png` to a folder, and both to the model's run, whose card then shows them."""
    storage.write_json(storage.join(folder, "report.json"), report)
    figure = _plot(report)
    picture = io.BytesIO()
    figure.savefig(picture, dpi=110)
    storage.write_bytes(storage.join(folder, "accuracy.png"), picture.getvalue())
    if run is not None:
        prefix = report["split"]
        numbers = {
            f"{prefix}/{name}": value for name, value in report.items() if isinstance(value, float) and value == value
        }
        run.log_metrics(numbers)
        run.log_dict(report, f"evaluation/{prefix}/report.json")
        run.log_figure(figure, f"evaluation/{prefix}/accuracy.png")
        if find_version(run, name=report["recipe"]):
            write_model_card(run)
    plt.close(figure)


def _reader(
    model: Model,
    dataset: str,
    split: str,
    classes: tuple[str, ...],
    *,
    max_pairs: int | None = None,
):
    """Return what gives a split's batches of pairs, with or without off-screen scenes."""
    preparation = PreparationConfig.from_dict(read_card(dataset)["config"])
    check_fit(model, preparation, dataset)
    groups, _ = select_pairs(list_row_groups(dataset, split), Selection(classes=classes))
    if not sum(len(group.pair_rows) for group in groups):
        raise InputError(
            f"--split: '{split}' of '{dataset}' has no pairs{' of these classes' if classes else ''}; choose another split or add videos"
        )
    groups = _thinned(groups, max_pairs)
    hidden = {video for video, row in read_boxes(dataset).items() if row["off_screen"]}

    def read(columns: Iterable[str], *, on_screen: bool = False):
        wanted = _without(groups, hidden) if on_screen and hidden else groups
        return read_pairs(wanted, columns=tuple(columns), config=preparation, batch_pairs=_BATCH_PAIRS)

    return read


def _thinned(groups: list[Any], max_pairs: int | None) -> list[Any]:
    count = sum(len(group.pair_rows) for group in groups)
    if max_pairs is None or count <= max_pairs:
        return groups
    step = math.ceil(count / max_pairs)
    return [dataclasses.replace(group, pair_rows=group.pair_rows[::step]) for group in groups]


def _without(groups: list[Any], videos: set[str]) -> list[Any]:
    kept = []
    for group in groups:
        names = read_rows(group.uri, group.index, range(group.num_rows), ["video_id"])["video_id"].to_pylist()
        rows = tuple(row for row in group.pair_rows if names[row] not in videos)
        if rows:
            kept.append(dataclasses.replace(group, pair_rows=rows))
    return kept


def check_fit(model: Model, preparation: PreparationConfig, dataset: str) -> None:
    """Refuse a dataset whose clips are not those a model reads.

    Raises:
        InputError: Naming the first field that differs.
    """
    for name in ("clip_seconds", "frame_rate", "sample_rate", "log_mel"):
        ours, theirs = getattr(preparation, name), getattr(model.preparation, name)
        if ours != theirs:
            raise InputError(
                f"--data: '{dataset}' has {name}={ours}, the model was trained with {theirs}; prepare the data alike"
            )
    if model.config.crop_size > preparation.size:
        raise InputError(
            f"--data: '{dataset}' stores {preparation.size} pixels, the model sees {model.config.crop_size}; prepare with --size {model.preparation.size}"
        )


def _plot(report: dict[str, Any]) -> Figure:
    """Return accuracy by class and by shift, with intervals and chance."""
    figure, axes = plt.subplots(1, 2, figsize=(10, 3.6), layout="constrained")
    for axis, key, title in zip(axes, ("by_class", "by_shift"), ("class", "shift"), strict=True):
        table = report[key]
        names = list(table)
        values = [table[name]["accuracy"] for name in names]
        low = [max(0.0, v - table[n]["ci95"][0]) for v, n in zip(values, names, strict=True)]
        high = [max(0.0, table[n]["ci95"][1] - v) for v, n in zip(values, names, strict=True)]
        axis.bar(range(len(names)), values, yerr=[low, high], color="tab:blue", capsize=3)
        axis.axhline(0.5, color="0.4", linestyle="--", linewidth=0.8, label="chance")
        axis.set_xticks(range(len(names)), [n or "no label" for n in names], rotation=40, ha="right")
        axis.set(ylim=(0, 1.02), ylabel="sync accuracy", title=f"by {title}")
        axis.legend(fontsize=8)
    return figure

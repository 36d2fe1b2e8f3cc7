"""Training on one dataset's labels, evaluated by checkpoint: accuracy, shortcuts, and maps."""

import dataclasses
from typing import Any

import numpy as np
import torch

from datasets.config import PreparationConfig
from datasets.reading.reader import to_arrays
from datasets.sources.synthetic import OFF_SCREEN
from infra import storage
from models.synchronization import Synchronization
from workflows.audit.checks.responses import Responses, respond
from workflows.audit.checks.trained_model import check_model
from workflows.audit.checks.windows import read_tables
from workflows.evaluate.report import Report, evaluate_model
from workflows.recipes import multisensory
from workflows.studies.failure.training import train
from workflows.trained.model import Model

_MAX_WINDOWS = 200
NUM_SHOWN = 8
_KEPT = ("sync_accuracy", "pointing_accuracy")


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Story:
    """One training: its data, what it is compared with, and when it is evaluated."""

    name: str
    """What the dataset is called."""
    dataset: str
    """The dataset to train on, prepared by `config`."""
    config: PreparationConfig
    honest: str
    """A dataset of pairs of the same scenes in the same splits."""
    folder: str
    """Where NAME.json and NAME.npz go."""
    visits: tuple[int, ...]
    """Steps after which the network is evaluated; the last is the end."""
    seed: int
    """Seed of weights and order."""


def tell(story: Story) -> str:
    """Train on a dataset's own labels; write what each checkpoint scores on held-out clips; return the name.

    Each checkpoint is scored by its accuracy on its own kind of labels (also with gray pictures), and on honest pairs of the same scenes,
    with pointing accuracy, and by the flatness of its maps.
    """
    torch.set_num_threads(1)
    recipe = dataclasses.replace(multisensory.demo(), seed=story.seed)
    module = multisensory.build(recipe, {}, {}).modules["network"]
    assert isinstance(module, Synchronization)
    model = Model(
        recipe="multisensory", module=module, config=recipe, preparation=story.config, description={}, run_id=None
    )
    shown = _shown(story)
    points: list[dict[str, Any]] = []
    maps: list[np.ndarray] = []

    def visit(step: int) -> None:
        found = respond(model, story.dataset, story.config, max_rows=_MAX_WINDOWS)
        assert found is not None
        report = evaluate_model(model, dataset=story.honest, split="test")
        points.append({"step": step, **_own(found), **_honest(report)})
        maps.append(module.maps(module.encode_sound(shown), module.encode_picture(shown)).numpy())

    train(module, story.dataset, story.config, visits=story.visits, visit=visit, seed=story.seed)
    target = storage.join(story.folder, story.name)
    with storage.staged(f"{target}.npz") as path, open(path, "wb") as file:
        np.savez_compressed(file, frames=shown["frames"], maps=np.stack(maps))
    storage.write_json(f"{target}.json", {"name": story.name, "seed": story.seed, "points": points})
    return story.name


def _shown(story: Story) -> dict[str, Any]:
    """Return the first held-out windows in sync whose source is on screen, one of each of eight videos."""
    columns = ("frames", "log_mel", "in_sync", "label", "video_id")
    table = next(read_tables(story.dataset, max_rows=_MAX_WINDOWS, columns=columns, splits=("test",)))
    batch = to_arrays(table, config=story.config)
    first = {}
    for row, video in enumerate(batch["video_id"]):
        if batch["in_sync"][row] and batch["label"][row] != OFF_SCREEN:
            first.setdefault(video, row)
    rows = list(first.values())[:NUM_SHOWN]
    return {name: batch[name][rows] for name in ("frames", "log_mel")}


def _honest(report: Report) -> dict[str, Any]:
    """Return what is told of a report on honest pairs."""
    figures = {name: report.figures[name].value for name in _KEPT if name in report.figures}
    return {**figures, "by_class": {figure.title: figure.value for figure in report.breakdowns["class"]}}


def _own(found: Responses) -> dict[str, Any]:
    truth = found.examples.target == 1
    checks = {check.name: check.value for check in check_model(found)}
    return {
        "own_accuracy": float(((found.logits > 0) == truth).mean()),
        "own_sound_only": float(((found.gray_picture > 0) == truth).mean()),
        "frame_swap_correlation": checks["model: frame swap"],
        "flatness": checks["model: flat maps"],
        "map_under_foreign_sound": checks["model: map under foreign sound"],
    }

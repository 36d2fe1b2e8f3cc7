"""A trained model becomes one of MLflow's logged models, with its report and its card, and a version in the registry."""

import dataclasses
import hashlib
import math
import os
import tempfile
from pathlib import Path
from typing import Any, Literal

from datasets.card import read_card
from infra import storage
from infra.errors import InputError
from infra.tracking import (
    Run,
    find_version,
    log_model_folder,
    logged_model,
    logging_model,
    read_model_text,
    register_model,
    short_digest,
)
from infra.version import code_version
from workflows.contract.registry import load_recipe
from workflows.evaluate.report import Report, evaluate_model
from workflows.train.curves import OBJECTIVE_CURVE
from workflows.trained.card import CARD, OWN_REPORT, write_model_card
from workflows.trained.checkpoint import MODEL_FILES, WEIGHTS, read_description
from workflows.trained.model import Model, loaded
from workflows.trained.serving import write_pyfunc

Registration = Literal["finished", "always", "never"]
"""Which runs become versions: those that finished, also those that were stopped, or none."""

_MOST_UNITS = 256


def keep_model(run: Run, *, recipe: str, folder: str, dataset: str) -> None:
    """Make a run's model a logged one, unless these weights are one already.

    Args:
        run: the run that trained it.
        recipe: its recipe.
        folder: where its weights and configuration lie.
        dataset: what it was trained on; a part of its validation split is evaluated for the card.
    """
    weights = _digest(folder)
    before = logged_model(run)
    if before is not None and before.tags.get("weights") == weights:
        return
    card, metrics = read_card(dataset), read_description(folder)["metrics"]
    tags = {"recipe": recipe, "dataset": os.path.basename(dataset), "weights": weights, "state": _state(run)}
    step = int(metrics.get("step", 0))
    with (
        tempfile.TemporaryDirectory() as place,
        logging_model(run, name=run.name, kind=recipe, step=step, tags=tags) as model_id,
    ):
        for name in MODEL_FILES:
            Path(place, name).write_bytes(storage.read_bytes(storage.join(folder, name)))
        write_pyfunc(place, model_id=model_id)
        log_model_folder(run, model_id, place)
        with loaded(place, recipe=recipe) as model:
            model = dataclasses.replace(model, run_id=run.run_id)
            if card["splits"]["validation"]["rows"]:
                report = evaluate_model(model, dataset=dataset, split="validation", most_units=_MOST_UNITS)
                run.log_dict(report.to_dict(), OWN_REPORT)
                run.set_tags({"headline": _headline(model, report)})
        if _has_figure(metrics):
            about = {
                "dataset_name": f"{os.path.basename(dataset)}/validation",
                "dataset_digest": short_digest(card["fingerprint"]),
            }
            run.log_metrics({OBJECTIVE_CURVE: metrics["objective"]}, step, about={"model_id": model_id, **about})
    write_model_card(run)
    with storage.staged(storage.join(folder, CARD)) as path:
        Path(path).write_text(read_model_text(run, CARD))


def register(run: Run, *, recipe: str, folder: str, dataset: str) -> str:
    """Register the model of a run; return its version, that of before where these weights have one.

    Raises:
        InputError: If no validation gave it a figure.
    """
    if not _has_figure(read_description(folder)["metrics"]):
        raise InputError(
            f"--data: '{dataset}' holds no validation clips, so that this model has no figure; "
            "it is not registered, evaluate it with workflows.evaluate, or prepare with a larger --validation-share"
        )
    keep_model(run, recipe=recipe, folder=folder, dataset=dataset)
    weights = _digest(folder)
    earlier = find_version(run, name=recipe, weights=weights)
    if earlier is not None:
        return earlier
    code = code_version()
    version = register_model(
        run,
        name=recipe,
        tags={
            "recipe": recipe,
            "dataset": os.path.basename(dataset),
            "state": _state(run),
            "weights": weights,
            "dataset_fingerprint": read_card(dataset)["fingerprint"],
            "code_hash": code["hash"],
            "commit": code["commit"],
        },
    )
    write_model_card(run)
    return version


def _headline(model: Model, report: Report) -> str:
    """Return recipe, dataset, objective, the first figure with an interval, and the date."""
    objective = load_recipe(model.recipe).objective(model.config).figure
    figures = [report.figures[objective]] if objective in report.figures else []
    figures += [each for each in report.figures.values() if each.has_interval][:1]
    shown = ", ".join(f"{each.title} {' '.join(each.shown.split())}" for each in dict.fromkeys(figures))
    where = f"{report.num_recordings} validation recordings"
    return f"{model.recipe} on {os.path.basename(report.dataset)}: {shown}, on {where}, {report.date}"


def _has_figure(metrics: dict[str, Any]) -> bool:
    return math.isfinite(metrics.get("objective", math.nan))


def _state(run: Run) -> str:
    return "finished" if run.tag("finished") == "True" else "unfinished"


def _digest(folder: str) -> str:
    return hashlib.blake2b(storage.read_bytes(storage.join(folder, WEIGHTS)), digest_size=8).hexdigest()

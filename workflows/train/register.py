"""A trained model becomes a version in the registry: loadable by MLflow, with its lineage, its report and its card."""

import dataclasses
import tempfile
from pathlib import Path

from datasets.card import read_card
from infra import storage
from infra.tracking import Run, register_model
from infra.version import code_version
from workflows.evaluate.report import evaluate_model
from workflows.trained.card import CARD, write_model_card
from workflows.trained.checkpoint import MODEL_FILES
from workflows.trained.model import loaded
from workflows.trained.serving import write_pyfunc

_MOST_UNITS = 256


def register(run: Run, *, recipe: str, folder: str, dataset: str) -> str:
    """Register the model of a run; return its version.

    Args:
        run: the run that trained it.
        recipe: its recipe, which is the registered model's name.
        folder: where its weights and configuration lie.
        dataset: what it was trained on; a part of its validation split is evaluated for the card.
    """
    card = read_card(dataset)
    code = code_version()
    with tempfile.TemporaryDirectory() as place:
        for name in MODEL_FILES:
            Path(place, name).write_bytes(storage.read_bytes(storage.join(folder, name)))
        write_pyfunc(place)
        if card["splits"]["validation"]["rows"]:
            with loaded(place, recipe=recipe) as model:
                model = dataclasses.replace(model, run_id=run.run_id)
                report = evaluate_model(model, dataset=dataset, split="validation", most_units=_MOST_UNITS)
            run.log_dict(report.to_dict(), "evaluation/validation/report.json")
        run.log_folder(place, "model")
    version = register_model(
        run,
        folder="model",
        name=recipe,
        tags={"dataset_fingerprint": card["fingerprint"], "code_hash": code["hash"], "commit": code["commit"]},
    )
    write_model_card(run)
    with storage.staged(storage.join(folder, CARD)) as path:
        Path(path).write_text(run.read_text(f"model/{CARD}"))
    return version

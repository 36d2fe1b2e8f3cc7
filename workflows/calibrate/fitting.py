"""Fitting of a trained model's calibration, which becomes a new version of the registered model."""

import dataclasses

from datasets.card import read_card
from datasets.reading.selection import SplitName
from infra import storage
from infra.errors import InputError
from infra.outputs import RUN_MARK, refuse_foreign
from infra.tracking import Run, ending, find_run, model_folder, start_run
from workflows.cli.run_name import default_run_name
from workflows.contract.calibration import (
    Answers,
    CalibrationRecord,
    answers_of,
    calibrate_on,
    calibration_figures,
    cross_fitted,
)
from workflows.contract.registry import load_evaluator, load_recipe
from workflows.evaluate.report import collect_rows, held_out
from workflows.train.register import register
from workflows.trained.checkpoint import CONFIG, MODEL_FILES
from workflows.trained.model import Model, loaded


def calibrate_model(model: str, dataset: str, *, split: SplitName, run_name: str | None) -> None:
    """Fit a model's calibration to a split, register it as a new version, and print its cross-fitted error.

    Args:
        model: URI of the model.
        dataset: the recordings.
        split: which clips are fitted to.
        run_name: name of the run; a new one if not given.

    Raises:
        InputError: If the model gives no yes-or-no answers, or there are too few recordings.
    """
    with loaded(model) as found, model_folder(model) as (files, _):
        found.refuse_without(("calibration",), verb="calibrate")
        trained_by = find_run(found.run_id)
        if trained_by is None:
            raise InputError(f"--model: '{model}' is of no run that is known here; give one that was trained here")
        name = run_name or default_run_name(f"{found.recipe}-calibrated")
        folder = storage.run_folder(name)
        refuse_foreign(folder, option="--run-name")
        answers = _answers(found, dataset, split)
        fitted = calibrate_on(answers, dataset=dataset, fingerprint=read_card(dataset)["fingerprint"], split=split)
        if fitted.note:
            raise InputError(
                f"--data: the split '{split}' of '{dataset}' does not do: {fitted.note}; give more recordings"
            )
        print(_describe(answers, fitted))
        place = storage.join(folder, "model")
        for file in MODEL_FILES:
            storage.copy(storage.join(files, file), storage.join(place, file))
        description = found.description | {"calibration": dataclasses.asdict(fitted)}
        storage.write_json(storage.join(place, CONFIG), description)
        version = _register(found.recipe, name, folder, trained_by, source=model, dataset=dataset)
    print(f"model    models:/{found.recipe}/{version}  {place}")


def _answers(model: Model, dataset: str, split: SplitName) -> Answers:
    """Return the model's answers to its first evaluator, on which its probabilities are based."""
    name = load_recipe(model.recipe).evaluators(model.config)[0]
    found = answers_of(load_evaluator(name), collect_rows(model, name, held_out(model, dataset=dataset, split=split)))
    if found is None:
        raise InputError(f"--model: one of {model.recipe} gives no yes-or-no answers; give one of another recipe")
    return found


def _describe(answers: Answers, fitted: CalibrationRecord) -> str:
    lines = [f"fitted   {fitted}".replace("`", "'")]
    for figure in calibration_figures(answers, cross_fitted(answers)):
        title = f"{figure.title}, cross-fitted by recording"
        lines.append(f"{title:<56}{figure.shown}  {figure.against}")
    return "\n".join(lines)


def _register(recipe: str, name: str, folder: str, trained_by: Run, *, source: str, dataset: str) -> str:
    """Return the new version, with a run of its own that names where its weights are from."""
    tags = {
        "stage": "calibrate",
        "finished": "True",
        "recipe": recipe,
        "run_folder": folder,
        "calibrated_from": source,
        "calibrated_from_run": trained_by.run_id,
        "code_hash": trained_by.tag("code_hash"),
        "commit": trained_by.tag("commit"),
    }
    with ending(start_run(recipe, name=name, tags=tags)) as run:
        for place in (folder, storage.join(folder, "model")):
            storage.write_bytes(storage.join(place, RUN_MARK), run.run_id.encode())
        card = read_card(dataset)
        run.log_dataset(dataset, name=dataset.rsplit("/", 1)[-1], digest=card["fingerprint"], context="calibration")
        run.log_dict(trained_by.read_dict("dataset.json"), "dataset.json")
        return register(run, recipe=recipe, folder=storage.join(folder, "model"), dataset=dataset)

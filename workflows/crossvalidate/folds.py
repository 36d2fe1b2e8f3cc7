"""The models of all folds, and what they say of the recordings that each has not seen, as one report."""

import dataclasses
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from datasets.card import read_card
from datasets.reading.selection import Selection
from infra import storage
from infra.errors import InputError
from infra.outputs import RUN_MARK
from infra.tracking import Run, ending, find_run, resume_run, start_run
from workflows.contract.figure import Figure, Rows
from workflows.contract.registry import load_evaluator, load_recipe
from workflows.evaluate.record import log_report, write_report
from workflows.evaluate.report import Report, collect_rows, held_out
from workflows.train.fit import Trial, fit
from workflows.train.job import Scaling, make_job
from workflows.trained.model import loaded

SPLIT = "crossvalidation"
_FEWEST_FOLDS = 2


def crossvalidate(
    recipe: str, config: Any, *, data: Mapping[str, str], run_name: str, num_folds: int, scaling: Scaling
) -> Report:
    """Return the report over all recordings of the first stream's dataset, written to the run's folder and to MLflow.

    Of a run that was stopped, folds that are finished are not trained again.

    Raises:
        InputError: If there are fewer than two folds, a fold has too few clips, or a training was stopped.
    """
    if num_folds < _FEWEST_FOLDS:
        raise InputError(f"--num-folds: {num_folds} leaves nothing to train on; give {_FEWEST_FOLDS} or more")
    module = load_recipe(recipe)
    dataset = data[next(iter(module.streams(config)))]
    for selection in (Selection(held_out=(fold, num_folds)) for fold in range(num_folds)):
        make_job(recipe, config, data=data, run_name=run_name, scaling=scaling, selection=selection)
    folder = storage.run_folder(run_name, field="--run-name")
    run = _open_run(folder, recipe, run_name)
    with ending(run):
        found: dict[str, list[Rows]] = {name: [] for name in module.evaluators(config)}
        for fold in range(num_folds):
            selection = Selection(held_out=(fold, num_folds))
            name = os.path.join(run_name, f"fold-{fold}")
            result = fit(
                recipe,
                config,
                data=data,
                run_name=name,
                scaling=scaling,
                selection=selection,
                trial=Trial(parent_run=run.run_id),
            )
            if not result.finished:
                raise InputError(f"--run-name: '{run_name}' was stopped in fold {fold}; the same command goes on")
            with loaded(result.model_folder, recipe=recipe) as model:
                clips = held_out(model, dataset=dataset, split="test", selection=selection)
                for evaluator, rows in found.items():
                    rows.append(collect_rows(model, evaluator, clips))
        report = _report(recipe, run, dataset, found, objective=module.objective(config).figure)
        write_report(report, folder)
        log_report(report, run)
    return report


def _open_run(folder: str, recipe: str, run_name: str) -> Run:
    record = storage.join(folder, RUN_MARK)
    earlier = find_run(storage.read_bytes(record).decode()) if storage.exists(record) else None
    if earlier is not None:
        return resume_run(earlier.run_id)
    run = start_run(recipe, name=os.path.basename(run_name), tags={"stage": SPLIT})
    storage.write_bytes(record, run.run_id.encode())
    return run


def _report(recipe: str, run: Run, dataset: str, found: Mapping[str, Sequence[Rows]], *, objective: str) -> Report:
    """Return what all folds found together, broken down by fold as by all else."""
    findings = [load_evaluator(name).summarize(_joined(folds)) for name, folds in found.items()]
    breakdowns = {name: figures for each in findings for name, figures in each.breakdowns.items()}
    return Report(
        recipe=recipe,
        run_id=run.run_id,
        dataset=dataset,
        dataset_fingerprint=read_card(dataset)["fingerprint"],
        split=SPLIT,
        figures={figure.name: figure for each in findings for figure in each.figures},
        breakdowns={**breakdowns, "fold": tuple(_by_fold(found, objective))},
        matrices={name: matrix for each in findings for name, matrix in each.matrices.items()},
        reliability={name: bins for each in findings for name, bins in each.reliability.items()},
    )


def _by_fold(found: Mapping[str, Sequence[Rows]], objective: str) -> list[Figure]:
    name, folds = next(iter(found.items()))
    summaries = [load_evaluator(name).summarize(rows) for rows in folds]
    return [
        dataclasses.replace(figure, title=f"fold {fold}")
        for fold, summary in enumerate(summaries)
        for figure in summary.figures
        if figure.name == objective
    ]


def _joined(folds: Sequence[Rows]) -> Rows:
    """Return the rows of all folds; units are numbered on."""
    joined = {name: np.concatenate([rows[name] for rows in folds]) for name in folds[0]}
    return joined | {"unit": np.arange(len(joined["unit"]))}

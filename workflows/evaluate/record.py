"""The record of an evaluation: a folder of its own, an MLflow run of its own, and a table on the model's card.

What training recorded stays as it is.
"""

import io
import itertools
import os
from collections.abc import Mapping

from matplotlib.figure import Figure as Plot

from datasets.card import read_card
from datasets.reading.profile import dataset_input
from infra import storage
from infra.outputs import writing
from infra.tracking import Run, ending, logged_model, optional, short_digest, start_run
from workflows.evaluate.plots import draw_breakdowns, draw_matrix, draw_reliability
from workflows.evaluate.report import Report
from workflows.trained.card import EVALUATED, REPORT, find_reports, write_model_card

_TABLE = ("value", "low", "high", "chance", "floor", "ceiling", "num_examples", "num_groups")


def new_folder(parent: str, *, dataset: str, split: str) -> str:
    """Return a folder for an evaluation that no earlier one has, named by dataset and split."""
    name = f"{os.path.basename(dataset)}-{split}"
    names = itertools.chain([name], (f"{name}-{number}" for number in itertools.count(2)))
    folders = (storage.join(parent, "evaluations", each) for each in names)
    return next(folder for folder in folders if not storage.exists(folder))


def record_evaluation(report: Report, folder: str, *, trained_by: Run | None) -> Run | None:
    """Write a report to a folder and to an MLflow run below the one that trained the model, whose card then shows it.

    Returns:
        The evaluation's run; None where the store does not answer.
    """
    write_report(report, folder)
    with optional("this evaluation is in no MLflow run; evaluate again for it"):
        tags = {"stage": "evaluate", EVALUATED: trained_by and trained_by.run_id, "folder": folder}
        name = f"{os.path.basename(report.dataset)} {report.split}"
        run = start_run(report.recipe, name=name, tags=tags, parent=trained_by and trained_by.run_id)
        with ending(run):
            log_report(report, run, trained_by=trained_by)
        if trained_by is not None:
            if logged_model(trained_by):
                write_model_card(trained_by)
            _link_evaluations(trained_by)
        return run
    return None


def write_report(report: Report, folder: str) -> None:
    """Write `report.json` and its plots to a folder."""
    drawn = _drawn(report)
    with writing(folder, [REPORT, *drawn]):
        storage.write_json(storage.join(folder, REPORT), report.to_dict())
        for name, figure in drawn.items():
            picture = io.BytesIO()
            figure.savefig(picture, dpi=110)
            storage.write_bytes(storage.join(folder, name), picture.getvalue())


def log_report(report: Report, run: Run, *, trained_by: Run | None = None) -> None:
    """Log a report to a run: figures as metrics of the model on the dataset, all with what they are read against as a table."""
    given = dataset_input(report.dataset, read_card(report.dataset), report.split)
    run.log_dataset(context="evaluation", **given)
    run.log_params({"dataset": report.dataset, "split": report.split, **({"part": report.part} if report.part else {})})
    model = trained_by and logged_model(trained_by)
    about = {"dataset_name": given["name"], "dataset_digest": short_digest(given["digest"])}
    run.log_metrics(
        {f"{report.split}/{name}": figure.value for name, figure in report.figures.items() if not figure.is_reference},
        about={"model_id": model.model_id, **about} if model else None,
    )
    run.log_dict(report.to_dict(), REPORT)
    run.log_table(
        {
            "figure": [figure.title for figure in report.figures.values()],
            **{name: [figure.to_dict()[name] for figure in report.figures.values()] for name in _TABLE},
        },
        "figures.json",
    )
    for name, figure in _drawn(report).items():
        run.log_figure(figure, f"plots/{name}")
    on = f"the {report.split} split of `{report.dataset}`" + (f" ({report.part})" if report.part else "")
    by = f" of the model of {trained_by.link}" if trained_by else ""
    run.describe(f"Evaluation{by} on {on}, {report.date}.")


def _link_evaluations(run: Run) -> None:
    """Have the description of a training run link to the latest evaluation of each dataset and split."""
    own = (run.tag("mlflow.note.content") or "").partition("\n\nEvaluated on ")[0]
    links = ", ".join(each.link for each, _ in find_reports(run))
    run.describe(f"{own}\n\nEvaluated on {links}" if links else own)


def _drawn(report: Report) -> Mapping[str, Plot]:
    drawn = {"accuracy.png": draw_breakdowns(report.breakdowns)} if report.breakdowns else {}
    drawn |= {"reliability.png": draw_reliability(report.reliability)} if report.reliability else {}
    return drawn | {f"{name}.png": draw_matrix(matrix) for name, matrix in report.matrices.items()}

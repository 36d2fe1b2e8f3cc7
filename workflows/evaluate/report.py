"""The report of a model on a split: what its recipe's evaluators found, for the terminal, `report.json`, the card and MLflow."""

import dataclasses
import datetime
from collections.abc import Callable
from typing import Any

from datasets.card import preparation_of, read_card
from datasets.reading.row_groups import thin_out
from datasets.reading.selection import Selection, SplitName, select_units
from infra.errors import InputError
from models.metrics.reliability import Bin
from workflows.contract.calibration import read_calibration
from workflows.contract.figure import Figure, Matrix, Rows, plain
from workflows.contract.held_out import HeldOut
from workflows.contract.registry import load_evaluator, load_recipe
from workflows.learners.learner import asking
from workflows.trained.clips import fit_to_clips
from workflows.trained.model import Model

_FEW_RECORDINGS = 30
_BATCH_SIZE = 8


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """All that is asked of a model on a split."""

    recipe: str
    run_id: str | None
    dataset: str
    dataset_fingerprint: str
    split: str
    part: str = ""
    """Which of the split's clips were asked about; empty for all."""
    date: str = dataclasses.field(default_factory=lambda: datetime.datetime.now(datetime.UTC).date().isoformat())
    """Day of the evaluation, in UTC."""
    figures: dict[str, Figure]
    breakdowns: dict[str, tuple[Figure, ...]]
    matrices: dict[str, Matrix]
    reliability: dict[str, tuple[Bin, ...]]
    calibrated_here: bool = False
    """Whether the model was calibrated on clips that were asked about."""

    @property
    def num_recordings(self) -> int:
        """Recordings that were asked about."""
        return max((figure.num_groups for figure in self.figures.values()), default=0)

    @property
    def caution(self) -> str:
        """What must be said of a small split, and of one that the model was calibrated on; empty otherwise."""
        parts = []
        if self.num_recordings < _FEW_RECORDINGS:
            parts.append(
                f"with {self.num_recordings} held-out recordings read the intervals: the values alone decide nothing"
            )
        if self.calibrated_here:
            parts.append("the model was calibrated on clips of this split: calibration is less good on new recordings")
        return "; ".join(parts)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as it is written: `figures` by name, `tables` by what they are broken down by."""
        tables: dict[str, Any] = {
            f"by_{name}": {figure.title: figure.to_dict() for figure in figures}
            for name, figures in self.breakdowns.items()
        }
        return {
            "recipe": self.recipe,
            "run_id": self.run_id,
            "dataset": self.dataset,
            "dataset_fingerprint": self.dataset_fingerprint,
            "split": self.split,
            "part": self.part,
            "date": self.date,
            "num_recordings": self.num_recordings,
            **({"caution": self.caution} if self.caution else {}),
            "figures": {name: figure.to_dict() for name, figure in self.figures.items()},
            "tables": tables
            | {name: dataclasses.asdict(matrix) for name, matrix in self.matrices.items()}
            | {
                f"reliability_{name}": [{key: plain(value) for key, value in each._asdict().items()} for each in bins]
                for name, bins in self.reliability.items()
            },
        }


def evaluate_model(
    model: Model,
    *,
    dataset: str,
    split: SplitName,
    selection: Selection = Selection(),
    most_units: int | None = None,
    collect: Callable[[Model, str, HeldOut], Rows] | None = None,
) -> Report:
    """Return the report of a model on a split, or on a part of it spread evenly where it has more than `most_units`.

    Args:
        model: the model.
        dataset: the dataset.
        split: which clips.
        selection: which of them.
        most_units: most units that are asked about.
        collect: asks the model for an evaluator; in this process if not given.

    Raises:
        InputError: If the dataset's clips are not those the model reads, or there are none.
    """
    data = held_out(model, dataset=dataset, split=split, selection=selection)
    part, whole = _describe_part(selection), data.num_units
    data = dataclasses.replace(data, groups=tuple(thin_out(data.groups, most_units)))
    if data.num_units < whole:
        part = ", ".join(filter(None, [part, f"{data.num_units} of {whole} {model.stream.unit}s"]))
    ask = collect or collect_rows
    names = load_recipe(model.recipe).evaluators(model.config)
    found = [load_evaluator(name).summarize(ask(model, name, data)) for name in names]
    fingerprint = read_card(dataset)["fingerprint"]
    calibration = read_calibration(model.description)
    return Report(
        recipe=model.recipe,
        run_id=model.run_id,
        dataset=dataset,
        dataset_fingerprint=fingerprint,
        split=split,
        part=part,
        figures={figure.name: figure for each in found for figure in each.figures},
        breakdowns={name: figures for each in found for name, figures in each.breakdowns.items()},
        matrices={name: matrix for each in found for name, matrix in each.matrices.items()},
        reliability={name: bins for each in found for name, bins in each.reliability.items()},
        calibrated_here=calibration is not None and calibration.overlaps(fingerprint, split),
    )


def held_out(
    model: Model,
    *,
    dataset: str,
    split: SplitName,
    selection: Selection = Selection(),
) -> HeldOut:
    """Return a split's clips for a model's evaluators.

    Raises:
        InputError: If they are not those the model reads, or there are none.
    """
    preparation = preparation_of(read_card(dataset))
    fit_to_clips(model, preparation, given=f"--data: '{dataset}'")
    stream = model.stream
    groups = select_units(dataset, split, unit=stream.unit, requires=stream.needed, selection=selection).groups
    if not groups:
        asked = " of these classes and folds" if selection != Selection() else ""
        raise InputError(
            f"--split: '{split}' of '{dataset}' has no {stream.unit}s{asked} that hold {', '.join(stream.needed)}; "
            "choose another split or add sources"
        )
    return HeldOut(groups=tuple(groups), preparation=preparation, batch_size=_BATCH_SIZE)


def collect_rows(model: Model, evaluator: str, data: HeldOut) -> Rows:
    """Return what a model answers an evaluator.

    Raises:
        InputError: If the model cannot be asked that, or does not read such clips.
    """
    module = load_evaluator(evaluator)
    lacking = [name for name in module.NEEDS if not hasattr(model.module, name)]
    if lacking:
        raise InputError(
            f"--model: one of the recipe {model.recipe} has no {lacking[0]}, which the evaluator {evaluator} asks for; give another model"
        )
    fitted = fit_to_clips(model, data.preparation, given="--data")
    with asking(fitted.module):
        return module.collect(fitted.module, data)


def describe_report(report: Report) -> str:
    """Return the figures of a report as a table, each beside what it must be read against."""
    rows = [(figure.title, figure.shown, figure.against) for figure in report.figures.values()]
    first, second = (max(len(row[place]) for row in rows) + 2 for place in range(2))
    lines = [f"{title:<{first}}{shown:<{second}}{against}".rstrip() for title, shown, against in rows]
    return "\n".join([*lines, *([f"caution: {report.caution}"] if report.caution else [])])


def _describe_part(selection: Selection) -> str:
    """Return the classes and folds that were asked for, in words."""
    named = (("classes", selection.classes), ("folds", selection.folds))
    return ", ".join(f"{name} {' '.join(map(str, values))}" for name, values in named if values)

"""Models on the same clips, recording by recording: the interval of a figure, and which of two has the better objective."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from infra.errors import InputError
from infra.seeding import generator
from workflows.contract.figure import Objective
from workflows.contract.registry import load_evaluator, load_recipe
from workflows.evaluate.report import collect_rows, held_out
from workflows.trained.model import Model, loaded

_NUM_RESAMPLES = 2000
_FEWEST_RECORDINGS = 10


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """The objective of both on the same clips, and the interval of the difference over recordings."""

    champion: float
    candidate: float
    difference: float
    interval: tuple[float, float]
    num_recordings: int

    @property
    def better(self) -> bool:
        """Whether the candidate is better beyond the interval; too few recordings decide nothing."""
        return self.num_recordings >= _FEWEST_RECORDINGS and self.interval[0] > 0


def compare(champion: Model, candidate: Model, *, dataset: str, split: str) -> Comparison:
    """Return how two models of one recipe do on a split: a paired bootstrap, recordings drawn with replacement.

    Raises:
        InputError: If the clips are not those that both read, or there are none.
    """
    recipe = load_recipe(champion.recipe)
    name = recipe.evaluators(champion.config)[0]
    rows = [
        collect_rows(model, name, held_out(model, dataset=dataset, split=split))  # type: ignore[arg-type]
        for model in (champion, candidate)
    ]
    if not np.array_equal(rows[0]["unit"], rows[1]["unit"]):
        raise InputError(
            f"--candidate: it and the champion read other clips of '{dataset}'; compare models that read the same"
        )
    return compare_rows(rows[0], rows[1], evaluator=name, objective=recipe.objective(champion.config))


def compare_rows(
    first: dict[str, np.ndarray], second: dict[str, np.ndarray], *, evaluator: str, objective: Objective
) -> Comparison:
    """Return the comparison of what two models answered an evaluator about the same units."""
    values, drawn = _resampled([first, second], evaluator=evaluator, figure=objective.figure)
    low, high = np.quantile(drawn[:, 1] - drawn[:, 0], [0.025, 0.975])
    return Comparison(
        champion=values[0],
        candidate=values[1],
        difference=values[1] - values[0],
        interval=(float(low), float(high)),
        num_recordings=len(np.unique(first["recording_id"])),
    )


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Spread:
    """One figure of several models on the same clips."""

    values: tuple[float, ...]
    interval: tuple[float, float]
    """95 % bootstrap interval of the first model's, over recordings."""
    lead: tuple[float, float] | None
    """The same of the first less the second, recordings drawn for both; None where there is one model."""
    num_recordings: int


def spread_over_recordings(folders: Sequence[str], *, dataset: str, figure: str, split: str = "validation") -> Spread:
    """Return how far a figure of models of one recipe is known, with recordings drawn with replacement.

    Args:
        folders: folders or URIs of the models.
        dataset: where the clips are.
        figure: name of the figure among what the recipe's first evaluator measures.
        split: which clips.

    Raises:
        InputError: If the clips are not those that the models read.
    """
    rows, name = [], ""
    for folder in folders:
        with loaded(folder) as model:
            name = load_recipe(model.recipe).evaluators(model.config)[0]
            rows.append(collect_rows(model, name, held_out(model, dataset=dataset, split=split)))  # type: ignore[arg-type]
    values, drawn = _resampled(rows, evaluator=name, figure=figure)
    ends = np.quantile(drawn[:, 0], [0.025, 0.975])
    lead = np.quantile(drawn[:, 0] - drawn[:, 1], [0.025, 0.975]) if len(rows) > 1 else None
    return Spread(
        values=tuple(values),
        interval=(float(ends[0]), float(ends[1])),
        lead=None if lead is None else (float(lead[0]), float(lead[1])),
        num_recordings=len(np.unique(rows[0]["recording_id"])),
    )


def _resampled(
    models: Sequence[dict[str, np.ndarray]], *, evaluator: str, figure: str
) -> tuple[list[float], np.ndarray]:
    """Return a figure of each model, and the same (resamples, models) with recordings drawn with replacement, alike for all."""
    measure = load_evaluator(evaluator).measure

    def value(rows: dict[str, np.ndarray], chosen: np.ndarray | slice = slice(None)) -> float:
        return measure({name: values[chosen] for name, values in rows.items()})[figure]

    recordings, index = np.unique(models[0]["recording_id"], return_inverse=True)
    members = np.split(np.argsort(index, kind="stable"), np.cumsum(np.bincount(index))[:-1])
    chance = generator("promotion")
    found = []
    for _ in range(_NUM_RESAMPLES):
        drawn = np.concatenate([members[one] for one in chance.integers(len(recordings), size=len(recordings))])
        found.append([value(rows, drawn) for rows in models])
    return [value(rows) for rows in models], np.array(found)

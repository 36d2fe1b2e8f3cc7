"""Champion and candidate on the same clips, recording by recording: which has the better objective."""

import dataclasses

import numpy as np

from infra.errors import InputError
from infra.seeding import generator
from workflows.contract.figure import Objective
from workflows.contract.registry import load_evaluator, load_recipe
from workflows.evaluate.report import collect_rows, held_out
from workflows.trained.model import Model

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
    measure = load_evaluator(evaluator).measure

    def value(rows: dict[str, np.ndarray], chosen: np.ndarray | slice = slice(None)) -> float:
        numbers = {name: values[chosen] for name, values in rows.items() if values.dtype.kind != "U"}
        return measure(numbers)[objective.figure]

    recordings, index = np.unique(first["recording_id"], return_inverse=True)
    members = np.split(np.argsort(index, kind="stable"), np.cumsum(np.bincount(index))[:-1])
    chance = generator("promotion")
    differences = []
    for _ in range(_NUM_RESAMPLES):
        drawn = np.concatenate([members[one] for one in chance.integers(len(recordings), size=len(recordings))])
        differences.append(value(second, drawn) - value(first, drawn))
    low, high = np.quantile(differences, [0.025, 0.975])
    champion, candidate = value(first), value(second)
    return Comparison(
        champion=champion,
        candidate=candidate,
        difference=candidate - champion,
        interval=(float(low), float(high)),
        num_recordings=len(recordings),
    )

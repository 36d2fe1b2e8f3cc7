"""Champion and candidate on the same clips: who is right more often, video by video."""

import dataclasses

import numpy as np

from models.metrics.binary import bootstrap_interval
from workflows.evaluate.report import score_split
from workflows.trained.model import Model


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """Accuracies on the same examples, and the interval of their difference over recordings."""

    champion: float
    candidate: float
    difference: float
    interval: tuple[float, float]
    num_recordings: int

    @property
    def better(self) -> bool:
        """Whether the candidate is better beyond the interval."""
        return self.interval[0] > 0


def compare(champion: Model, candidate: Model, *, dataset: str, split: str) -> Comparison:
    """Return how two models do on a split's pairs: a paired bootstrap, recordings drawn with replacement.

    Raises:
        InputError: If the clips are not those that both read, or there are no pairs.
    """
    scores = [score_split(model, dataset=dataset, split=split) for model in (champion, candidate)]
    first, second = (each.accuracies()["sync_accuracy"].astype(float) for each in scores)
    recordings = np.repeat(np.asarray(scores[0].windows["recording_id"])[::2], first.shape[1])
    difference = (second - first).ravel()
    return Comparison(
        champion=float(first.mean()),
        candidate=float(second.mean()),
        difference=float(difference.mean()),
        interval=_interval(difference, recordings),
        num_recordings=len(set(recordings)),
    )


def _interval(difference: np.ndarray, recordings: np.ndarray) -> tuple[float, float]:
    # Differences lie in [-1, 1]; few recordings are counted as answers, which lie in [0, 1].
    low, high = bootstrap_interval((difference + 1) / 2, clusters=recordings, seed=0)
    return 2 * low - 1, 2 * high - 1

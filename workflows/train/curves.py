"""Curves of a run by step: loss, objective, learning rate, gradient norm, speed, waiting for data; every few seconds and with each epoch.

MLflow's pages sort charts by the part of a metric's name before the slash. Loss and objective come first so: `loss/train`,
`loss/validation`, `objective/validation`, `optim/...`, `speed/...`, then all else.
"""

import time
from collections.abc import Collection, Mapping

from workflows.contract.figure import Objective

SECONDS_BETWEEN_POINTS = 5.0
OBJECTIVE_CURVE = "objective/validation"
_NAMES = {
    "objective": OBJECTIVE_CURVE,
    "train/loss": "loss/train",
    "validation/loss": "loss/validation",
    "train/learning_rate": "optim/learning_rate",
    "train/gradient_norm": "optim/gradient_norm",
    "clips_per_second": "speed/clips_per_second",
    "data_wait_share": "speed/data_wait_share",
    "seconds": "speed/seconds",
    "saving_seconds": "speed/saving_seconds",
}


_FIRST = ("objective/", "loss/")


class Curves:
    """The points of a run's curves; all workers add to them, rank 0 logs them.

    Args:
        run_id: the run.
        uri: where runs are kept.
        objective: the recipe's.
        clips_per_step: clips of the first stream that all workers read in a step.
    """

    def __init__(self, run_id: str, *, uri: str, objective: Objective, clips_per_step: int) -> None:
        from infra.tracking import Run  # seconds that the other ranks save

        self._run, self._objective, self.clips_per_step = Run(run_id, uri=uri), objective, clips_per_step
        self._logged = time.monotonic()
        self._sums: dict[str, float] = {}
        self._steps, self._seconds, self._waited = 0, 0.0, 0.0

    def add(self, means: Mapping[str, float], *, steps: int, seconds: float, waited: float) -> None:
        """Take the means of the learner's metrics over some steps, how long these took, and how long of it they waited for data."""
        for name, value in means.items():
            self._sums[name] = self._sums.get(name, 0.0) + value * steps
        self._steps, self._seconds, self._waited = self._steps + steps, self._seconds + seconds, self._waited + waited

    @property
    def is_due(self) -> bool:
        """Whether the last point is some seconds old."""
        return time.monotonic() - self._logged > SECONDS_BETWEEN_POINTS

    def log_point(self, step: int, *, epochs: float) -> None:
        """Log what was added since the last point."""
        if not self._steps:
            return
        means = {f"train/{name}": value / self._steps for name, value in self._sums.items()}
        speed = {
            "clips_per_second": self._steps * self.clips_per_step / max(self._seconds, 1e-9),
            "data_wait_share": self._waited / max(self._seconds, 1e-9),
        }
        self._log({**means, **speed, "epoch": epochs}, step)
        self._sums, self._steps, self._seconds, self._waited = {}, 0, 0.0, 0.0
        self._logged = time.monotonic()

    def log_epoch(self, metrics: Mapping[str, float], step: int, *, references: Collection[str]) -> None:
        """Log what is known only at the end of an epoch.

        Args:
            metrics: metrics of the epoch; those by step are curves already.
            step: step of the run.
            references: figures that tell of the clips and not of the model, which are left out.
        """
        shown = ("validation/", "objective", "seconds", "saving_seconds")
        hidden = {f"validation/{name}" for name in (*references, self._objective.figure)}
        self._log({name: v for name, v in metrics.items() if name.startswith(shown) and name not in hidden}, step)

    def _log(self, metrics: Mapping[str, float], step: int) -> None:
        counted = self._objective.training or self._objective.figure
        names = {**_NAMES, f"train/{counted}": "objective/train"}
        named = {names.get(name, name): value for name, value in metrics.items()}
        # Where runs are compared, MLflow takes the metric that was logged first.
        self._run.log_metrics(dict(sorted(named.items(), key=lambda item: _rank(item[0]))), step=step)


def _rank(name: str) -> int:
    return next((rank for rank, start in enumerate(_FIRST) if name.startswith(start)), len(_FIRST))

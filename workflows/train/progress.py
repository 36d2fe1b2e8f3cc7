"""How far a training is, left in a file by rank 0 and shown by the driver: step, time left, metrics, speed, the last validation."""

import time
from collections.abc import Mapping

from infra import storage

PROGRESS = "progress.json"
SECONDS_BETWEEN_SIGNS = 1.0
_HIDDEN = ("steps", "gradient_norm", "learning_rate")


class ProgressFile:
    """Writes `progress.json` now and then, which `workflows.cli.progress` shows.

    Args:
        run_folder: the run's folder.
        steps_per_epoch: steps of an epoch.
        epochs: epochs of the run.
        first_step: steps of the run that were made before this process began.
        clips_per_step: clips of the first stream that all workers read in a step.
        objective: title of the recipe's objective.
    """

    def __init__(
        self,
        run_folder: str,
        *,
        steps_per_epoch: int,
        epochs: int,
        first_step: int,
        clips_per_step: int,
        objective: str,
    ) -> None:
        self._place, self._objective = storage.join(run_folder, PROGRESS), objective
        self._steps_per_epoch, self._epochs, self._clips_per_step = steps_per_epoch, epochs, clips_per_step
        self._began, self._first_step = time.monotonic(), first_step
        self._time, self._step = self._began, first_step
        self._steps_per_second = 0.0
        self._validated: tuple[int, float] | None = None
        self._state: dict[str, object] = {}

    def show(self, epoch: int, step: int, sums: Mapping[str, float], *, learning_rate: float | None) -> None:
        """Write the progress where the last is a second old, and at the end of an epoch.

        Args:
            epoch: number of the epoch.
            step: step of the epoch.
            sums: sums of the learner's metrics over the `steps` of the epoch.
            learning_rate: that of the last step.
        """
        now, reached = time.monotonic(), epoch * self._steps_per_epoch + step
        if step != self._steps_per_epoch and now - self._time < SECONDS_BETWEEN_SIGNS:
            return
        self._steps_per_second = (reached - self._step) / max(now - self._time, 1e-9)
        self._time, self._step = now, reached
        self._state = {
            "epoch": epoch,
            "metrics": {name: value / sums["steps"] for name, value in sums.items() if name not in _HIDDEN},
            "learning_rate": learning_rate,
        }
        self._write()

    def show_validation(self, epoch: int, objective: float) -> None:
        """Write the progress with the objective of an epoch's validation."""
        self._validated = (epoch, objective)
        self._write()

    def _write(self) -> None:
        steps = self._epochs * self._steps_per_epoch
        seconds_per_step = (time.monotonic() - self._began) / max(self._step - self._first_step, 1)
        progress = {
            **self._state,
            "epochs": self._epochs,
            "step": self._step,
            "steps": steps,
            "clips_per_second": self._steps_per_second * self._clips_per_step,
            "seconds_left": seconds_per_step * (steps - self._step),
            "objective": self._objective,
            "validated": self._validated,
        }
        storage.write_json(self._place, progress)

"""Where a training loop runs: as one of Ray Train's workers, or in a process of its own, also inside a trial of Ray Tune."""

from collections.abc import Callable
from typing import Any, Protocol

import torch
from torch import nn

Report = Callable[[dict[str, Any]], None]
"""Takes the metrics of an epoch."""


class Reporter(Protocol):
    """What the loop asks of the place where it runs."""

    rank: int
    world_size: int
    device: torch.device

    def prepare(self, module: nn.Module) -> nn.Module:
        """Return a module on the device, wrapped where several workers share it."""
        ...

    def report(self, metrics: dict[str, Any]) -> None:
        """Tell of an epoch; all workers call it."""
        ...


class TrainReporter:
    """A worker of Ray Train."""

    def __init__(self) -> None:
        import ray.train
        import ray.train.torch

        context = ray.train.get_context()
        self.rank, self.world_size = context.get_world_rank(), context.get_world_size()
        self.device = ray.train.torch.get_device()
        self._train = ray.train

    def prepare(self, module: nn.Module) -> nn.Module:
        """Return a module for distributed training."""
        return self._train.torch.prepare_model(module)

    def report(self, metrics: dict[str, Any]) -> None:
        """Tell Ray Train of an epoch."""
        self._train.report(metrics)


class LocalReporter:
    """One process without Ray Train, whose calls fail outside its workers.

    Args:
        report: is told of every epoch.
    """

    def __init__(self, report: Report = lambda metrics: None) -> None:
        self.rank, self.world_size = 0, 1
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._report = report

    def prepare(self, module: nn.Module) -> nn.Module:
        """Return a module on the device."""
        return module.to(self.device)

    def report(self, metrics: dict[str, Any]) -> None:
        """Tell of an epoch."""
        self._report(metrics)

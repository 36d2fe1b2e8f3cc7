"""Where a training loop runs: as one of Ray Train's workers, or in a process of its own, also inside a trial of Ray Tune."""

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

import torch
import torch.distributed
from torch import nn

T = TypeVar("T")

Report = Callable[[dict[str, Any]], None]
"""Takes the metrics of an epoch."""


class Backend(Protocol):
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


class TrainBackend:
    """A worker of Ray Train."""

    def __init__(self) -> None:
        import ray.train
        import ray.train.torch

        context = ray.train.get_context()
        self.rank, self.world_size = context.get_world_rank(), context.get_world_size()
        self.is_first_of_machine = context.get_local_rank() == 0
        self.device = ray.train.torch.get_device()
        self._train = ray.train

    def prepare(self, module: nn.Module) -> nn.Module:
        """Return a module for distributed training."""
        return self._train.torch.prepare_model(module)

    def report(self, metrics: dict[str, Any]) -> None:
        """Tell Ray Train of an epoch."""
        self._train.report(metrics)


class LocalBackend:
    """One process without Ray Train, whose calls fail outside its workers.

    Args:
        use_gpu: whether it trains on the GPU that it sees first.
        report: is told of every epoch.
    """

    def __init__(self, *, use_gpu: bool = False, report: Report = lambda metrics: None) -> None:
        self.rank, self.world_size = 0, 1
        self.device = torch.device("cuda" if use_gpu else "cpu")
        self._report = report

    def prepare(self, module: nn.Module) -> nn.Module:
        """Return a module on the device."""
        return module.to(self.device)

    def report(self, metrics: dict[str, Any]) -> None:
        """Tell of an epoch."""
        self._report(metrics)


def gather(backend: Backend, value: T) -> list[T]:
    """Return the values of all workers, by rank."""
    if backend.world_size == 1:
        return [value]
    values: list[Any] = [None] * backend.world_size
    torch.distributed.all_gather_object(values, value)
    return values


def mean_over_workers(backend: Backend, totals: dict[str, tuple[float, float]]) -> dict[str, float]:
    """Return the means of all workers' sums and counts; nan where nothing was counted. All workers give the same names."""
    names = sorted(totals)
    table = torch.tensor([totals[name] for name in names], dtype=torch.float64)
    if backend.world_size > 1:
        table = table.to(backend.device)
        torch.distributed.all_reduce(table)
        table = table.cpu()
    return {
        name: float(total / count) if count else float("nan")
        for name, (total, count) in zip(names, table.tolist(), strict=True)
    }

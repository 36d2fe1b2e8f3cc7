"""What the loop asks of a system: the learner owns one training step, the loop owns data, cadence, checkpoints and reports."""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import torch
from torch import nn

Batches = Mapping[str, Mapping[str, Any]]
"""One batch of every named stream."""

Metrics = dict[str, float]


class Learner(Protocol):
    """One system's part of training."""

    modules: dict[str, nn.Module]
    """What the loop moves to the device and wraps for data parallelism, by name; the first is evaluated, kept and served."""

    def begin(self, *, total_steps: int, device: torch.device) -> None:
        """Prepare for training, once the modules are in place."""
        ...

    def step(self, batches: Batches) -> Metrics:
        """Learn from one batch of every stream; `loss` is among the metrics."""
        ...

    def end_epoch(self, metrics: Metrics) -> None:
        """React to the metrics of a whole epoch: stages, freezing, refits."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """Return everything beside the modules' weights that resuming needs."""
        ...

    def load_state_dict(self, state: dict[str, Any], *, done: float) -> None:
        """Take up where `state_dict` left; `done` is the share of the run that is, should it take other steps now."""
        ...


def bare(module: nn.Module) -> nn.Module:
    """Return a module without the wrapper of data parallelism."""
    return module.module if isinstance(module, nn.parallel.DistributedDataParallel) else module


def trained_module(learner: Learner) -> nn.Module:
    """Return what of a learner is evaluated, kept and served."""
    return bare(next(iter(learner.modules.values())))


@contextlib.contextmanager
def asking(module: nn.Module) -> Iterator[Any]:
    """Give a module in evaluation mode, without gradients, in the arithmetic of its device; it trains again afterwards if it did before."""
    was_training = module.training
    module.eval()
    try:
        with torch.inference_mode(), arithmetic(next(module.parameters()).device):
            yield module
    finally:
        module.train(was_training)


def arithmetic(device: torch.device) -> contextlib.AbstractContextManager[Any]:
    """Return bf16 arithmetic for a GPU; nothing elsewhere, as even a disabled autocast takes time at every step."""
    return torch.autocast("cuda", dtype=torch.bfloat16) if device.type == "cuda" else contextlib.nullcontext()

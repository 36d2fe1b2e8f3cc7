"""What the loop asks of a system, and the learner of all systems that follow a gradient."""

import contextlib
import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from workflows.contract.config import OptimConfig, ScheduleConfig

Batches = Mapping[str, Mapping[str, Any]]
"""One batch of every named stream."""

Metrics = dict[str, float]


class Learner(Protocol):
    """One system's part of training: the loop owns data, cadence and checkpoints, the learner one step."""

    modules: dict[str, nn.Module]
    """What the loop moves to the device and wraps for data parallelism, by name."""

    def begin(self, *, total_steps: int, device: torch.device) -> None:
        """Prepare for training, once the modules are in place."""
        ...

    def step(self, batches: Batches) -> Metrics:
        """Learn from one batch of every stream."""
        ...

    def evaluate(self, read: Callable[[], Iterable[Batches]]) -> dict[str, tuple[float, float]]:
        """Return sums and counts by metric, which the loop adds over workers; `read` starts over each time."""
        ...

    def end_epoch(self, metrics: Metrics) -> None:
        """React to an epoch's metrics: stages, freezing, refits."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """Return everything beside the modules' weights that resuming needs."""
        ...

    def load_state_dict(self, state: dict[str, Any], *, done: float) -> None:
        """Take up where `state_dict` left; `done` is the share of the run that is, should it take other steps now."""
        ...


class GradientLearner:
    """One module, whose call returns its loss and further metrics, one optimizer and one schedule.

    Args:
        module: called with a batch; returns scalar tensors by name, `loss` among them.
        evaluate: what validation computes from the module.
        optim: the optimizer.
        schedule: the learning rate's course.
    """

    def __init__(
        self,
        module: nn.Module,
        *,
        evaluate: Callable[[nn.Module, Callable[[], Iterable[Batches]]], dict[str, tuple[float, float]]],
        optim: OptimConfig,
        schedule: ScheduleConfig,
    ) -> None:
        self.modules = {"network": module}
        self._evaluate, self._optim, self._schedule = evaluate, optim, schedule
        self._device, self._total_steps = torch.device("cpu"), 0

    def begin(self, *, total_steps: int, device: torch.device) -> None:
        """Make the optimizer and its schedule."""
        self._device, self._total_steps = device, total_steps
        self.modules["network"].train()
        self.optimizer = make_optimizer(self._optim, self.modules["network"])
        self.scheduler = make_schedule(self._schedule, self.optimizer, total_steps)

    def step(self, batches: Batches) -> Metrics:
        """Follow the gradient of the loss once."""
        module = self.modules["network"]
        self.optimizer.zero_grad(set_to_none=True)
        with _autocast(self._device):
            values: dict[str, Tensor] = module(batches)
        values["loss"].backward()
        if self._optim.gradient_clip:
            nn.utils.clip_grad_norm_(module.parameters(), self._optim.gradient_clip, foreach=True)
        self.optimizer.step()
        self.scheduler.step()
        return {name: value.item() for name, value in values.items()}

    def evaluate(self, read: Callable[[], Iterable[Batches]]) -> dict[str, tuple[float, float]]:
        """Evaluate without gradients, on the module itself."""
        module = self.modules["network"]
        module = getattr(module, "module", module)
        module.eval()
        with torch.inference_mode(), _autocast(self._device):
            found = self._evaluate(module, read)
        module.train()
        return found

    def end_epoch(self, metrics: Metrics) -> None:
        """Do nothing: one stage."""

    def state_dict(self) -> dict[str, Any]:
        """Return optimizer and schedule."""
        return {
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.scheduler.state_dict(),
            "total_steps": self._total_steps,
        }

    def load_state_dict(self, state: dict[str, Any], *, done: float) -> None:
        """Take up optimizer and schedule; with other steps, as with more workers, the schedule is laid over them anew."""
        if state["total_steps"] == self._total_steps:
            self.optimizer.load_state_dict(state["optimizer"])
            self.scheduler.load_state_dict(state["schedule"])
            return
        fresh = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({**state["optimizer"], "param_groups": fresh})
        with warnings.catch_warnings(action="ignore"):  # the optimizer made its steps before
            for _ in range(round(done * self._total_steps)):
                self.scheduler.step()


def make_optimizer(config: OptimConfig, module: nn.Module) -> torch.optim.Optimizer:
    """Return the optimizer that a configuration names, each step in one kernel."""
    weights = [p for p in module.parameters() if p.requires_grad]
    common: dict[str, Any] = {"lr": config.lr, "weight_decay": config.weight_decay, "fused": True}
    match config.name:
        case "sgd":
            return torch.optim.SGD(weights, **common)
        case "sgd_momentum":
            return torch.optim.SGD(weights, momentum=config.momentum, **common)
        case "adam":
            return torch.optim.Adam(weights, **common)
        case "adamw":
            return torch.optim.AdamW(weights, **common)


def make_schedule(
    config: ScheduleConfig, optimizer: torch.optim.Optimizer, total_steps: int
) -> torch.optim.lr_scheduler.LRScheduler:
    """Return the schedule that a configuration names, laid over `total_steps`."""
    total_steps = max(2, total_steps)
    schedules = torch.optim.lr_scheduler
    warmup = round(config.warmup_share * total_steps)
    if config.kind == "one_cycle":
        return schedules.OneCycleLR(
            optimizer,
            max_lr=[group["lr"] for group in optimizer.param_groups],
            total_steps=total_steps + 1,
            pct_start=config.warmup_share or 0.3,
        )
    main: torch.optim.lr_scheduler.LRScheduler = (
        schedules.CosineAnnealingLR(optimizer, T_max=max(1, total_steps - warmup))
        if config.kind == "cosine"
        else schedules.ConstantLR(optimizer, factor=1.0, total_iters=0)
    )
    if not warmup:
        return main
    rise = schedules.LinearLR(optimizer, start_factor=1 / warmup, total_iters=warmup)
    return schedules.SequentialLR(optimizer, [rise, main], milestones=[warmup])


def _autocast(device: torch.device) -> contextlib.AbstractContextManager[Any]:
    """Return bf16 arithmetic for a GPU; nothing elsewhere, as even a disabled autocast takes time at every step."""
    return torch.autocast("cuda", dtype=torch.bfloat16) if device.type == "cuda" else contextlib.nullcontext()

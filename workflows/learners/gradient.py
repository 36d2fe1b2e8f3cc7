"""The learner of all systems that follow a gradient: one module, one optimizer, one schedule."""

import warnings
from typing import Any

import torch
from torch import Tensor, nn

from workflows.contract.config import OptimConfig, ScheduleConfig
from workflows.learners.learner import Batches, Metrics, arithmetic
from workflows.learners.optimizers import make_optimizer
from workflows.learners.schedules import make_schedule


class GradientLearner:
    """One module, whose call returns its loss and further metrics, one optimizer and one schedule.

    Args:
        module: called with a batch of every stream; returns scalar tensors by name, `loss` among them.
        optim: the optimizer.
        schedule: the learning rate's course.
    """

    def __init__(self, module: nn.Module, *, optim: OptimConfig, schedule: ScheduleConfig) -> None:
        self.modules = {"network": module}
        self._optim, self._schedule = optim, schedule
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
        with arithmetic(self._device):
            values: dict[str, Tensor] = module(batches)
        values["loss"].backward()
        values["gradient_norm"] = self._clipped(module)
        rate = self.optimizer.param_groups[0]["lr"]
        self.optimizer.step()
        self.scheduler.step()
        return {**{name: value.item() for name, value in values.items()}, "learning_rate": rate}

    def _clipped(self, module: nn.Module) -> Tensor:
        """Return the norm of the gradient as it was before it is clipped."""
        if self._optim.gradient_clip:
            return nn.utils.clip_grad_norm_(module.parameters(), self._optim.gradient_clip, foreach=True)
        return nn.utils.get_total_norm(
            [each.grad for each in module.parameters() if each.grad is not None], foreach=True
        )

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

"""Optimizers by name."""

from typing import Any

import torch
from torch import nn

from workflows.contract.config import OptimConfig


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

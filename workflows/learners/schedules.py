"""Learning rate schedules by name."""

import torch

from workflows.contract.config import ScheduleConfig


def make_schedule(
    config: ScheduleConfig, optimizer: torch.optim.Optimizer, total_steps: int
) -> torch.optim.lr_scheduler.LRScheduler:
    """Return the schedule that a configuration names, laid over `total_steps`; it leaves momentum as the optimizer has it."""
    total_steps = max(2, total_steps)
    schedules = torch.optim.lr_scheduler
    warmup = round(config.warmup_share * total_steps)
    if config.kind == "one_cycle":
        return schedules.OneCycleLR(
            optimizer,
            max_lr=[group["lr"] for group in optimizer.param_groups],
            total_steps=total_steps + 1,
            pct_start=config.warmup_share or 0.3,
            cycle_momentum=False,
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

"""Quick training of a small module: AdamW and a one-cycle learning rate, for the probes of the audit and the networks of the studies.

Full runs, with checkpoints, resuming and many workers, go through `workflows.train`.
"""

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor, nn

_WEIGHT_DECAY = 0.01


def train_quickly(
    module: nn.Module,
    next_loss: Callable[[], Tensor],
    *,
    steps: int,
    lr: float,
    gradient_clip: float = 0.0,
    after_step: Callable[[int], None] = lambda step: None,
) -> None:
    """Train a module in place by AdamW and a one-cycle learning rate; leave it in evaluation mode.

    Args:
        module: What is trained.
        next_loss: Called once a step, gives the loss of the module on the next batch.
        steps: Number of steps, two at least.
        lr: Highest learning rate.
        gradient_clip: Largest norm of the gradient; 0 for none.
        after_step: Called with the number of steps done after each; leaves the module in training mode.
    """
    optimizer = torch.optim.AdamW(module.parameters(), lr=lr, weight_decay=_WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, lr, total_steps=steps)
    module.train()
    for step in range(1, steps + 1):
        loss = next_loss()
        optimizer.zero_grad()
        loss.backward()
        if gradient_clip:
            nn.utils.clip_grad_norm_(module.parameters(), gradient_clip)
        optimizer.step()
        schedule.step()
        after_step(step)
    module.eval()


def shuffled_batches(rows: np.ndarray, *, size: int, chance: np.random.Generator) -> Iterator[np.ndarray]:
    """Yield batches of rows for ever, in a new order whenever fewer than `size` are left; those are left out.

    Fewer rows than `size` are one batch, each time in another order.
    """
    left = rows[:0]
    while True:
        if len(left) < size:
            left = chance.permutation(rows)
        batch, left = left[:size], left[size:]
        yield batch

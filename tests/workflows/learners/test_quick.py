"""Quick training learns, follows one cycle, and sees every row once before any again."""

import numpy as np
import pytest
import torch

from infra.seeding import generator
from workflows.learners.quick import shuffled_batches, train_quickly


def test_quick_training_fits_a_line():
    inputs = torch.linspace(-1, 1, 32)[:, None]
    module = torch.nn.Linear(1, 1)
    train_quickly(module, lambda: ((module(inputs) - 3 * inputs - 2) ** 2).mean(), steps=300, lr=0.1)
    assert not module.training
    assert module.weight.item() == pytest.approx(3, abs=0.1)
    assert module.bias.item() == pytest.approx(2, abs=0.1)


def test_quick_training_reports_every_step_in_training_mode():
    module, steps = torch.nn.Linear(1, 1), []
    train_quickly(
        module,
        lambda: module(torch.ones(1, 1)).sum(),
        steps=5,
        lr=0.1,
        after_step=lambda step: steps.append((step, module.training)),
    )
    assert steps == [(step, True) for step in range(1, 6)]


def test_quick_training_clips_the_gradient():
    norms = {}
    for clip in (0.0, 1e-3):
        module = torch.nn.Linear(1, 1)
        train_quickly(module, lambda m=module: 100 * m(torch.ones(1, 1)).sum(), steps=2, lr=0.1, gradient_clip=clip)
        norms[clip] = float(torch.stack([p.grad.norm() for p in module.parameters()]).norm())
    assert norms[0.0] == pytest.approx(100 * 2**0.5)
    assert norms[1e-3] == pytest.approx(1e-3, rel=1e-2)


def test_shuffled_batches_give_each_row_once_an_order():
    batches = shuffled_batches(np.arange(10), size=3, chance=generator("batches"))
    orders = [np.concatenate([next(batches) for _ in range(3)]) for _ in range(2)]
    assert [len(set(order)) for order in orders] == [9, 9]
    assert not np.array_equal(*orders)


def test_shuffled_batches_of_few_rows_are_all_of_them():
    batches = shuffled_batches(np.arange(4), size=8, chance=generator("batches"))
    assert [sorted(next(batches)) for _ in range(3)] == [[0, 1, 2, 3]] * 3

"""The schedule of a run that goes on with other steps is where it would have been."""

import pytest
import torch

from workflows.contract.config import OptimConfig, ScheduleConfig
from workflows.learners.gradient import GradientLearner


def learner(kind, total_steps):
    found = GradientLearner(
        torch.nn.Linear(2, 1),
        optim=OptimConfig(name="adamw", lr=0.1, weight_decay=0.0),
        schedule=ScheduleConfig(kind=kind),
    )
    found.begin(total_steps=total_steps, device=torch.device("cpu"))
    return found


def walk(found, steps):
    """Take steps; return the learning rates that they were taken with."""
    rates = []
    for _ in range(steps):
        rates.append(found.optimizer.param_groups[0]["lr"])
        found.modules["network"](torch.ones(3, 2)).sum().backward()
        found.optimizer.step()
        found.scheduler.step()
    return rates


@pytest.mark.parametrize("kind", ["one_cycle", "cosine", "constant"])
def test_half_a_run_goes_on_as_the_second_half_of_a_run_of_other_steps(kind):
    before = learner(kind, 10)
    walk(before, 5)
    after = learner(kind, 40)
    after.load_state_dict(before.state_dict(), done=0.5)
    assert walk(after, 20) == pytest.approx(walk(learner(kind, 40), 40)[20:])
    moments = next(iter(after.optimizer.state.values()))
    assert moments["step"] == 25


@pytest.mark.parametrize("kind", ["one_cycle", "cosine", "constant"])
def test_with_the_same_steps_it_goes_on_exactly(kind):
    before = learner(kind, 10)
    walk(before, 5)
    after = learner(kind, 10)
    after.load_state_dict(before.state_dict(), done=0.5)
    assert walk(after, 5) == walk(before, 5)


def test_one_cycle_leaves_momentum_as_the_optimizer_has_it():
    """Else plain SGD and SGD with momentum are the same."""
    for name, momentum in (("sgd", 0.0), ("sgd_momentum", 0.8)):
        optim = OptimConfig(name=name, lr=0.1, weight_decay=0.0, momentum=0.8)
        found = GradientLearner(torch.nn.Linear(2, 1), optim=optim, schedule=ScheduleConfig(kind="one_cycle"))
        found.begin(total_steps=10, device=torch.device("cpu"))
        walk(found, 4)
        assert found.optimizer.param_groups[0]["momentum"] == momentum

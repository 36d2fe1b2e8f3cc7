"""A scheduler goes on as if the sweep had never been interrupted."""

from types import SimpleNamespace

import pytest
from ray.tune.schedulers import TrialScheduler

from tune.schedulers import make_scheduler
from tune.trials import OBJECTIVE
from workflows.train.loop import EPOCHS_DONE

GOOD = [(epoch, 0.3) for epoch in range(1, 10)]


class Trial(SimpleNamespace):
    __hash__ = object.__hash__


def decide(scheduler, epoch, objective):
    trial = Trial(trial_id=f"new at {epoch}")
    scheduler.on_trial_add(None, trial)
    return scheduler.on_trial_result(None, trial, {EPOCHS_DONE: epoch, OBJECTIVE: objective})


@pytest.mark.parametrize("name", ["asha", "median"])
def test_a_new_trial_is_measured_against_those_that_ended_before(name):
    assert decide(make_scheduler(name, epochs=9, past=[GOOD] * 3), 1, 0.0) == TrialScheduler.STOP
    assert decide(make_scheduler(name, epochs=9), 1, 0.0) == TrialScheduler.CONTINUE


@pytest.mark.parametrize("name", ["asha", "median"])
def test_a_better_one_goes_on(name):
    assert decide(make_scheduler(name, epochs=9, past=[GOOD] * 3), 1, 0.4) == TrialScheduler.CONTINUE


@pytest.mark.parametrize("name", ["asha", "median"])
def test_nothing_is_stopped_at_its_own_end(name):
    assert decide(make_scheduler(name, epochs=9, past=[GOOD] * 3), 9, 0.0) == TrialScheduler.CONTINUE


def test_none_stops_nothing():
    assert decide(make_scheduler("none", epochs=9, past=[GOOD] * 3), 1, -1.0) == TrialScheduler.CONTINUE


@pytest.mark.parametrize("name", ["asha", "median"])
def test_a_trial_with_nothing_to_report_is_no_error(name):
    scheduler, trial = make_scheduler(name, epochs=9), Trial(trial_id="done")
    scheduler.on_trial_add(None, trial)
    assert scheduler.on_trial_result(None, trial, {"done": True}) == TrialScheduler.CONTINUE

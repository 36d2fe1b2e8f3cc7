"""A scheduler goes on as if the sweep had never been interrupted."""

from types import SimpleNamespace

import pytest
from ray.tune.schedulers import TrialScheduler

from tune.schedulers import make_scheduler, rungs, why_stopped
from workflows.train.loop import EPOCHS_DONE

OBJECTIVE = "validation/accuracy"
GOOD = [(epoch, 0.3) for epoch in range(1, 10)]


class Trial(SimpleNamespace):
    __hash__ = object.__hash__


def decide(scheduler, epoch, objective, trial=None):
    trial = trial or Trial(trial_id=f"new at {epoch}")
    scheduler.on_trial_add(None, trial)
    return scheduler.on_trial_result(None, trial, {EPOCHS_DONE: epoch, OBJECTIVE: objective})


@pytest.mark.parametrize("name", ["asha", "median"])
def test_a_new_trial_is_measured_against_those_that_ended_before(name):
    assert decide(make_scheduler(name, metric=OBJECTIVE, epochs=9, past=[GOOD] * 3), 1, 0.0) == TrialScheduler.STOP
    assert decide(make_scheduler(name, metric=OBJECTIVE, epochs=9), 1, 0.0) == TrialScheduler.CONTINUE


@pytest.mark.parametrize("name", ["asha", "median"])
def test_a_better_one_goes_on(name):
    assert decide(make_scheduler(name, metric=OBJECTIVE, epochs=9, past=[GOOD] * 3), 1, 0.4) == TrialScheduler.CONTINUE


@pytest.mark.parametrize("name", ["asha", "median"])
def test_nothing_is_stopped_at_its_own_end(name):
    assert decide(make_scheduler(name, metric=OBJECTIVE, epochs=9, past=[GOOD] * 3), 9, 0.0) == TrialScheduler.CONTINUE


def test_none_stops_nothing():
    assert (
        decide(make_scheduler("none", metric=OBJECTIVE, epochs=9, past=[GOOD] * 3), 1, -1.0) == TrialScheduler.CONTINUE
    )


@pytest.mark.parametrize("name", ["asha", "median"])
def test_a_trial_with_nothing_to_report_is_no_error(name):
    scheduler, trial = make_scheduler(name, metric=OBJECTIVE, epochs=9), Trial(trial_id="done")
    scheduler.on_trial_add(None, trial)
    assert scheduler.on_trial_result(None, trial, {"done": True}) == TrialScheduler.CONTINUE


@pytest.mark.parametrize("name", ["asha", "median"])
def test_schedulers_stop_nothing_before_the_grace_epochs_are_over(name):
    scheduler = make_scheduler(name, metric=OBJECTIVE, epochs=9, grace=4, past=[GOOD] * 3)
    assert decide(scheduler, 3, 0.0) == TrialScheduler.CONTINUE
    assert decide(scheduler, 4, 0.0) == TrialScheduler.STOP


@pytest.mark.parametrize("name", ["asha", "median"])
def test_schedulers_take_a_low_objective_for_good_where_told(name):
    scheduler = make_scheduler(name, metric=OBJECTIVE, mode="min", epochs=9, past=[GOOD] * 3)
    assert decide(scheduler, 1, 0.0) == TrialScheduler.CONTINUE
    assert decide(scheduler, 1, 0.9, Trial(trial_id="worse")) == TrialScheduler.STOP


def test_schedulers_say_why_they_stopped_a_trial():
    scheduler, trial = make_scheduler("asha", metric=OBJECTIVE, epochs=9, past=[GOOD] * 3), Trial(trial_id="bad")
    decide(scheduler, 1, 0.0, trial)
    assert why_stopped(scheduler, trial) == "0.000 after epoch 1 is not among the best 1/3 of 4 trials there"
    scheduler = make_scheduler("median", metric=OBJECTIVE, epochs=9, past=[GOOD] * 3)
    decide(scheduler, 2, 0.0, trial)
    assert (
        why_stopped(scheduler, trial)
        == "0.000 after epoch 2 and all before are worse than the median of the other trials"
    )
    assert why_stopped(scheduler, Trial(trial_id="good")) is None


def test_rungs_lie_a_factor_apart_and_before_the_last_epoch():
    assert rungs(epochs=9, grace=1, reduction_factor=3) == [1, 3]
    assert rungs(epochs=10, grace=3, reduction_factor=2) == [3, 6]
    assert rungs(epochs=3, grace=3, reduction_factor=3) == []

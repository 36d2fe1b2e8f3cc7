"""The study on disk is the sweep as Optuna's dashboard reads it: every trial by number, also after a kill."""

import dataclasses

import optuna
import pytest
from optuna.trial import TrialState

from tests.tune.test_comparison import PLAN
from tune.space import Dimension
from tune.study import SweepStudy, study_uri
from tune.trials import add_to_curve


@pytest.fixture
def plan():
    space = {
        "channels": Dimension(kind="choice", values=(8, 16)),
        "optim.lr": Dimension(kind="loguniform", values=(1e-3, 1e-1)),
    }
    return dataclasses.replace(PLAN, space=space)


def entry(number, channels, rate=0.01):
    return {"number": number, "name": f"0{number}", "fields": {"channels": channels, "optim.lr": rate}}


def known(plan):
    return optuna.load_study(study_name=plan.name, storage=study_uri(plan)).trials


def test_study_tells_running_finished_stopped_and_failed_trials_apart(plan):
    study = SweepStudy(plan, [])
    entries = [entry(number, 8, 0.01 + 0.01 * number) for number in range(4)]
    for each in entries:
        study.begin(each)
    study.report("00", 1, 0.5)
    metrics = {"validation/sync_accuracy": 0.75}
    study.end({**entries[0], "status": "finished", "metrics": metrics})
    study.end({**entries[1], "status": "stopped early", "metrics": metrics, "reason": "too low"})
    study.end({**entries[2], "status": "failed", "reason": "diverged"})
    found = known(plan)
    states = [TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL, TrialState.RUNNING]
    assert [trial.state for trial in found] == states
    assert [trial.user_attrs["name"] for trial in found] == ["00", "01", "02", "03"]
    assert (found[0].value, found[0].intermediate_values) == (0.75, {1: 0.5})
    assert found[1].user_attrs["reason"] == "too low"


def test_study_makes_up_what_a_kill_left_out(plan):
    SweepStudy(plan, []).begin(entry(0, 8))
    add_to_curve(plan, "00", {"epochs_done": 1, "validation/sync_accuracy": 0.5})
    ended = {**entry(0, 8), "status": "finished", "metrics": {"validation/sync_accuracy": 0.75}}
    SweepStudy(plan, [ended, entry(1, 16)])
    found = known(plan)
    assert [trial.state for trial in found] == [TrialState.COMPLETE, TrialState.RUNNING]
    assert found[0].intermediate_values == {1: 0.5}


def test_study_holds_a_preset_outside_the_space_and_no_confirmations(plan):
    study = SweepStudy(plan, [])
    study.begin(entry(0, 32))
    study.begin({**entry(1, 8), "confirms": "00"})
    study.end({**entry(0, 32), "status": "finished", "metrics": {"validation/sync_accuracy": 0.75}})
    assert [trial.params for trial in known(plan)] == [{"optim.lr": 0.01}]


def test_study_gives_up_a_trial_that_a_kill_kept_from_starting(plan):
    SweepStudy(plan, []).begin(entry(0, 8))
    SweepStudy(plan, []).begin(entry(0, 16))
    assert [trial.state for trial in known(plan)] == [TrialState.FAIL, TrialState.RUNNING]

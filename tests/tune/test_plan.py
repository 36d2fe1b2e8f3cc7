"""What a sweep plans: the preset first, names by content, no stop within the warm-up, a command that repeats a trial."""

import dataclasses

import pytest

from tests.tune.test_comparison import PLAN
from tune.confirm import choose, confirmations, describe_confirmation
from tune.plan import training_command
from tune.space import Dimension, default_space
from tune.trials import Entries, trial_name


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"optim.name": "adamw", "optim.lr": 0.00794, "optim.weight_decay": 0.003}, "07 adamw lr 7.9e-3 wd 3e-3"),
        ({"channels": 16, "flip": True, "optim.momentum": 0.9}, "07 channels 16 flip True momentum 0.9"),
        ({"optim.weight_decay": 0.0, "network": "a/b c"}, "07 wd 0 network a_bc"),
    ],
)
def test_trial_names_tell_order_and_content(fields, name):
    assert trial_name(7, fields) == name


def test_trials_keep_their_number_when_a_sweep_goes_on():
    plan = dataclasses.replace(PLAN, space=default_space())
    entries = Entries(plan, [])
    first = entries(plan.preset_fields)
    assert first["name"].startswith("00 preset adamw lr 1e-2")
    later = entries({"optim.name": "sgd", "optim.lr": 0.02, "optim.weight_decay": 0.1})
    again = Entries(plan, [first, later])
    assert again(later["fields"]) == later
    assert again({**later["fields"], "optim.lr": 0.03})["number"] == 2


@pytest.mark.parametrize(
    ("epochs", "space", "grace", "first"),
    [
        (9, {}, None, 3),
        (9, {}, 1, 1),
        (2, {}, None, 1),
        (9, {"schedule.warmup_share": Dimension(kind="uniform", values=(0.1, 0.6))}, None, 6),
        (9, {"schedule.kind": Dimension(kind="choice", values=("constant",))}, None, 3),
        (4, {}, 7, 4),
    ],
)
def test_trials_are_not_stopped_within_the_warm_up_of_the_learning_rate(epochs, space, grace, first):
    plan = dataclasses.replace(PLAN, epochs=epochs, space=space, grace_epochs=grace)
    assert plan.first_rung == first


def test_command_that_repeats_a_trial_names_every_field_that_differs():
    plan = dataclasses.replace(PLAN, data={"clips": "/data/my clips"}, trial_seconds=30.0)
    found = training_command(plan, {"optim.weight_decay": 0.5, "flip": False})
    assert found == (
        "python -m workflows.train multisensory --data '/data/my clips' --preset tiny --num-workers 0 --cadence.epochs 2 "
        "--cadence.validate-every 1 --cadence.max-minutes 0.5 --optim.weight-decay 0.5 --no-flip"
    )


def record(number, value, *, seed=None, of=""):
    fields = {"channels": 8 + number % 10} | ({} if seed is None else {"seed": seed})
    metrics = {"validation/sync_accuracy": value}
    name = f"{number:02d}"
    return {"number": number, "name": name, "fields": fields, "metrics": metrics, "status": "finished", "confirms": of}


def test_confirmation_takes_the_best_with_two_more_seeds_and_the_best_mean_wins():
    plan = dataclasses.replace(PLAN, confirm=2)
    records = [record(0, 0.7), record(1, 0.9), record(2, 0.8)]
    assert confirmations(records, plan) == [
        ({"channels": 9, "seed": 1}, "01"),
        ({"channels": 9, "seed": 2}, "01"),
        ({"channels": 10, "seed": 1}, "02"),
        ({"channels": 10, "seed": 2}, "02"),
    ]
    records += [record(3, 0.5, seed=1, of="01"), record(4, 0.5, seed=2, of="01")]
    records += [record(5, 0.8, seed=1, of="02"), record(6, 0.8, seed=2, of="02")]
    assert [each["name"] for each in choose(records, plan)] == ["02", "01", "00"]
    assert describe_confirmation(records, plan) == [
        "confirmed  02  mean 0.800  seeds 0.800 0.800 0.800",
        "confirmed  01  mean 0.633  seeds 0.900 0.500 0.500",
    ]

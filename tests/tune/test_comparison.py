"""A sweep's figures."""

import matplotlib.pyplot as plt

from infra.seeding import generator
from tune.comparison import figures
from tune.space import default_space, random_trials
from workflows.train.loop import OBJECTIVE


def test_all_four_are_drawn_and_none_stays_open():
    space = default_space()
    trials = random_trials(space, 6, generator("figures", 0))
    records = [
        {"name": str(number), "fields": fields, "metrics": {OBJECTIVE: 0.5 + 0.08 * number}}
        for number, fields in enumerate(trials)
    ]
    found = figures(records, space, objective="accuracy")
    assert set(found) == {
        "objective_by_field.png",
        "parallel_coordinates.png",
        "importance.png",
        "learning_rate_and_weight_decay.png",
    }
    assert plt.get_fignums() == []

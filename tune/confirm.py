"""Confirmation: the best trials of a sweep again with other seeds, since the best of many had luck; then the best mean wins."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tune.comparison import ranked
from tune.plan import SweepPlan
from tune.space import Fields
from tune.trials import FINISHED

NUM_SEEDS = 2
"""Further seeds of each."""


def finished(records: Sequence[Mapping[str, Any]], plan: SweepPlan) -> list[Mapping[str, Any]]:
    """Return the trials of the search that finished, the best first."""
    return [record for record in ranked(records, plan) if record.get("status") == FINISHED]


def confirmations(records: Sequence[Mapping[str, Any]], plan: SweepPlan) -> list[tuple[Fields, str]]:
    """Return the fields of the trials that confirm the best, each with the name of the trial that it repeats."""
    found = []
    for record in finished(records, plan)[: plan.confirm]:
        first = record["fields"].get("seed", plan.config.seed)
        found += [({**record["fields"], "seed": first + step}, record["name"]) for step in range(1, NUM_SEEDS + 1)]
    return found


def confirmed(records: Sequence[Mapping[str, Any]], plan: SweepPlan) -> dict[str, list[float]]:
    """Return the objectives over the seeds of every trial that was confirmed, by its name; nan for a seed that failed."""
    found: dict[str, list[float]] = {}
    for record in records:
        if record.get("confirms") and record.get("status"):
            original = next(each for each in records if each["name"] == record["confirms"])
            found.setdefault(original["name"], [plan.value(original)]).append(plan.value(record))
    return found


def choose(records: Sequence[Mapping[str, Any]], plan: SweepPlan) -> list[Mapping[str, Any]]:
    """Return the trials that finished, the chosen one first: by the mean over seeds where there are several."""
    order, means = finished(records, plan), confirmed(records, plan)
    sign = -1 if plan.mode == "max" else 1

    def cost(record: Mapping[str, Any]) -> tuple[float, float]:
        mean = float(np.mean(means[record["name"]])) if record["name"] in means else math.nan
        return (math.inf if math.isnan(mean) else sign * mean, plan.cost(record))

    return sorted(order, key=cost)


def describe_confirmation(records: Sequence[Mapping[str, Any]], plan: SweepPlan) -> list[str]:
    """Return a line for each trial that was confirmed: the objective of every seed, and the mean."""
    found = confirmed(records, plan)
    width = max(map(len, found), default=0)
    return [
        f"confirmed  {name:<{width}}  mean {np.mean(values):.3f}  seeds {' '.join(f'{value:.3f}' for value in values)}"
        for name, values in sorted(found.items(), key=lambda item: -np.mean(item[1]) if plan.mode == "max" else 0)
    ]

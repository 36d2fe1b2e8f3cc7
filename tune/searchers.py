"""What gives Ray Tune the next trial: a list, or Optuna's sampler. No trial is given twice."""

import math
from collections.abc import Callable, Collection
from typing import Any, Literal

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState
from ray.tune.search import Searcher

from infra.seeding import generator
from tune.plan import Mode
from tune.space import Dimension, Fields, Space, contains, identity, num_combinations, random_trials

optuna.logging.set_verbosity(optuna.logging.ERROR)

DIRECTIONS: dict[Mode, Literal["minimize", "maximize"]] = {"max": "maximize", "min": "minimize"}
_MOST_REPEATS = 20
"""Proposals that were tried already, after which one is drawn at random: the surer the sampler, the more it repeats itself."""


class _Searcher(Searcher):
    """What both have in common: Tune's own checkpoints are not used.

    Args:
        entry: makes of fields what Tune hands to a trial.
    """

    def __init__(self, entry: Callable[[Fields], dict[str, Any]]) -> None:
        super().__init__(metric="objective", mode="max")
        self._entry = entry

    def on_trial_complete(self, trial_id: str, result: dict | None = None, error: bool = False) -> None:
        """Nothing is learned from a trial."""

    def save(self, checkpoint_path: str) -> None:
        """Nothing is kept: the records are."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing is kept: the records are."""


class ListSearcher(_Searcher):
    """Gives the trials of a list, one after another.

    Args:
        trials: their fields.
        entry: makes of fields what Tune hands to a trial.
    """

    def __init__(self, trials: Collection[Fields], *, entry: Callable[[Fields], dict[str, Any]]) -> None:
        super().__init__(entry)
        self._waiting = list(trials)

    def suggest(self, trial_id: str) -> Any:
        """Return the next trial, or that there are no more."""
        return self._entry(self._waiting.pop(0)) if self._waiting else Searcher.FINISHED


class OptunaSearcher(_Searcher):
    """Gives what Optuna's sampler (TPE) proposes from what the others came to.

    Args:
        space: what is searched.
        first: trials that come first, also where they lie outside the space.
        ended: trials that ended, with their objective, NaN where they have none; they never come again.
        metric: what trials are compared by.
        mode: whether a high or a low metric is good.
        seed: seed of the proposals.
        entry: makes of fields what Tune hands to a trial.
    """

    def __init__(
        self,
        space: Space,
        *,
        first: Collection[Fields],
        ended: Collection[tuple[Fields, float]],
        metric: str,
        mode: Mode,
        seed: int,
        entry: Callable[[Fields], dict[str, Any]],
    ) -> None:
        super().__init__(entry)
        self._space, self._metric_name, self._chance = space, metric, generator("proposals", seed)
        self._distributions = distributions(space)
        sampler = optuna.samplers.TPESampler(seed=seed)
        self._study = optuna.create_study(direction=DIRECTIONS[mode], sampler=sampler)
        self._given: dict[str, Fields] = {}
        self._asked: dict[str, optuna.Trial] = {}
        self._taken = {identity(fields): fields for fields, _ in ended}
        self._first = [fields for fields in first if identity(fields) not in self._taken]
        for fields, value in ended:
            self._learn(fields, value)

    def suggest(self, trial_id: str) -> Any:
        """Return a trial that there was not yet, or that there are no more."""
        if trial_id not in self._given:
            if not self._first and self._num_taken >= num_combinations(self._space):
                return Searcher.FINISHED
            fields = self._first.pop(0) if self._first else self._ask(trial_id)
            self._given[trial_id] = self._taken[identity(fields)] = fields
        return self._entry(self._given[trial_id])

    def on_trial_complete(self, trial_id: str, result: dict | None = None, error: bool = False) -> None:
        """Learn what a trial came to."""
        value = (result or {}).get(self._metric_name, math.nan)
        asked = self._asked.pop(trial_id, None)
        if asked is None:
            self._learn(self._given[trial_id], value)
        elif math.isnan(value):
            self._study.tell(asked, state=TrialState.FAIL)
        else:
            self._study.tell(asked, value)

    @property
    def _num_taken(self) -> int:
        return sum(contains(self._space, fields) for fields in self._taken.values())

    def _learn(self, fields: Fields, value: float) -> None:
        if not math.isnan(value) and contains(self._space, fields):
            self._study.add_trial(
                optuna.trial.create_trial(params=fields, distributions=self._distributions, value=value)
            )

    def _ask(self, trial_id: str) -> Fields:
        for _ in range(_MOST_REPEATS):
            asked = self._study.ask(self._distributions)
            fields = {field: dimension.nearest(asked.params[field]) for field, dimension in self._space.items()}
            if identity(fields) not in self._taken:
                self._asked[trial_id] = asked
                return fields
            self._study.tell(asked, state=TrialState.FAIL)
        (fields,) = random_trials(self._space, 1, self._chance, taken=self._taken.values())
        return fields


def distributions(space: Space) -> dict[str, BaseDistribution]:
    """Return a space in Optuna's words."""
    return {field: _distribution(dimension) for field, dimension in space.items()}


def _distribution(dimension: Dimension) -> BaseDistribution:
    if dimension.kind == "choice":
        return CategoricalDistribution(dimension.values)
    if dimension.kind == "int":
        return IntDistribution(*dimension.values)
    if dimension.kind == "quniform":
        low, _, step = dimension.values
        last = dimension.nth(int(dimension.num_values) - 1)
        whole = all(isinstance(value, int) for value in dimension.values)
        return IntDistribution(low, last, step=step) if whole else FloatDistribution(low, last, step=step)
    return FloatDistribution(*dimension.values, log=dimension.kind == "loguniform")

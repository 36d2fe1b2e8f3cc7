"""What gives Ray Tune the next trial: a list, or Optuna's sampler. No trial is given twice."""

import math
from collections.abc import Collection
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.trial import TrialState
from ray.tune.search import Searcher

from infra.seeding import generator
from tune.space import Dimension, Fields, Space, num_combinations, random_trials
from tune.trials import trial_name
from workflows.train.loop import OBJECTIVE

optuna.logging.set_verbosity(optuna.logging.ERROR)

_MOST_REPEATS = 20
"""Proposals that were tried already, after which one is drawn at random: the surer the sampler, the more it repeats itself."""


class _Searcher(Searcher):
    """What both have in common: Tune's own checkpoints are not used."""

    def __init__(self) -> None:
        super().__init__(metric=OBJECTIVE, mode="max")

    def on_trial_complete(self, trial_id: str, result: dict | None = None, error: bool = False) -> None:
        """Nothing is learned from a trial."""

    def save(self, checkpoint_path: str) -> None:
        """Nothing is kept: the records are."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing is kept: the records are."""


class ListSearcher(_Searcher):
    """Gives the trials of a list, one after another."""

    def __init__(self, trials: Collection[Fields]) -> None:
        super().__init__()
        self._waiting = list(trials)

    def suggest(self, trial_id: str) -> Any:
        """Return the next trial's fields, or that there are no more."""
        return self._waiting.pop(0) if self._waiting else Searcher.FINISHED


class OptunaSearcher(_Searcher):
    """Gives what Optuna's sampler (TPE) proposes from what the others came to.

    Args:
        space: what is searched.
        begun: trials that were begun and did not end; they come first.
        ended: trials that ended, with their objective, NaN where they have none; they never come again.
        seed: seed of the proposals.
    """

    def __init__(
        self, space: Space, *, begun: Collection[Fields], ended: Collection[tuple[Fields, float]], seed: int
    ) -> None:
        super().__init__()
        self._space, self._chance = space, generator("proposals", seed)
        self._distributions = {field: _distribution(dimension) for field, dimension in space.items()}
        self._study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed))
        self._asked: dict[str, optuna.Trial] = {}
        self._taken = {trial_name(fields): fields for fields, _ in ended}
        for fields in begun:
            self._study.enqueue_trial(fields)
        for fields, value in ended:
            if not math.isnan(value):
                known = optuna.trial.create_trial(params=fields, distributions=self._distributions, value=value)
                self._study.add_trial(known)

    def suggest(self, trial_id: str) -> Any:
        """Return fields that no trial had, or that there are no more."""
        if trial_id not in self._asked:
            if len(self._taken) >= num_combinations(self._space):
                return Searcher.FINISHED
            asked = self._ask()
            self._asked[trial_id], self._taken[trial_name(asked.params)] = asked, asked.params
        return self._asked[trial_id].params

    def on_trial_complete(self, trial_id: str, result: dict | None = None, error: bool = False) -> None:
        """Learn what a trial came to."""
        value = (result or {}).get(OBJECTIVE, math.nan)
        if math.isnan(value):
            self._study.tell(self._asked[trial_id], state=TrialState.FAIL)
        else:
            self._study.tell(self._asked[trial_id], value)

    def _ask(self) -> optuna.Trial:
        for _ in range(_MOST_REPEATS):
            asked = self._study.ask(self._distributions)
            if trial_name(asked.params) not in self._taken:
                return asked
            self._study.tell(asked, state=TrialState.FAIL)
        (fields,) = random_trials(self._space, 1, self._chance, taken=self._taken.values())
        self._study.enqueue_trial(fields)
        return self._study.ask(self._distributions)


def _distribution(dimension: Dimension) -> BaseDistribution:
    if dimension.kind == "choice":
        return CategoricalDistribution(dimension.values)
    return FloatDistribution(*dimension.values, log=dimension.kind == "loguniform")

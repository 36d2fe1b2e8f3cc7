"""The sweep as an Optuna study, `optuna.db` in its run folder: Optuna's dashboard and figures open it while the sweep runs."""

import datetime
import math
import os
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from infra import storage
from tune.plan import SweepPlan
from tune.searchers import DIRECTIONS, distributions
from tune.trials import FAILED, FINISHED, read_curve

_STATES = {FINISHED: TrialState.COMPLETE, FAILED: TrialState.FAIL}


class SweepStudy:
    """Writes the study as the trials go on; one that goes on with a sweep makes up what a kill left out.

    Args:
        plan: the sweep.
        records: what is on record of its trials.
    """

    def __init__(self, plan: SweepPlan, records: Sequence[Mapping[str, Any]]) -> None:
        self._plan, self._distributions = plan, distributions(plan.space)
        os.makedirs(plan.folder, exist_ok=True)
        with warnings.catch_warnings(action="ignore"):  # names of metrics are experimental
            self._storage = optuna.storages.RDBStorage(study_uri(plan))
            self.study = optuna.create_study(
                study_name=plan.name, storage=self._storage, direction=DIRECTIONS[plan.mode], load_if_exists=True
            )
            self.study.set_metric_names([plan.title])
        self._ids: dict[str, int] = {}
        names = {record["name"] for record in records}
        for trial in self.study.get_trials(deepcopy=False):
            if trial.user_attrs["name"] in names:
                self._ids[trial.user_attrs["name"]] = trial._trial_id
            elif not trial.state.is_finished():  # a kill came before it started
                self._storage.set_trial_state_values(trial._trial_id, TrialState.FAIL)
        for record in records:
            self.begin(record)
            for epoch, value in read_curve(plan, record["name"]):
                self.report(record["name"], epoch, value)
            if record.get("status"):
                self.end(record)

    def begin(self, record: Mapping[str, Any]) -> None:
        """Add a trial that runs; of a preset outside the space only the fields inside are known to the study."""
        if record["name"] in self._ids or record.get("confirms"):
            return
        space, fields = self._plan.space, record["fields"]
        inside = [name for name in space if space[name].holds(fields[name])]
        template = FrozenTrial(
            number=-1,
            trial_id=-1,
            state=TrialState.RUNNING,
            value=None,
            datetime_start=datetime.datetime.now(),
            datetime_complete=None,
            params={name: fields[name] for name in inside},
            distributions={name: self._distributions[name] for name in inside},
            user_attrs={"name": record["name"], "run_folder": storage.join(self._plan.folder, record["name"])},
            system_attrs={},
            intermediate_values={},
        )
        self._ids[record["name"]] = self._storage.create_new_trial(self.study._study_id, template_trial=template)

    def report(self, name: str, epoch: int, value: float) -> None:
        """Add a running trial's objective after an epoch."""
        if self._is_running(name):
            self._storage.set_trial_intermediate_value(self._ids[name], epoch, value)

    def end(self, record: Mapping[str, Any]) -> None:
        """End a trial as its record says: complete, pruned or failed, with the reason."""
        name = record["name"]
        if not self._is_running(name):
            return
        if record.get("reason"):
            self._storage.set_trial_user_attr(self._ids[name], "reason", record["reason"])
        value, state = self._plan.value(record), _STATES.get(record["status"], TrialState.PRUNED)
        if state == TrialState.COMPLETE and math.isnan(value):
            state = TrialState.FAIL
        known = state != TrialState.FAIL and not math.isnan(value)
        self._storage.set_trial_state_values(self._ids[name], state, [value] if known else None)

    def _is_running(self, name: str) -> bool:
        return name in self._ids and not self._storage.get_trial(self._ids[name]).state.is_finished()


def study_uri(plan: SweepPlan) -> str:
    """Return where a sweep's study lies, in the words of Optuna's `storage`."""
    return f"sqlite:///{storage.join(plan.folder, 'optuna.db')}"

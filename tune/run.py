"""A sweep from its plan to its table, and on from wherever it was killed."""

import dataclasses
import math
import os
import time
from typing import Any

from infra import cluster, storage
from infra.errors import InputError
from infra.tracking import Run, describe_page, ending, optional, resume_run, start_run
from tune.comparison import figures, ranked, table
from tune.plan import SweepPlan, write_sweep_plan
from tune.ray_tune import fitting_trials, run_trials
from tune.searchers import ListSearcher, OptunaSearcher
from tune.trials import FINISHED, close_run, read_records, trial_name
from workflows.cli.progress import ProgressLine
from workflows.contract.registry import load_recipe
from workflows.train.loop import OBJECTIVE
from workflows.train.register import register


def carry_out(plan: SweepPlan, *, max_concurrent: int) -> None:
    """Run what a plan's records say is not done, then compare all trials.

    Raises:
        InputError: If not one trial can run at a time.
    """
    if max_concurrent < 1:
        raise InputError(f"--max-concurrent: {max_concurrent} is below 1; give 1 or more")
    began = time.monotonic()
    with cluster.running(dashboard=plan.workers_per_trial > 0):
        at_a_time = fitting_trials(plan, max_concurrent)
        if at_a_time < max_concurrent:
            print(f"{at_a_time} of {max_concurrent} trials fit at a time", flush=True)
        run, plan = _open(plan)
        with ending(run):
            _run(plan, at_a_time)
            _conclude(plan, run, time.monotonic() - began)


def _open(plan: SweepPlan) -> tuple[Run, SweepPlan]:
    """Return the sweep's run and the plan that names it, on record."""
    if plan.parent_run:
        return resume_run(plan.parent_run), plan
    run = start_run(plan.recipe, name=plan.name, tags={"stage": "sweep"})
    options = {name: value for name, value in dataclasses.asdict(plan).items() if name not in ("trials", "parent_run")}
    run.log_params(options)
    plan = dataclasses.replace(plan, parent_run=run.run_id)
    write_sweep_plan(plan)
    return run, plan


def _run(plan: SweepPlan, at_a_time: int) -> None:
    records = {record["name"]: record for record in read_records(plan)}
    ended = [record for record in records.values() if record.get("status")]
    count = plan.num_trials - len(ended)
    if count <= 0:
        return
    if plan.search == "optuna":
        begun = [record["fields"] for record in records.values() if not record.get("status")]
        known = [(record["fields"], record.get("metrics", {}).get(OBJECTIVE, math.nan)) for record in ended]
        searcher = OptunaSearcher(plan.space, begun=begun, ended=known, seed=plan.seed + len(ended))
    else:
        names = {record["name"] for record in ended}
        searcher = ListSearcher([fields for fields in plan.trials if trial_name(fields) not in names])
    progress = ProgressLine()

    def show(record: dict[str, Any], num_ended: int) -> None:
        objective = record.get("metrics", {}).get(OBJECTIVE)
        note = f"{record['name']} {record['status']}" + ("" if objective is None else f" at {objective:.3f}")
        progress("trials", num_ended, plan.num_trials, note)

    run_trials(plan, searcher, count=count, max_concurrent=at_a_time, progress=show)
    progress.close()


def _conclude(plan: SweepPlan, run: Run, seconds: float) -> None:
    """Write table and figures, register the best trial that finished, and say so."""
    records = read_records(plan)
    for record in records:
        close_run(plan, record)
    objective = load_recipe(plan.recipe).objective(plan.config)
    shown = table(records, plan.space, objective=objective.title)
    storage.write_bytes(storage.join(plan.folder, "table.md"), shown.encode())
    run.log_artifact(os.path.join(plan.folder, "table.md"))
    for name, figure in figures(records, plan.space, objective=objective.title).items():
        run.log_figure(figure, name)
        figure.savefig(os.path.join(plan.folder, name), dpi=110)
    print(shown)
    finished = [record for record in ranked(records) if record.get("status") == FINISHED]
    if finished:
        best = finished[0]
        folder = storage.join(plan.folder, best["name"], "model")
        name = "not registered"
        with optional(f"the best model is not registered; `tune.sweep` with --resume {plan.name} does it"):
            dataset = next(iter(plan.data.values()))
            version = register(Run(best["run_id"]), recipe=plan.recipe, folder=folder, dataset=dataset)
            name = f"models:/{plan.recipe}/{version}"
        run.set_tags({"best_trial": best["name"]})
        run.log_metrics({"best_objective": best["metrics"][OBJECTIVE]})
        print(f"best     {best['name']}  {name}  {folder}")
    left = plan.num_trials - sum(1 for record in records if record.get("status"))
    if left:
        print(f"warning  {left} of {plan.num_trials} trials did not end; go on with --resume {plan.name}")
    print(f"sweep    {plan.name}, {len(records)} trials in {seconds:.0f} s  {plan.folder}")
    print(describe_page(run))

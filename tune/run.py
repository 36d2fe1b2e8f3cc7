"""A sweep from its plan to its winner, and on from wherever it was killed."""

import dataclasses
import math
import os
import shlex
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from datasets.card import read_card
from datasets.reading.profile import dataset_input
from infra import cluster, storage
from infra.errors import InputError
from infra.tracking import Run, describe_page, ending, optional, resume_run, start_run
from tune.comparison import aligned, as_csv, as_markdown, table_rows
from tune.confirm import NUM_SEEDS, choose, confirmations, describe_confirmation
from tune.figures import describe_importance, figures_page, parameter_importance
from tune.live import LiveSweep
from tune.plan import SweepPlan, training_command, write_sweep_plan
from tune.ray_tune import fitting_trials, run_trials
from tune.schedulers import rungs
from tune.searchers import ListSearcher, OptunaSearcher
from tune.space import identity, with_fields
from tune.study import SweepStudy, study_uri
from tune.trials import Entries, close_run, read_records
from workflows.promote.comparison import Spread, spread_over_recordings
from workflows.train.register import register


class _NothingFinishedError(Exception):
    """No trial came to an end that could be registered."""


def carry_out(plan: SweepPlan, *, max_concurrent: int) -> None:
    """Run what a plan's records say is not done, then compare all trials; exits with status 1 where none finished.

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
        try:
            with ending(run):
                _run(plan, at_a_time)
                _conclude(plan, run, time.monotonic() - began)
        except _NothingFinishedError:
            sys.exit(1)


def _open(plan: SweepPlan) -> tuple[Run, SweepPlan]:
    """Return the sweep's run and the plan that names it, on record."""
    if plan.parent_run:
        return resume_run(plan.parent_run), plan
    run = start_run(plan.recipe, name=plan.name, tags={"stage": "sweep"})
    options = {name: value for name, value in dataclasses.asdict(plan).items() if name not in ("trials", "parent_run")}
    run.log_params(options | {"objective": plan.figure})
    for dataset in plan.data.values():
        run.log_dataset(context="training", **dataset_input(dataset, read_card(dataset), "train"))
    run.describe(_about(plan))
    plan = dataclasses.replace(plan, parent_run=run.run_id)
    write_sweep_plan(plan)
    return run, plan


def _about(plan: SweepPlan) -> str:
    """Return what a sweep's description begins with."""
    data = ", ".join(f"`{dataset}`" for dataset in plan.data.values())
    return f"Sweep of {plan.recipe} over {', '.join(plan.space)}, on {data}, by {plan.title}"


def _run(plan: SweepPlan, at_a_time: int) -> None:
    """Run the search and then the confirmation; Ctrl-C is answered at once."""
    records = read_records(plan)
    ended = [record for record in records if record.get("status")]
    total = plan.num_trials + NUM_SEEDS * plan.confirm
    print(_describe_plan(plan, at_a_time), flush=True)
    try:
        with LiveSweep(plan, ended, total=total, at_a_time=at_a_time) as live:
            shared: dict[str, Any] = {"max_concurrent": at_a_time, "study": SweepStudy(plan, records), "live": live}
            entries = Entries(plan, records)
            count = plan.num_trials - sum(not record.get("confirms") for record in ended)
            if count > 0:
                run_trials(plan, _searcher(plan, records, entries), count=count, scheduler=plan.scheduler, **shared)
            _confirm(plan, entries, shared)
    except (KeyboardInterrupt, SystemExit):
        records = read_records(plan)
        ended = [record for record in records if record.get("status")]
        print(f"stopped  {len(ended)} of {total} trials ended; go on with --resume {plan.name}", flush=True)
        for record in records:
            close_run(plan, record)
        raise


def _searcher(plan: SweepPlan, records: Sequence[Mapping[str, Any]], entries: Entries) -> Any:
    """Return what gives the trials that there were not yet, and those that were begun again."""
    own = [record for record in records if not record.get("confirms")]
    ended = [record for record in own if record.get("status")]
    if plan.search != "optuna":
        past = {identity(record["fields"]) for record in ended}
        return ListSearcher([fields for fields in plan.trials if identity(fields) not in past], entry=entries)
    return OptunaSearcher(
        plan.space,
        first=[*(record["fields"] for record in own if not record.get("status")), plan.preset_fields],
        ended=[(record["fields"], plan.value(record)) for record in ended],
        metric=plan.metric,
        mode=plan.mode,
        seed=plan.seed + len(ended),
        entry=entries,
    )


def _confirm(plan: SweepPlan, entries: Entries, shared: Mapping[str, Any]) -> None:
    """Run the best trials again with other seeds."""
    records = read_records(plan)
    past = {identity(record["fields"]) for record in records if record.get("status")}
    left = [(fields, of) for fields, of in confirmations(records, plan) if identity(fields) not in past]
    if not left:
        return
    names = {identity(fields): of for fields, of in left}
    print(f"confirming the best {plan.confirm} with {NUM_SEEDS} more seeds each", flush=True)
    searcher = ListSearcher(
        [fields for fields, _ in left], entry=lambda fields: entries(fields, confirms=names[identity(fields)])
    )
    run_trials(plan, searcher, count=len(left), scheduler="none", **shared)


def _describe_plan(plan: SweepPlan, at_a_time: int) -> str:
    """Return what will happen: how many trials, how they are compared and when they are stopped."""
    epochs, first = plan.config.cadence.epochs, plan.first_rung
    better = "higher" if plan.mode == "max" else "lower"
    line = f"sweep    {plan.name}: {plan.num_trials} trials of at most {epochs} epochs, {at_a_time} at a time, by {plan.title} ({better} is better)"
    warmup = f" (the learning rate's warm-up lasts {plan.warmup_epochs})" if plan.warmup_epochs else ""
    if plan.scheduler == "none" or first >= epochs:
        return f"{line}\nstopping none" + (f" before their end{warmup}" if plan.scheduler != "none" else "")
    if plan.scheduler == "median":
        return f"{line}\nstopping what is worse than the others' median, from epoch {first} on{warmup}"
    steps = ", ".join(map(str, rungs(epochs=epochs, grace=first, reduction_factor=plan.reduction_factor)))
    return f"{line}\nstopping all but the best 1/{plan.reduction_factor} after epoch {steps}{warmup}"


def _conclude(plan: SweepPlan, run: Run, seconds: float) -> None:
    """Write tables and figures, register the chosen trial, and say so.

    Raises:
        _NothingFinishedError: If there is none.
    """
    records = read_records(plan)
    for record in records:
        close_run(plan, record)
    study = SweepStudy(plan, records).study
    rows = table_rows(records, plan)
    files = {"table.md": as_markdown(rows), "table.csv": as_csv(records, plan)}
    importance = describe_importance(study, plan.space, parameter_importance(study, plan.space))
    page = figures_page(study, plan.space, objective=plan.title, importance=importance)
    files |= {"figures.html": page} if page is not None else {}
    for name, text in files.items():
        storage.write_bytes(storage.join(plan.folder, name), text.encode())
        run.log_artifact(os.path.join(plan.folder, name))
    print(aligned(rows))
    print("\n".join(describe_confirmation(records, plan)), end="\n" if plan.confirm else "")
    order = choose(records, plan)
    if order:
        _announce(plan, run, order)
    print(importance)
    left = plan.num_trials - sum(1 for record in records if record.get("status") and not record.get("confirms"))
    if left:
        print(f"warning  {left} of {plan.num_trials} trials did not end; go on with --resume {plan.name}")
    print(f"files    {' '.join(files)} in {plan.folder}")
    print(f"study    optuna-dashboard {shlex.quote(study_uri(plan))}")
    print(f"sweep    {plan.name}, {len(records)} trials in {seconds:.0f} s")
    print(describe_page(run))
    if not order:
        print(_describe_failure(records), file=sys.stderr)
        raise _NothingFinishedError


def _announce(plan: SweepPlan, run: Run, order: Sequence[Mapping[str, Any]]) -> None:
    """Register the best trial and print its objective, its configuration and the command that repeats it."""
    best, folder = order[0], storage.join(plan.folder, order[0]["name"], "model")
    name = "not registered"
    own, dataset = Run(best["run_id"]), next(iter(plan.data.values()))
    with optional(f"the best model is not registered; `tune.sweep` with --resume {plan.name} does it"):
        version = register(own, recipe=plan.recipe, folder=folder, dataset=dataset)
        name = f"models:/{plan.recipe}/{version}"
    command = training_command(plan, best["fields"])
    run.set_tags({"best_trial": best["name"], "best_command": command})
    run.log_metrics({"best_objective": plan.value(best)})
    run.describe(f"{_about(plan)}\n\nBest: {own.link}, {plan.title} {plan.value(best):.3f}, {name}")
    folders = [storage.join(plan.folder, each["name"], "model") for each in order[:2]]
    spread = spread_over_recordings(folders, dataset=next(iter(plan.data.values())), figure=plan.figure)
    print(f"best     {best['name']}  {name}  {shlex.quote(folder)}")
    print("\n".join(describe_spread(plan, order, spread)))
    print("configuration of the best, * where it was searched")
    for field, value in _flat(dataclasses.asdict(with_fields(plan.config, best["fields"]))).items():
        print(f"  {'*' if field in plan.space else ' '} {field:<28}{value}")
    print(f"repeat   {command}")


def describe_spread(plan: SweepPlan, order: Sequence[Mapping[str, Any]], spread: Spread) -> list[str]:
    """Return the interval of the best trial's objective, and what is known of its lead over the second."""
    (low, high), num_recordings = spread.interval, spread.num_recordings
    known, kept = plan.value(order[0]), spread.values[0]
    again = "" if math.isclose(known, kept, abs_tol=5e-4) else f"{known:.3f} before calibration, as it is kept "
    lines = [
        f"         {plan.title} {again}{kept:.3f} [{low:.3f}, {high:.3f}] over {num_recordings} validation recordings, "
        f"chosen as the best of {len(order)}"
    ]
    if len(order) > 1 and spread.lead is not None:
        where = "within" if low <= spread.values[1] <= high else "outside"
        least, most = spread.lead
        verdict = "which may be chance" if least <= 0 <= most else "which is beyond chance"
        lines.append(
            f"second   {order[1]['name']}: {spread.values[1]:.3f}, {where} that interval; on the same recordings the best "
            f"differs by [{least:+.3f}, {most:+.3f}], {verdict}"
        )
    return lines


def _describe_failure(records: Sequence[Mapping[str, Any]]) -> str:
    lines = [f"error: none of {len(records)} trials finished, so that nothing is registered:"]
    for record in records:
        lines.append(
            f"  {record['name']}: {record.get('status') or 'not ended'}, {record.get('reason') or 'no reason'}"
        )
    return "\n".join(lines)


def _flat(nested: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in nested.items():
        found |= _flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {f"{prefix}{name}": value}
    return found

"""A sweep's trials beside each other, the best first: aligned for a terminal, as Markdown and as CSV."""

import csv
import io
import math
from collections.abc import Mapping, Sequence
from typing import Any

from tune.plan import SweepPlan

_Record = Mapping[str, Any]


def ranked(records: Sequence[_Record], plan: SweepPlan) -> list[_Record]:
    """Return the trials of the search that have an objective, the best first."""
    known = [record for record in records if not math.isinf(plan.cost(record)) and not record.get("confirms")]
    return sorted(known, key=lambda record: (plan.cost(record), record["number"]))


def table_rows(records: Sequence[_Record], plan: SweepPlan) -> list[list[str]]:
    """Return the head and a row for every trial, the best first, those without an objective last; `=` marks ties."""
    order = ranked(records, plan)
    order += [record for record in records if record not in order]
    costs = [math.inf if record.get("confirms") else plan.cost(record) for record in order]
    shortcut = ["best shortcut"] if plan.shortcuts else []
    rows = [["rank", "trial", plan.title, *shortcut, "state", *plan.space, "s", "reason"]]
    for record, cost in zip(order, costs, strict=True):
        rank = "-" if math.isinf(cost) else f"{costs.index(cost) + 1}{'=' if costs.count(cost) > 1 else ''}"
        values = [_plain(record["fields"][field]) for field in plan.space]
        shown = [_figure(plan.value(record)), *([_figure(plan.shortcut(record))] if plan.shortcuts else [])]
        state, seconds = record.get("status") or "not ended", f"{record.get('seconds', 0):.0f}"
        rows.append([rank, record["name"], *shown, state, *values, seconds, record.get("reason") or ""])
    return rows


def _figure(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.3f}"


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Return rows as columns of equal width."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def as_markdown(rows: Sequence[Sequence[str]]) -> str:
    """Return rows as a Markdown table."""
    head, *rest = [f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in rows]
    return "\n".join([head, f"|{'---|' * len(rows[0])}", *rest])


def as_csv(records: Sequence[_Record], plan: SweepPlan) -> str:
    """Return all trials as CSV, by number, with full precision."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        ["number", "trial", "state", plan.figure, "best_shortcut", *plan.space, "seed", "seconds", "reason", "run_id"]
    )
    for record in records:
        fields = [record["fields"][field] for field in plan.space]
        seed = record["fields"].get("seed", plan.config.seed)
        known = (plan.value(record), plan.shortcut(record))
        values = ["" if math.isnan(value) else value for value in known]
        state = record.get("status") or "not ended"
        row = [record["number"], record["name"], state, *values, *fields, seed, record.get("seconds", "")]
        writer.writerow([*row, record.get("reason", ""), record.get("run_id", "")])
    return text.getvalue()


def _plain(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)

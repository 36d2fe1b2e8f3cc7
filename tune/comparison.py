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
    rows = [["rank", "trial", plan.title, "state", *plan.space, "s", "reason"]]
    for record, cost in zip(order, costs, strict=True):
        rank = "-" if math.isinf(cost) else f"{costs.index(cost) + 1}{'=' if costs.count(cost) > 1 else ''}"
        values = [_plain(record["fields"][field]) for field in plan.space]
        value = "-" if math.isnan(plan.value(record)) else f"{plan.value(record):.3f}"
        state, seconds = record.get("status") or "not ended", f"{record.get('seconds', 0):.0f}"
        rows.append([rank, record["name"], value, state, *values, seconds, record.get("reason") or ""])
    return rows


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
    writer.writerow(["number", "trial", "state", plan.figure, *plan.space, "seed", "seconds", "reason", "run_id"])
    for record in records:
        fields = [record["fields"][field] for field in plan.space]
        seed = record["fields"].get("seed", plan.config.seed)
        value = "" if math.isnan(plan.value(record)) else plan.value(record)
        state = record.get("status") or "not ended"
        row = [record["number"], record["name"], state, value, *fields, seed, record.get("seconds", "")]
        writer.writerow([*row, record.get("reason", ""), record.get("run_id", "")])
    return text.getvalue()


def _plain(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)

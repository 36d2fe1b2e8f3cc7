"""The table of ratios: on the terminal, as JSON, and between two marks of docs/performance.md."""

import dataclasses
import os
import platform
from collections.abc import Sequence
from pathlib import Path

from infra import storage
from tests.benchmarks.measure import Row

BEGIN, END = "<!-- bench -->", "<!-- /bench -->"


def merge(uri: str, rows: Sequence[Row]) -> list[Row]:
    """Return the rows of an earlier run, with those measured now in their places or behind them."""
    before = [Row(**row) for row in storage.read_json(uri)] if storage.exists(uri) else []
    table = {row.name: row for row in before} | {row.name: row for row in rows}
    return list(table.values())


def write(uri: str, rows: Sequence[Row]) -> None:
    """Write the rows as JSON."""
    storage.write_json(uri, [dataclasses.asdict(row) for row in rows])


def line(row: Row) -> str:
    """Return a row for a terminal, while others are still measured."""
    target = f"  target {row.target}{' (missed)' if row.met is False else ''}" if row.target else ""
    return f"{row.name:<36} {_number(row.ratio)}  {_range(row)}{target}"


def markdown(rows: Sequence[Row]) -> str:
    """Return the rows as a table of Markdown; what needs a GPU only where there is one."""
    lines = ["| | ratio | from, to | target | |", "|---|---|---|---|---|"]
    for row in rows:
        if row.name.startswith("gpu_") and row.ratio is None:
            continue
        target = f"{row.target}{' (missed)' if row.met is False else ''}" if row.target else ""
        lines.append(f"| `{row.name}` | {_number(row.ratio)} | {_range(row)} | {target} | {row.detail} |")
    return "\n".join(lines)


def write_page(path: Path, rows: Sequence[Row]) -> None:
    """Put the table between the marks of a page.

    Raises:
        ValueError: If the page has no marks.
    """
    page = path.read_text()
    head, begin, rest = page.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{path}: has no {BEGIN} and {END}; put them where the table belongs")
    path.write_text(f"{head}{BEGIN}\n{markdown(rows)}\n{END}{tail}")


def machine() -> str:
    """Return what this was measured on."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [
            line.partition(":")[2].strip() for line in info.read_text().splitlines() if line.startswith("model name")
        ]
        model = names[0] if names else model
    return f"{os.cpu_count()} x {model}, load {os.getloadavg()[0]:.1f} at the start"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}" if value < 1000 else f"{value:.0f}"


def _range(row: Row) -> str:
    return "" if row.low is None or row.low == row.high else f"{_number(row.low)}, {_number(row.high)}"

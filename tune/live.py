"""A sweep while it runs: a live table on a terminal; elsewhere a line at each change and a few lines every half minute."""

import dataclasses
import math
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from tune.plan import SweepPlan

_SECONDS_BETWEEN_LINES = 30.0
_MOST_ROWS = 16
_COLORS = {"running": "cyan", "finished": "green", "stopped early": "yellow", "failed": "red"}


@dataclasses.dataclass(slots=True)
class _Row:
    number: int
    name: str
    fields: Mapping[str, Any]
    epoch: int = 0
    value: float = math.nan
    state: str = "running"
    began: float = dataclasses.field(default_factory=time.monotonic)
    seconds: float = math.nan

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self.began if math.isnan(self.seconds) else self.seconds


class LiveSweep:
    """Shows trials as they begin, report and end, for as long as it is entered.

    Args:
        plan: the sweep.
        ended: records of trials that ended before.
        total: how many trials there will be.
        at_a_time: how many run at a time.
        console: where to; standard output if not given.
    """

    def __init__(
        self,
        plan: SweepPlan,
        ended: Sequence[Mapping[str, Any]],
        *,
        total: int,
        at_a_time: int,
        console: Console | None = None,
    ) -> None:
        self._plan, self._total, self._at_a_time = plan, total, at_a_time
        self._epochs = plan.config.cadence.epochs
        self._console = console or Console(file=sys.stdout)
        self._rows: dict[str, _Row] = {}
        for record in ended:
            row = _Row(record["number"], record["name"], record["fields"], seconds=record.get("seconds", 0.0))
            row.state, row.value = record["status"], plan.value(record)
            self._rows[row.name] = row
        self._done = threading.Event()
        self._live: Live | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live = Live(get_renderable=self._table, console=self._console, refresh_per_second=2, transient=True)
            self._live.start()
        else:
            self._thread = threading.Thread(target=self._tell, name="sweep lines", daemon=True)
            self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._done.set()
        if self._live is not None:
            self._live.stop()

    def begun(self, entry: Mapping[str, Any]) -> None:
        """Show a trial that begins, or begins again."""
        self._rows[entry["name"]] = _Row(entry["number"], entry["name"], entry["fields"])
        self._line(f"{entry['name']}: begun")

    def reported(self, name: str, epoch: int, value: float) -> None:
        """Show a trial's objective after an epoch."""
        row = self._rows[name]
        row.epoch, row.value = epoch, value

    def ended(self, record: Mapping[str, Any]) -> None:
        """Show what became of a trial."""
        row = self._rows[record["name"]]
        row.state, row.value = record["status"], self._plan.value(record)
        row.seconds = float(record.get("seconds") or row.elapsed)
        reason = f" ({record['reason']})" if record.get("reason") else ""
        self._line(f"{row.name}: {row.state}, {self._value(row)}{reason}, {self._num_ended} of {self._total} ended")

    @property
    def _num_ended(self) -> int:
        return sum(row.state != "running" for row in list(self._rows.values()))

    @property
    def _best(self) -> _Row | None:
        known = [row for row in list(self._rows.values()) if not math.isnan(row.value)]
        return min(known, key=self._cost, default=None)

    def _cost(self, row: _Row) -> float:
        return math.inf if math.isnan(row.value) else -row.value if self._plan.mode == "max" else row.value

    def _value(self, row: _Row) -> str:
        return "no objective" if math.isnan(row.value) else f"{self._plan.title} {row.value:.3f}"

    def _time_left(self) -> str:
        rows = list(self._rows.values())
        past = [row.seconds for row in rows if row.state != "running" and row.seconds > 0]
        running = [row for row in rows if row.state == "running"]
        past = past or [row.elapsed * self._epochs / row.epoch for row in running if row.epoch]
        if not past:
            return "time left not known yet"
        mean = float(np.mean(past))
        waiting = max(0, self._total - len(rows)) * mean
        left = waiting + sum(max(0.0, mean - row.elapsed) for row in running)
        return f"about {_clock(left / self._at_a_time)} left"

    def _status(self) -> str:
        best = self._best
        shown = "no objective yet" if best is None else f"best so far {best.name}: {self._value(best)}"
        return f"{self._num_ended} of {self._total} trials ended, {self._time_left()}; {shown}"

    def _table(self) -> Group:
        rows = list(self._rows.values())
        running = [row for row in rows if row.state == "running"]
        others = sorted((row for row in rows if row.state != "running"), key=self._cost)
        shown = [*running, *others][: max(3, min(_MOST_ROWS, self._console.height - 6))]
        table = Table(box=None, pad_edge=False, header_style="bold")
        for title in ("no.", *self._plan.space, "epoch", self._plan.title, "state", "time"):
            table.add_column(title, overflow="fold")
        best = self._best
        for row in shown:
            values = [_short(row.fields[field]) for field in self._plan.space]
            value = "-" if math.isnan(row.value) else f"{row.value:.3f}"
            epoch = f"{row.epoch}/{self._epochs}" if row.epoch or row.state == "running" else "-"
            state = Text(row.state, style=_COLORS.get(row.state, ""))
            style = "bold" if row is best else ""
            table.add_row(str(row.number), *values, epoch, value, state, _clock(row.elapsed), style=style)
        hidden = len(rows) - len(shown)
        return Group(table, Text(f"and {hidden} more, which are worse" if hidden else ""), Text(self._status()))

    def progress_lines(self) -> list[str]:
        """Return how far the sweep is, and each trial that runs."""
        running = [row for row in list(self._rows.values()) if row.state == "running"]
        return [
            self._status(),
            *(
                f"  {row.name}: epoch {row.epoch} of {self._epochs}, {self._value(row)}, {_clock(row.elapsed)}"
                for row in running
            ),
        ]

    def _tell(self) -> None:
        while not self._done.wait(_SECONDS_BETWEEN_LINES):
            self._line("\n".join(self.progress_lines()))

    def _line(self, text: str) -> None:
        if not self._console.is_terminal:
            print(text, file=self._console.file, flush=True)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def _short(value: Any) -> str:
    return f"{value:.2g}" if isinstance(value, float) else str(value)

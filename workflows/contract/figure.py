"""Figures: a number with all that it must be read against, and the findings that an evaluator returns."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from models.metrics.binary import bootstrap_interval
from models.metrics.reliability import Bin

Rows = dict[str, np.ndarray]
"""What an evaluator collected, unit by unit along the first axis; `recording_id` and `unit` (its number in the split) always among it."""

NOTHING = float("nan")


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """A number that never stands alone; what does not apply is nan."""

    name: str
    title: str
    value: float
    low: float = NOTHING
    """Lower end of the 95 % bootstrap interval over recordings."""
    high: float = NOTHING
    chance: float = NOTHING
    floor: float = NOTHING
    """What the best method without learning gives."""
    ceiling: float = NOTHING
    """What a perfect answer gives."""
    uncalibrated: float = NOTHING
    """The same before calibration."""
    floor_title: str = "floor"
    ceiling_title: str = "ceiling"
    num_examples: int = 0
    num_groups: int = 0
    """Recordings that the examples are of."""
    better: Literal["higher", "lower"] = "higher"
    is_reference: bool = False
    """Whether it tells of the clips and not of the model, such as what no learning gives; never a curve."""
    note: str = ""
    """What else must be known to read it."""

    @property
    def has_interval(self) -> bool:
        """Whether the interval is known."""
        return self.low == self.low

    @property
    def is_below_floor(self) -> bool:
        """Whether the best method without learning does better; False where there is none."""
        return self.value < self.floor if self.better == "higher" else self.value > self.floor

    @property
    def against(self) -> str:
        """What the value must be read against, in words."""
        floor = f"BELOW {self.floor_title}" if self.is_below_floor else self.floor_title
        named = (
            ("uncalibrated", self.uncalibrated),
            ("chance", self.chance),
            (floor, self.floor),
            (self.ceiling_title, self.ceiling),
        )
        parts = [f"{title} {value:.3f}" for title, value in named if value == value]
        return ", ".join([*parts, *([self.note] if self.note else [])])

    @property
    def shown(self) -> str:
        """The value with its interval."""
        interval = f"  [{self.low:.3f}, {self.high:.3f}]" if self.has_interval else ""
        return f"{self.value:.3f}{interval}"

    def to_dict(self) -> dict[str, Any]:
        """Return plain values; null where JSON has no number."""
        values = dataclasses.asdict(self)
        return {key: plain(value) for key, value in values.items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Figure":
        """Return the figure of plain values."""
        known: dict[str, Any] = {key: NOTHING if value is None else value for key, value in values.items()}
        return cls(**known)


@dataclasses.dataclass(frozen=True, slots=True)
class Objective:
    """The figure that chooses the epoch, stops trials, ranks sweeps and decides promotions; higher is better.

    It is one of the first evaluator's, which answers every validation.
    """

    figure: str
    title: str
    training: str = ""
    """What the learner counts of it while it trains, if that has another name."""
    shortcuts: tuple[str, ...] = ()
    """Figures that tell how far one gets without what the recipe is to learn; they stay at chance if all is well."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Matrix:
    """A table of numbers, such as a confusion matrix."""

    title: str
    rows_title: str
    columns_title: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    values: tuple[tuple[float, ...], ...]


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Findings:
    """What an evaluator found: figures, the same by class or other groups, matrices, and reliability curves."""

    figures: tuple[Figure, ...]
    breakdowns: Mapping[str, tuple[Figure, ...]] = dataclasses.field(default_factory=dict)
    """By what it was broken down, such as `class`; one figure a group, whose title is the group."""
    matrices: Mapping[str, Matrix] = dataclasses.field(default_factory=dict)
    reliability: Mapping[str, tuple[Bin, ...]] = dataclasses.field(default_factory=dict)
    """How often yes is true by the probability that was said, such as `calibrated` and `uncalibrated`."""


def plain(value: Any) -> Any:
    """Return a value as JSON has it: null where a number is none."""
    return None if isinstance(value, float) and value != value else value


def mean_figure(
    name: str,
    title: str,
    values: np.ndarray,
    recordings: np.ndarray,
    *,
    partners: np.ndarray | None = None,
    interval: bool = True,
    **read_against: Any,
) -> Figure:
    """Return the mean of one value an example, in [0, 1], with its interval over recordings.

    Args:
        name: name in reports and MLflow.
        title: what people read.
        values: (examples,); nan without any.
        recordings: the recording of every example.
        partners: a second recording of every example, where it is of two.
        interval: whether the interval is computed.
        read_against: chance, floor, ceiling and their titles, better, note.
    """
    low = high = NOTHING
    if interval and len(values):
        low, high = bootstrap_interval(values, clusters=recordings, partners=partners, seed=0)
    return Figure(
        name=name,
        title=title,
        value=float(np.mean(values)) if len(values) else NOTHING,
        low=low,
        high=high,
        num_examples=len(values),
        num_groups=len(np.unique(recordings)),
        **read_against,
    )

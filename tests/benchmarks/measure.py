"""What a measurement is: contenders that take turns, and a row that says how one did against another."""

import dataclasses
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

Rates = dict[str, list[float]]
"""Clips per second of every contender, one value a round."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One line of the table; `ratio` is null where it could not be measured, and `detail` says why."""

    name: str
    ratio: float | None
    low: float | None
    high: float | None
    target: str | None
    detail: str

    @property
    def met(self) -> bool | None:
        """Whether the ratio is what the target asks for; None where there is nothing to compare."""
        if self.ratio is None or self.target is None:
            return None
        sign, bound = self.target.split()
        return self.ratio >= float(bound) if sign == ">=" else self.ratio <= float(bound)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """How much is measured, where files go, and which rows are wanted."""

    quick: bool
    folder: Path
    only: tuple[str, ...] = ()

    def wants(self, *names: str) -> bool:
        """Return whether one of some rows is wanted."""
        return not self.only or any(name in self.only for name in names)

    def choose(self, *, quick: int, full: int) -> int:
        """Return the number that fits the time there is."""
        return quick if self.quick else full


def take_turns(contenders: Mapping[str, Callable[[], float]], *, rounds: int) -> Rates:
    """Return what every contender measured in every round; each round calls all, beginning with another one.

    Args:
        contenders: return their clips per second.
        rounds: how often each is called.
    """
    rates: Rates = {name: [] for name in contenders}
    names = list(contenders)
    for number in range(rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            rates[name].append(contenders[name]())
    return rates


def rate_of(num_clips: int, work: Callable[[], object]) -> float:
    """Return how many clips per second some work takes."""
    began = time.perf_counter()
    work()
    return num_clips / (time.perf_counter() - began)


def versus(name: str, ours: Sequence[float], theirs: Sequence[float], *, target: str | None, detail: str) -> Row:
    """Return the median, least and greatest ratio of two contenders' values of the same round."""
    ratios = [one / other for one, other in zip(ours, theirs, strict=True)]
    return spread(name, ratios, target=target, detail=detail)


def spread(name: str, values: Sequence[float], *, target: str | None, detail: str) -> Row:
    """Return the median, least and greatest of some values as a row."""
    return Row(
        name=name,
        ratio=statistics.median(values),
        low=min(values),
        high=max(values),
        target=target,
        detail=detail,
    )


def skipped(name: str, *, target: str | None, reason: str) -> Row:
    """Return the row of what could not be measured here."""
    return Row(name=name, ratio=None, low=None, high=None, target=target, detail=f"skipped: {reason}")


def middle(values: Sequence[float]) -> str:
    """Return the median of some values with three digits."""
    return f"{statistics.median(values):.3g}"

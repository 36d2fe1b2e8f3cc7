"""What a sweep searches: dotted fields of a recipe's configuration, each with its range, one a line of a text file.

# field             kind        values
optim.name          choice      sgd sgd_momentum adam adamw
optim.lr            loguniform  1e-4 1e-1
optim.weight_decay  loguniform  1e-6 10
channels            choice      16 32
optim.momentum      uniform     0.8 0.99
"""

import ast
import dataclasses
import itertools
import math
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Literal

import numpy as np

from infra.errors import InputError

Fields = dict[str, Any]
"""Values by dotted field."""

_KINDS = ("choice", "uniform", "loguniform")


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Dimension:
    """One field's range: `values` of a choice, else the two ends."""

    kind: Literal["choice", "uniform", "loguniform"]
    values: tuple[Any, ...]

    def sample(self, chance: np.random.Generator) -> Any:
        """Return a value drawn at random."""
        if self.kind == "choice":
            return self.values[int(chance.integers(len(self.values)))]
        return self.at(float(chance.random()))

    def at(self, share: float) -> float:
        """Return the value a share of the way from the lower to the upper end."""
        low, high = self.values
        if self.kind == "uniform":
            return low + share * (high - low)
        return math.exp(math.log(low) + share * (math.log(high) - math.log(low)))

    def grid(self, num_points: int) -> list[Any]:
        """Return all values of a choice, else points from end to end."""
        if self.kind == "choice":
            return list(self.values)
        return [self.at(share) for share in np.linspace(0, 1, num_points)]


Space = dict[str, Dimension]
"""Dimensions by dotted field."""


def default_space() -> Space:
    """Return what every recipe has: optimizer, learning rate, weight decay."""
    return {
        "optim.name": Dimension(kind="choice", values=("sgd", "sgd_momentum", "adam", "adamw")),
        "optim.lr": Dimension(kind="loguniform", values=(1e-3, 1e-1)),
        "optim.weight_decay": Dimension(kind="loguniform", values=(1e-5, 10.0)),
    }


def parse_space(text: str, config: Any, *, name: str) -> Space:
    """Return the space that a file's text describes.

    Args:
        text: lines of field, kind and values; what follows a # is left out.
        config: configuration whose fields may be named.
        name: the file's, for complaints.

    Raises:
        InputError: Naming the line, if a field or kind does not exist, or a range or value cannot be.
    """
    space: Space = {}
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        try:
            field, dimension = _parse_line(words)
            if field in space:
                raise InputError(f"{field} stands there twice; leave one out")
            inside = () if dimension.kind == "choice" else (dimension.at(0.37),)
            for value in (*dimension.values, *inside):
                with_fields(config, {field: value})
        except InputError as error:
            raise InputError(f"--space: {name}, line {number}: {error}") from None
        space[field] = dimension
    if not space:
        raise InputError(f"--space: {name} names no field; give lines such as: optim.lr loguniform 1e-4 1e-1")
    return space


def with_fields(config: Any, fields: Mapping[str, Any]) -> Any:
    """Return a configuration with some dotted fields replaced.

    Raises:
        InputError: If there is no such field, or it does not take such a value.
    """
    for field, value in fields.items():
        config = _with_field(config, field.split("."), value, field)
    return config


def num_combinations(space: Space) -> float:
    """Return how many different trials there are; infinitely many where a field has a range."""
    return math.prod(len(set(map(repr, d.values))) if d.kind == "choice" else math.inf for d in space.values())


def random_trials(
    space: Space, count: int, chance: np.random.Generator, *, taken: Collection[Fields] = ()
) -> list[Fields]:
    """Return trials drawn at random, none twice and none of those that are taken; fewer than `count` where there are no more."""
    found: list[Fields] = []
    seen = {_key(fields) for fields in taken}
    most = num_combinations(space) - len(seen)
    while len(found) < min(count, most):
        fields = {field: dimension.sample(chance) for field, dimension in space.items()}
        if _key(fields) not in seen:
            seen.add(_key(fields))
            found.append(fields)
    return found


def grid_trials(space: Space, count: int) -> list[Fields]:
    """Return the trials of the finest grid that has at most `count`: all choices, equally many points of every range.

    Raises:
        InputError: If even two points of every range are more.
    """
    points = max((n for n in range(2, count + 1) if _grid_size(space, n) <= count), default=None)
    if points is None:
        raise InputError(
            f"--num-trials: {count} is fewer than the {_grid_size(space, 2)} of the coarsest grid; give more"
        )
    return [dict(zip(space, values, strict=True)) for values in _grid(space, points)]


def _key(fields: Fields) -> str:
    return repr(sorted(fields.items()))


def _grid(space: Space, num_points: int) -> Iterator[tuple[Any, ...]]:
    return itertools.product(*(dimension.grid(num_points) for dimension in space.values()))


def _grid_size(space: Space, num_points: int) -> int:
    return math.prod(len(d.values) if d.kind == "choice" else num_points for d in space.values())


def _parse_line(words: list[str]) -> tuple[str, Dimension]:
    field, kind, *values = words if len(words) > 1 else [*words, ""]
    if kind not in _KINDS:
        raise InputError(f"'{kind}' is no kind of range; choose from {', '.join(_KINDS)}")
    parsed = tuple(_value(word) for word in values)
    if kind == "choice":
        if not parsed:
            raise InputError(f"{field} has nothing to choose from; give one or more values")
        twice = next((value for place, value in enumerate(parsed) if value in parsed[:place]), None)
        if twice is not None:
            raise InputError(f"{field} has {twice} twice; leave one out")
        return field, Dimension(kind=kind, values=parsed)
    numbers = [value for value in parsed if isinstance(value, int | float) and not isinstance(value, bool)]
    if len(numbers) != 2 or len(parsed) != 2:
        raise InputError(f"{field} needs a lower and an upper end; give two numbers")
    low, high = map(float, numbers)
    if low >= high:
        raise InputError(f"{field} goes from {low:g} to {high:g}; give the lower end first")
    if kind == "loguniform" and low <= 0:
        raise InputError(f"{field} is loguniform from {low:g}; give a lower end above zero")
    return field, Dimension(kind=kind, values=(low, high))


def _value(word: str) -> Any:
    try:
        return ast.literal_eval(word)
    except (ValueError, SyntaxError):
        return word


def _with_field(config: Any, path: list[str], value: Any, field: str) -> Any:
    names = {each.name: each.type for each in dataclasses.fields(config)}
    if path[0] not in names:
        raise InputError(f"{field} does not exist; choose from {', '.join(names)}")
    if len(path) > 1:
        inner = getattr(config, path[0])
        if not dataclasses.is_dataclass(inner):
            raise InputError(f"{field} does not exist; {path[0]} has no fields")
        return dataclasses.replace(config, **{path[0]: _with_field(inner, path[1:], value, field)})
    if dataclasses.is_dataclass(getattr(config, path[0])):
        raise InputError(
            f"{field} has fields of its own; name one of them, such as {field}.{_first_field(config, path[0])}"
        )
    return dataclasses.replace(config, **{path[0]: _checked(value, names[path[0]], field)})


def _first_field(config: Any, name: str) -> str:
    return dataclasses.fields(getattr(config, name))[0].name


def _checked(value: Any, kind: Any, field: str) -> Any:
    """Return a value as its field's type has it."""
    allowed = getattr(kind, "__args__", None)
    if allowed and all(isinstance(each, str) for each in allowed):
        if value not in allowed:
            raise InputError(f"{field}: '{value}' does not exist; choose from {', '.join(allowed)}")
        return value
    if kind is int and not (isinstance(value, int) and not isinstance(value, bool)):
        raise InputError(f"{field} takes whole numbers, not {value}; give a choice of some")
    if kind is float and not isinstance(value, int | float):
        raise InputError(f"{field} takes numbers, not '{value}'; give some")
    if kind is bool and not isinstance(value, bool):
        raise InputError(f"{field} takes True or False, not '{value}'; give a choice of these")
    return value

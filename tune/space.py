"""What a sweep searches: dotted fields of a recipe's configuration, each with its range.

A text file has one field a line:

# field             kind        values
optim.name          choice      sgd sgd_momentum adam adamw
optim.lr            loguniform  1e-4 1e-1
optim.momentum      uniform     0.8 0.99
channels            int         8 64
optim.weight_decay  quniform    0.0 0.1 0.02

A YAML file says the same as `optim.lr: loguniform 1e-4 1e-1`, or nested; a list is a choice. The command line takes single fields:
--space.optim.lr "loguniform 1e-4 1e-1".
"""

import ast
import dataclasses
import functools
import itertools
import math
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import yaml

from infra.errors import InputError

Fields = dict[str, Any]
"""Values by dotted field."""

_KINDS = ("choice", "uniform", "loguniform", "int", "quniform")


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Dimension:
    """One field's range: `values` of a choice, else the two ends, and the step of quniform."""

    kind: Literal["choice", "uniform", "loguniform", "int", "quniform"]
    values: tuple[Any, ...]

    @property
    def num_values(self) -> float:
        """How many different values there are; infinitely many of uniform and loguniform."""
        if self.kind == "choice":
            return len(self.values)
        if self.kind in ("uniform", "loguniform"):
            return math.inf
        low, high, step = (*self.values, 1)[:3]
        return math.floor((high - low) / step + 1e-9) + 1

    def nth(self, place: int) -> Any:
        """Return one of finitely many values, by its place."""
        if self.kind == "choice":
            return self.values[place]
        low, _, step = (*self.values, 1)[:3]
        value = low + place * step
        return value if isinstance(value, int) else round(value, 12)

    def at(self, share: float) -> float:
        """Return the value a share of the way from the lower to the upper end of uniform or loguniform."""
        low, high = self.values
        if self.kind == "uniform":
            return low + share * (high - low)
        return math.exp(math.log(low) + share * (math.log(high) - math.log(low)))

    def sample(self, chance: np.random.Generator) -> Any:
        """Return a value drawn at random."""
        if math.isinf(self.num_values):
            return self.at(float(chance.random()))
        return self.nth(int(chance.integers(int(self.num_values))))

    def grid(self, num_points: int) -> list[Any]:
        """Return all values of a choice, else points from end to end."""
        if self.kind == "choice":
            return list(self.values)
        if math.isinf(self.num_values):
            return [self.at(share) for share in np.linspace(0, 1, num_points)]
        last = int(self.num_values) - 1
        return [self.nth(int(place)) for place in np.linspace(0, last, min(num_points, last + 1)).round()]

    def holds(self, value: Any) -> bool:
        """Return whether a value is one of the range's."""
        if self.kind == "choice":
            return value in self.values
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        low, high, *_ = self.values
        if math.isinf(self.num_values):
            return low <= value <= high
        return any(math.isclose(value, self.nth(place)) for place in range(int(self.num_values)))

    def nearest(self, value: Any) -> Any:
        """Return the step of quniform that a value means: sums of steps differ in their last digit."""
        if self.kind != "quniform":
            return value
        return self.nth(round((value - self.values[0]) / self.values[2]))


Space = dict[str, Dimension]
"""Dimensions by dotted field."""


def default_space() -> Space:
    """Return what every recipe has: optimizer, learning rate, weight decay."""
    return {
        "optim.name": Dimension(kind="choice", values=("sgd", "sgd_momentum", "adam", "adamw")),
        "optim.lr": Dimension(kind="loguniform", values=(1e-3, 1e-1)),
        "optim.weight_decay": Dimension(kind="loguniform", values=(1e-5, 10.0)),
    }


def read_space(path: str | None, single: Mapping[str, str], config: Any) -> Space:
    """Return the space of a file and of single fields, which replace those of the file; the default one where there is neither.

    Args:
        path: text file, or YAML where its name ends so.
        single: kind and values by dotted field, such as `loguniform 1e-4 1e-1`.
        config: configuration whose fields may be named.

    Raises:
        InputError: If there is no such file, or one of the fields cannot be searched so.
    """
    space: Space = {}
    if path is not None:
        if not Path(path).is_file():
            raise InputError(f"--space: '{path}' does not exist; give a text or YAML file of fields and ranges")
        parse = parse_yaml_space if path.endswith((".yaml", ".yml")) else parse_space
        space = parse(Path(path).read_text(), config, name=path)
    for field, text in single.items():
        try:
            space |= dict([_parse_field([field, *text.split()], config)])
        except InputError as error:
            raise InputError(f"--space.{field}: {error}") from None
    return space or default_space()


def parse_space(text: str, config: Any, *, name: str) -> Space:
    """Return the space that a file's text describes.

    Args:
        text: lines of field, kind and values; what follows a # is left out.
        config: configuration whose fields may be named.
        name: the file's, for complaints.

    Raises:
        InputError: If a line cannot be, naming it.
    """
    space: Space = {}
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        try:
            field, dimension = _parse_field(words, config)
            if field in space:
                raise InputError(f"{field} stands there twice; leave one out")
        except InputError as error:
            raise InputError(f"--space: {name}, line {number}: {error}") from None
        space[field] = dimension
    return _not_empty(space, name, "optim.lr loguniform 1e-4 1e-1")


def parse_yaml_space(text: str, config: Any, *, name: str) -> Space:
    """Return the space that a YAML file's text describes: kind and values, or a list to choose from, by dotted or nested field.

    Raises:
        InputError: If it is no YAML of fields, or one of them cannot be searched so.
    """
    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InputError(f"--space: {name} is no YAML: {' '.join(str(error).split())}") from None
    space: Space = {}
    for field, value in _flattened(found if isinstance(found, dict) else {}):
        try:
            words = ["choice", *map(str, value)] if isinstance(value, list) else str(value).split()
            space |= dict([_parse_field([field, *words], config)])
        except InputError as error:
            raise InputError(f"--space: {name}: {error}") from None
    return _not_empty(space, name, "optim.lr: loguniform 1e-4 1e-1")


def _flattened(nested: Mapping[Any, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in nested.items():
        if isinstance(value, Mapping):
            yield from _flattened(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _not_empty(space: Space, name: str, example: str) -> Space:
    if not space:
        raise InputError(f"--space: {name} names no field; give lines such as: {example}")
    return space


def _parse_field(words: list[str], config: Any) -> tuple[str, Dimension]:
    """Return a field and its range; both ends and a value between them are tried on the configuration."""
    field, dimension = _parse_words(words)
    tried = list(dimension.values) if dimension.kind == "choice" else dimension.grid(2)
    if math.isinf(dimension.num_values):
        tried.append(dimension.at(0.37))
    for value in tried:
        with_fields(config, {field: value})
    return field, dimension


def with_fields(config: Any, fields: Mapping[str, Any]) -> Any:
    """Return a configuration with some dotted fields replaced.

    Raises:
        InputError: If there is no such field, or it does not take such a value.
    """
    for field, value in fields.items():
        config = _with_field(config, field.split("."), value, field)
    return config


def fields_of(config: Any, names: Collection[str]) -> Fields:
    """Return what a configuration has in some dotted fields."""
    return {name: functools.reduce(getattr, name.split("."), config) for name in names}


def identity(fields: Fields) -> str:
    """Return what two trials with the same fields have in common."""
    return repr(sorted(fields.items()))


def contains(space: Space, fields: Fields) -> bool:
    """Return whether all fields have values within their ranges."""
    return all(name in fields and dimension.holds(fields[name]) for name, dimension in space.items())


def num_combinations(space: Space) -> float:
    """Return how many different trials there are; infinitely many where a field has uncountable values."""
    return math.prod(dimension.num_values for dimension in space.values())


def random_trials(
    space: Space, count: int, chance: np.random.Generator, *, taken: Collection[Fields] = ()
) -> list[Fields]:
    """Return trials drawn at random, none twice and none of those that are taken; fewer than `count` where there are no more."""
    found: list[Fields] = []
    seen = {identity(fields) for fields in taken if contains(space, fields)}
    most = num_combinations(space) - len(seen)
    while len(found) < min(count, most):
        fields = {field: dimension.sample(chance) for field, dimension in space.items()}
        if identity(fields) not in seen:
            seen.add(identity(fields))
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


def _grid(space: Space, num_points: int) -> Iterator[tuple[Any, ...]]:
    return itertools.product(*(dimension.grid(num_points) for dimension in space.values()))


def _grid_size(space: Space, num_points: int) -> int:
    return math.prod(len(dimension.grid(num_points)) for dimension in space.values())


def _parse_words(words: list[str]) -> tuple[str, Dimension]:
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
    return field, Dimension(kind=kind, values=_ends(field, kind, parsed))


def _ends(field: str, kind: str, parsed: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the lower and the upper end, and the step of quniform."""
    numbers = [value for value in parsed if isinstance(value, int | float) and not isinstance(value, bool)]
    if kind == "quniform" and (len(numbers) != 3 or len(parsed) != 3):
        raise InputError(f"{field} needs a lower end, an upper end and a step; give three numbers")
    if kind != "quniform" and (len(numbers) != 2 or len(parsed) != 2):
        raise InputError(f"{field} needs a lower and an upper end; give two numbers")
    low, high = numbers[:2]
    if low >= high:
        raise InputError(f"{field} goes from {low:g} to {high:g}; give the lower end first")
    if kind == "loguniform" and low <= 0:
        raise InputError(f"{field} is loguniform from {low:g}; give a lower end above zero")
    if kind == "int" and not all(isinstance(value, int) for value in numbers):
        raise InputError(f"{field} is int from {low:g} to {high:g}; give whole numbers")
    if kind == "quniform" and not 0 < numbers[2] <= high - low:
        raise InputError(f"{field} has the step {numbers[2]:g}; give one above zero, at most {high - low:g}")
    return tuple(map(float, numbers)) if kind in ("uniform", "loguniform") else tuple(numbers)


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
        raise InputError(f"{field} takes whole numbers, not {value}; give int, or a choice of some")
    if kind is float and not isinstance(value, int | float):
        raise InputError(f"{field} takes numbers, not '{value}'; give some")
    if kind is bool and not isinstance(value, bool):
        raise InputError(f"{field} takes True or False, not '{value}'; give a choice of these")
    return value

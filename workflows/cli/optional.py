"""Options that may be left out: help shows what they take, such as `FLOAT`, and `none` as the default."""

import dataclasses
from typing import Any, get_args

from tyro.conf import DisallowNone
from tyro.constructors import (
    ConstructorRegistry,
    PrimitiveConstructorSpec,
    PrimitiveTypeInfo,
    UnsupportedTypeAnnotationError,
)

_NONE = "none"
OPTIONAL = ConstructorRegistry()
"""Handed to `tyro.cli`, whose own rule shows `{None}|FLOAT`, and of an empty tuple nothing."""


@OPTIONAL.primitive_rule
def _optional(kind: PrimitiveTypeInfo) -> PrimitiveConstructorSpec | UnsupportedTypeAnnotationError | None:
    """Return how a value or None, or a tuple, is read and shown; None for other types, which are left to tyro."""
    may_be_none = type(None) in get_args(kind.type)
    if (not may_be_none and kind.type_origin is not tuple) or DisallowNone in kind.markers:
        return None
    given = ConstructorRegistry.get_primitive_spec(dataclasses.replace(kind, markers={*kind.markers, DisallowNone}))
    if isinstance(given, UnsupportedTypeAnnotationError):
        return given

    def show(value: Any) -> list[str]:
        return (given.str_from_instance(value) if value is not None else []) or [_NONE]

    if not may_be_none:
        return dataclasses.replace(given, str_from_instance=show)
    metavar = given.metavar.removeprefix("{").removesuffix("}") if given.choices is None else given.metavar

    def read(words: list[str]) -> Any:
        if [word.lower() for word in words] == [_NONE]:
            return None
        try:
            return given.instance_from_str(words)
        except ValueError:
            raise ValueError(f"'{' '.join(words)}' is not {metavar}; give that, or {_NONE}") from None

    return dataclasses.replace(given, metavar=metavar, choices=None, instance_from_str=read, str_from_instance=show)

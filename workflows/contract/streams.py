"""Streams: what a recipe reads, by name, and the datasets that the command line gives for them."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from datasets.reading.row_groups import Unit
from datasets.schema import MEDIA_COLUMNS
from infra import storage
from infra.errors import InputError


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Stream:
    """What one named stream of a recipe reads."""

    columns: tuple[str, ...]
    unit: Unit = "row"
    """What counts as one: a clip, or the two clips of a pair."""
    requires: tuple[str, ...] = ()
    """What clips must hold besides the media among the columns: `label`, `boxes`, or a text of a role as `texts:caption`."""

    @property
    def needed(self) -> tuple[str, ...]:
        """All that clips must hold."""
        return (*(name for name in self.columns if name in MEDIA_COLUMNS), *self.requires)


def parse_data(values: Sequence[str], streams: Mapping[str, Stream], *, field: str = "--data") -> dict[str, str]:
    """Return the dataset of every stream.

    Args:
        values: PATH for the only stream, or NAME=PATH for each of several.
        streams: the recipe's streams.
        field: the option, for complaints.

    Raises:
        InputError: If a stream has none, or there is no such stream.
    """
    names = list(streams)
    given: dict[str, str] = {}
    for value in values:
        name, _, path = value.partition("=")
        if len(names) == 1 and (not path or name not in streams):
            name, path = names[0], value
        if name not in streams or not path:
            raise InputError(f"{field}: '{value}' names no stream; give {' '.join(f'{n}=PATH' for n in names)}")
        if name in given:
            raise InputError(
                f"{field}: '{value}' is the second dataset for {name}; give one, or merge them with workflows.merge"
            )
        given[name] = storage.resolve(path, field=field)
    missing = [name for name in names if name not in given]
    if missing:
        wanted = "PATH" if len(names) == 1 else f"{missing[0]}=PATH"
        raise InputError(f"{field}: missing; say which dataset to read, {field} {wanted}")
    return {name: given[name] for name in names}


def check_card(dataset: str, card: Mapping[str, Any], stream: Stream, *, splits: Sequence[str] = ("train",)) -> None:
    """Refuse a dataset of which some splits together hold nothing of what a stream needs.

    Raises:
        InputError: Naming what is missing.
    """
    where = f"the {splits[0]} split of '{dataset}'" if len(splits) == 1 else f"'{dataset}'"
    if stream.unit == "pair" and not any(card["splits"][split]["pairs"] for split in splits):
        mode = card["config"]["label_mode"]
        why = "no pairs" if mode == "pairs" else f"no pairs, as it was prepared with --label-mode {mode}"
        raise InputError(f"--data: {where} has {why}; prepare with pairs, or give longer videos")
    for thing in stream.needed:
        if not any(card["holds"].get(thing, {}).get(split) for split in splits):
            there = (
                ", ".join(name for name, counts in card["holds"].items() if any(map(counts.get, splits))) or "nothing"
            )
            raise InputError(f"--data: no clip in {where} holds {thing}, which the recipe reads; they hold {there}")

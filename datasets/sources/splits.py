"""Official splits: how catalogs and tables spell them, and what `--split` makes of them."""

import dataclasses
from collections import Counter
from collections.abc import Sequence
from typing import Literal

from datasets.sources.source import Source
from infra.progress import Say, unsaid

SplitRule = Literal["official", "hash", "train", "validation", "test"]
"""As catalog or table say, and by a hash of the recording where they say nothing; all by the hash; or all in one split."""

_SPELLINGS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("validation", "validate", "valid", "val", "dev"), "validation"),
    **dict.fromkeys(("test", "testing"), "test"),
}


def is_split(value: str) -> bool:
    """Return whether a word names a split."""
    return value.lower() in _SPELLINGS


def official_split(value: str | None) -> str | None:
    """Return the split that a word names; none for no word.

    Raises:
        ValueError: If it names none.
    """
    if not value:
        return None
    if not is_split(value):
        raise ValueError(f"split '{value}' is none of {', '.join(_SPELLINGS)}")
    return _SPELLINGS[value.lower()]


def assign_splits(sources: Sequence[Source], rule: SplitRule, *, say: Say = unsaid) -> list[Source]:
    """Return sources with the splits that a rule gives them; none where the hash of the recording is to decide.

    `say` is told how many official splits there are, and which of the three has none.
    """
    if rule != "official":
        split = None if rule == "hash" else rule
        return [dataclasses.replace(source, split=split) for source in sources]
    counts = Counter(source.split for source in sources)
    drawn = counts.pop(None, 0)
    if counts:
        names = ", ".join(f"{name} {counts[name]}" for name in ("train", "validation", "test") if counts[name])
        without = [name for name in ("train", "validation", "test") if not (counts[name] or drawn)]
        lacks = f"; none for {' and '.join(without)}, --split hash would draw all three" if without else ""
        say(f"splits   official: {names}{f', {drawn} by hash' if drawn else ''}{lacks}")
    return list(sources)

"""Offsets of sound and picture by file, as `workflows.offset` tells them, and the screen that leaves out what is out of sync."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from infra import storage
from infra.errors import InputError, refuse_outside

OFFSETS = "files.parquet"
"""Name of the table in the folder of answers."""
OFFSET_SCHEMA = pa.schema(
    [
        ("video", pa.string()),
        ("verdict", pa.string()),
        ("offset_ms", pa.float64()),
        ("low_ms", pa.float64()),
        ("high_ms", pa.float64()),
        ("in_sync_probability", pa.float64()),
        ("drift_ms_per_minute", pa.float64()),
        ("reason", pa.string()),
        ("error", pa.string()),
        ("fix", pa.string()),
        ("method", pa.string()),
    ]
)
"""`offset_ms` is null where it cannot be told."""
_LARGEST_MS = 10_000.0
_ASK = "python -m workflows.offset --video FOLDER --output ANSWERS"

OffsetJudgment = Literal["beyond", "within", "cannot tell", "not asked"]
"""Of a file: its offset is larger than the limit, or is not; it could not be told; or the table does not have the file."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class OffsetScreen:
    """How large offsets may be, and those that a table has by file, None where one could not be told."""

    table: str
    max_offset_ms: float
    offsets: Mapping[str, float | None]

    def judge(self, file: str) -> OffsetJudgment:
        """Return how a file is judged; only `beyond` leaves it out."""
        if file not in self.offsets:
            return "not asked"
        offset = self.offsets[file]
        if offset is None:
            return "cannot tell"
        return "beyond" if abs(offset) > self.max_offset_ms else "within"

    def judge_all(self, files: Sequence[str]) -> list[OffsetJudgment]:
        """Return how files are judged.

        Raises:
            InputError: If the table has none of them.
        """
        judgments: list[OffsetJudgment] = [self.judge(file) for file in files]
        if set(judgments) == {"not asked"}:
            raise InputError(
                f"--offsets: '{self.table}' has none of the {len(set(files))} sources; ask about the same files with {_ASK}"
            )
        return judgments


def refuse_half_screen(offsets: str | None, max_offset_ms: float | None) -> None:
    """Refuse a table without a limit, a limit without a table, and a limit that is none.

    Raises:
        InputError: Naming the option.
    """
    if max_offset_ms is not None:
        refuse_outside("--max-offset-ms", max_offset_ms, 0, _LARGEST_MS)
    if offsets is None and max_offset_ms is not None:
        raise InputError(f"--max-offset-ms: {max_offset_ms:g} needs --offsets ANSWERS too, which {_ASK} writes")
    if offsets is not None and max_offset_ms is None:
        raise InputError(
            f"--offsets: '{offsets}' needs --max-offset-ms too; give the largest offset to keep, such as 200"
        )


def read_offset_screen(offsets: str | None, max_offset_ms: float | None) -> OffsetScreen | None:
    """Return the screen that two options ask for; None where neither is given.

    Args:
        offsets: folder of answers of `workflows.offset`, or its table `files.parquet`.
        max_offset_ms: largest offset that is kept, in either direction.

    Raises:
        InputError: If only one is given, or there is no such table.
    """
    refuse_half_screen(offsets, max_offset_ms)
    if offsets is None or max_offset_ms is None:
        return None
    place = storage.resolve(offsets, field="--offsets")
    table = place if place.endswith(".parquet") else storage.join(place, OFFSETS)
    if not storage.exists(table):
        raise InputError(f"--offsets: '{place}' holds no {OFFSETS}; make it with {_ASK}")
    columns = ["video", "offset_ms"]
    try:
        found = pq.read_table(storage.open_input(table), columns=columns).cast(
            pa.schema([OFFSET_SCHEMA.field(name) for name in columns])
        )
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, ValueError, OSError):
        raise InputError(f"--offsets: '{table}' is no table of offsets; make one with {_ASK}") from None
    known = dict(zip(*(found[name].to_pylist() for name in columns), strict=True))
    return OffsetScreen(table=table, max_offset_ms=max_offset_ms, offsets=known)


def describe_undecided(judged: Mapping[OffsetJudgment, int], what: str) -> str:
    """Return how much was kept although its offset is not known; empty where all is known."""
    words: dict[OffsetJudgment, str] = {"cannot tell": "whose offset cannot be told", "not asked": "not in --offsets"}
    told = ", ".join(f"{judged[name]} {what}s {word}" for name, word in words.items() if judged.get(name))
    return f"kept: {told}" if told else ""


def describe_screened(counts: Mapping[Any, Any]) -> list[str]:
    """Return what a dataset's card says of a screen by offsets, in a line; none where there was none."""
    if not counts:
        return []
    known = f"{counts.get('beyond', 0)} sources beyond {counts['max_offset_ms']:g} ms, {counts.get('within', 0)} within"
    return ["; ".join(filter(None, [known, describe_undecided(counts, "source")]))]

"""One file examined: its answer, what is written about it, and its copy with the sound moved; as plain values that travel and are kept."""

import dataclasses
import functools
import io
import os
from typing import Any

from datasets.media import MediaError, move_sound
from infra import storage
from infra.errors import InputError
from infra.progress import Progress, silent
from infra.seeding import digest
from infra.version import code_version
from workflows.offset.answer import Answer, Tolerance, answer_about
from workflows.offset.curves import Reading

Row = dict[str, Any]

STATUS = {"in sync": 0, "out of sync": 1, "cannot tell": 3}
BAD_INPUT = 2
ENDINGS = (".json", ".png")
"""Of what is written about a file."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """What was asked for."""

    model: str | None
    output: str | None
    fix: str | None
    max_offset_seconds: float
    tolerance: Tolerance


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class File:
    """A file, and what the names of its outputs begin with."""

    path: str
    stem: str

    @property
    def copy(self) -> str:
        """Name of its copy."""
        return self.stem + os.path.splitext(self.path)[1]


def examine(file: File, reading: Reading, *, method: str, wanted: Wanted, progress: Progress = silent) -> Row:
    """Return what is said of a file, written as was asked; one that cannot be read has an error instead."""
    made_from = digest(_code(), method, reading.fingerprint, wanted, storage.state(file.path)).hex()
    row: Row = {
        "video": file.path,
        "stem": file.stem,
        "made_from": made_from,
        "error": None,
        "fix": None,
        "fix_error": None,
    }
    kept = _kept(file, wanted, made_from)
    if kept is not None:
        return kept
    try:
        answer = answer_about(
            file.path,
            reading,
            method=method,
            tolerance=wanted.tolerance,
            max_offset_seconds=wanted.max_offset_seconds,
            progress=progress,
        )
    except InputError as error:
        row |= {"verdict": None, "error": str(error), "sentence": "", "windows": []}
    else:
        row |= answer.as_dict() | {"sentence": answer.sentence()}
        if wanted.fix is not None and answer.verdict == "out of sync":
            row |= _mend(answer, storage.join(wanted.fix, file.copy))
        if wanted.output is not None:
            _write_plot(answer, storage.join(wanted.output, f"{file.stem}.png"))
    if wanted.output is not None:
        storage.write_json(storage.join(wanted.output, f"{file.stem}.json"), row)
    return row


@functools.cache
def _code() -> str | None:
    return code_version()["hash"]


def status_of(row: Row) -> int:
    """Return the exit status that a row asks for."""
    return BAD_INPUT if row["error"] or row["fix_error"] else STATUS[row["verdict"]]


def _kept(file: File, wanted: Wanted, made_from: str) -> Row | None:
    """Return what was said before of the same file, asked in the same way."""
    if wanted.output is None:
        return None
    place = storage.join(wanted.output, f"{file.stem}.json")
    row = storage.read_json(place) if storage.exists(place) else {}
    is_there = not row.get("fix") or storage.exists(row["fix"])
    return row if row.get("made_from") == made_from and is_there else None


def _mend(answer: Answer, target: str) -> Row:
    """Write a copy with the sound moved; say where it is, or why there is none."""
    try:
        if answer.fix_refusal:
            raise MediaError("remux", answer.fix_refusal)
        move_sound(answer.video, target, late_seconds=answer.found.offset_seconds)
    except MediaError as error:
        return {"fix_error": f"{error.reason}: {error.detail}" if error.detail else error.reason}
    return {"fix": target}


def _write_plot(answer: Answer, target: str) -> None:
    from workflows.offset.plot import draw_answer  # takes a quarter of a second to import

    picture = io.BytesIO()
    draw_answer(answer).savefig(picture, format="png", dpi=110)
    storage.write_bytes(target, picture.getvalue())

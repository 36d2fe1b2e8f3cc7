"""Answers about files one after another: printed, written, and the files mended."""

import contextlib
import dataclasses
import os
import sys
from collections.abc import Iterator, Sequence

from datasets.media import MediaError, move_sound
from datasets.sources.media_files import find_media
from infra import storage
from infra.errors import InputError
from infra.outputs import output_stems, writing
from workflows.offset.answer import Answer, Tolerance, answer_about
from workflows.offset.reading import reading_for

STATUS = {"in sync": 0, "out of sync": 1, "cannot tell": 3}
_BAD_INPUT = 2
_ENDINGS = (".json", ".png")


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """What was asked for."""

    model: str | None
    output: str | None
    fix: str | None
    max_offset_seconds: float
    tolerance: Tolerance


def ask_files(videos: Sequence[str], wanted: Wanted) -> int:
    """Answer about every file; return the exit status.

    Raises:
        InputError: If nothing can be asked; what is wrong with a single file is printed, and the status is 2.
    """
    paths = list_videos(videos)
    stems = output_stems(paths)
    folder, fixes = (_local(place, field) for place, field in ((wanted.output, "--output"), (wanted.fix, "--fix")))
    names = [f"{os.path.basename(stem)}{ending}" for stem in stems for ending in _ENDINGS]
    copies = [stem + os.path.splitext(path)[1] for stem, path in zip(stems, paths, strict=True)]
    statuses: list[int] = []
    with (
        reading_for(wanted.model) as (reading, method),
        _writing(folder, names, "--output"),
        _writing(fixes, copies, "--fix"),
    ):
        print(f"method   {method}")
        print(
            f"in sync  sound at most {wanted.tolerance.early_ms:g} ms early and {wanted.tolerance.late_ms:g} ms late; "
            "offsets are above zero where the sound is late"
        )
        for path, stem, copy in zip(paths, stems, copies, strict=True):
            try:
                answer = answer_about(
                    path,
                    reading,
                    method=method,
                    tolerance=wanted.tolerance,
                    max_offset_seconds=wanted.max_offset_seconds,
                )
            except InputError as error:
                print(f"error: {error}", file=sys.stderr)
                statuses.append(_BAD_INPUT)
                continue
            statuses.append(STATUS[answer.verdict])
            print(f"{storage.shown(path)}  {answer.sentence()}", flush=True)
            if folder is not None:
                storage.write_json(storage.join(folder, f"{stem}.json"), answer.as_dict())
                from workflows.offset.plot import draw_answer

                draw_answer(answer).savefig(storage.join(folder, f"{stem}.png"), dpi=110)
            if fixes is not None and answer.verdict == "out of sync":
                statuses.append(_mend(answer, storage.join(fixes, copy)))
    return next(status for status in (_BAD_INPUT, 1, 3, 0) if status in [*statuses, 0])


def list_videos(videos: Sequence[str]) -> list[str]:
    """Return the files that are named, and those below the folders that are.

    Raises:
        InputError: If a folder holds none.
    """
    paths: list[str] = []
    for name in videos:
        place = storage.resolve(name, field="--video")
        if not os.path.isdir(place):
            paths.append(place)
            continue
        found = find_media(place, say=print)[0]
        if not found:
            raise InputError(f"--video: the folder '{place}' holds no media files; give one with videos")
        paths += found
    return list(dict.fromkeys(paths))


def _mend(answer: Answer, target: str) -> int:
    """Write a copy with the sound moved; return the status."""
    refusal = answer.fix_refusal
    try:
        if refusal:
            raise MediaError("remux", refusal)
        move_sound(answer.video, target, late_seconds=answer.found.offset_seconds)
    except MediaError as error:
        detail = f": {error.detail}" if error.detail else ""
        print(
            f"error: --fix: '{storage.shown(answer.video)}' cannot be mended by moving its sound: {error.reason}{detail}",
            file=sys.stderr,
        )
        return _BAD_INPUT
    print(f"{target}  sound moved by {-1000 * answer.found.offset_seconds:+.0f} ms")
    return 0


def _local(place: str | None, field: str) -> str | None:
    folder = None if place is None else storage.resolve(place, field=field)
    if folder is not None and storage.is_remote(folder):
        raise InputError(f"{field}: '{folder}' is in S3; give a local folder")
    return folder


@contextlib.contextmanager
def _writing(folder: str | None, names: Sequence[str], option: str) -> Iterator[None]:
    with contextlib.nullcontext() if folder is None else writing(folder, names, option=option):
        yield

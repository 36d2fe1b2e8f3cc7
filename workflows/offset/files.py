"""Answers about files: in this process or on workers of Ray Data, printed as they come, and tables and a page of many."""

import contextlib
import os
import sys
from collections.abc import Iterator, Sequence

from datasets.sources.media_files import find_media
from datasets.tables.offsets import OFFSETS
from infra import storage
from infra.errors import InputError
from infra.outputs import output_stems, writing
from workflows.offset.examine import BAD_INPUT, ENDINGS, File, Row, Wanted, examine, status_of
from workflows.offset.reading import method_name, reading_for

CORPUS_NAMES = (OFFSETS, "windows.parquet", "histogram.png", "index.html")
"""Written into the output folder about a folder, or more than one file."""


def ask_files(videos: Sequence[str], wanted: Wanted, *, num_workers: int = 0) -> int:
    """Answer about every file; return the exit status.

    Raises:
        InputError: If nothing can be asked; what is wrong with a single file is printed, and the status is 2.
    """
    paths = list_videos(videos)
    files = [File(path=path, stem=stem) for path, stem in zip(paths, output_stems(paths), strict=True)]
    names = [f"{file.stem}{ending}" for file in files for ending in ENDINGS]
    is_corpus = paths != [storage.resolve(videos[0], field="--video")]
    names += CORPUS_NAMES if is_corpus else ()
    copies = [file.copy for file in files]
    with _writing(wanted.output, names, "--output"), _writing(wanted.fix, copies, "--fix"):
        rows: list[Row] = []
        for row in _here(files, wanted) if num_workers == 0 else _on_workers(files, wanted, num_workers):
            if not row["error"] and all(earlier["error"] for earlier in rows):
                _print_method(wanted)
            _print(row)
            rows.append(row)
        if wanted.output is not None and is_corpus:
            from workflows.offset.corpus import write_corpus

            print(write_corpus(wanted.output, rows, tolerance=wanted.tolerance))
    statuses = [status_of(row) for row in rows]
    return next(status for status in (BAD_INPUT, 1, 3, 0) if status in [*statuses, 0])


def list_videos(videos: Sequence[str]) -> list[str]:
    """Return the files that are named, and those below the folders that are.

    Raises:
        InputError: If a file is not there, or a folder holds none.
    """
    paths: list[str] = []
    for name in videos:
        place = storage.resolve(name, field="--video")
        if not storage.exists(place) and not os.path.isdir(place):
            raise InputError(f"--video: '{storage.shown(place)}' does not exist; give a video file or a folder of them")
        if not os.path.isdir(place):
            paths.append(place)
            continue
        found = find_media(place, say=print)[0]
        if not found:
            raise InputError(f"--video: the folder '{place}' holds no media files; give one with videos")
        paths += found
    return [path for path in dict.fromkeys(paths) if storage.is_utf8(path)]


def _here(files: Sequence[File], wanted: Wanted) -> Iterator[Row]:
    with reading_for(wanted.model) as (reading, method):
        for file in files:
            yield examine(file, reading, method=method, wanted=wanted)


def _on_workers(files: Sequence[File], wanted: Wanted, num_workers: int) -> Iterator[Row]:
    from workflows.offset.workers import examine_on_workers

    with reading_for(wanted.model):  # a model that cannot be used is refused before workers start
        pass
    yield from examine_on_workers(files, wanted, num_workers)


def _print_method(wanted: Wanted) -> None:
    print(f"method   {method_name(wanted.model)}")
    print(
        f"in sync  sound at most {wanted.tolerance.early_ms:g} ms early and {wanted.tolerance.late_ms:g} ms late; "
        "offsets are above zero where the sound is late"
    )


def _print(row: Row) -> None:
    video = storage.shown(row["video"])
    if row["error"]:
        print(f"error: {row['error']}", file=sys.stderr)
        return
    print(f"{video}  {row['sentence']}", flush=True)
    if row["fix"]:
        print(f"{row['fix']}  sound moved by {-row['offset_ms']:+.0f} ms")
    if row["fix_error"]:
        print(f"error: --fix: '{video}' cannot be mended by moving its sound: {row['fix_error']}", file=sys.stderr)


@contextlib.contextmanager
def _writing(folder: str | None, names: Sequence[str], option: str) -> Iterator[None]:
    with contextlib.nullcontext() if folder is None else writing(folder, names, option=option):
        yield

"""The official catalogs of Kinetics, AVSpeech, VGGSound, AudioSet and VGG-SS, with the videos in a folder of one's own.

A file is looked for at any depth below the root: whole uploads as <id>.<ext>, trimmed ones as <id>_<start>_<end>.<ext>, in seconds
with six digits (Kinetics) or in milliseconds, or as <id>_<start>.<ext> (VGGSound). Of a whole upload only the segment is used.
"""

import dataclasses
import os
from collections.abc import Mapping, Sequence
from typing import Any

from datasets.sources.catalog_formats import read_catalog
from datasets.sources.classes import keep_classes
from datasets.sources.media_files import find_media
from datasets.sources.repeated import join_rows, repeated
from datasets.sources.source import Source
from infra import storage
from infra.errors import InputError
from infra.progress import Say, unsaid

Row = dict[str, Any]


def index(
    catalog: str, video_root: str, *, classes: Sequence[str] = (), say: Say = unsaid
) -> tuple[list[Source], list[Row]]:
    """Return the catalog's videos of some classes that are there, and error rows for those that are missing or listed twice.

    `say` is told which columns and files are not read.

    Raises:
        InputError: If the catalog is not there or in none of the formats, or a class is not in it.
    """
    if not storage.exists(catalog):
        raise InputError(f"--source: '{catalog}' does not exist; give a catalog, a folder or 'synthetic'")
    if not storage.exists(video_root):
        raise InputError(f"--video-root: '{video_root}' does not exist; give the folder with the catalog's videos")
    rows, left_out = read_catalog(catalog)
    listed, errors = join_rows(rows)
    if left_out:
        say(f"columns  {', '.join(left_out)} not read")
    files, unread = find_media(video_root, say=say)
    by_name: dict[str, list[str]] = {}
    for path in files:
        by_name.setdefault(os.path.splitext(os.path.basename(path))[0], []).append(path)
    errors += unread
    sources: dict[tuple[str, float | None, float | None], Source] = {}
    for segment in keep_classes(listed, classes, place=catalog):
        source = _with_file(segment, by_name)
        if source is None:
            detail = f"neither {segment.catalog_id}.* nor a trimmed file below {video_root}"
            errors.append({"source": segment.video_id, "stage": "index", "reason": "file missing", "detail": detail})
            continue
        first = sources.setdefault((source.path, source.start_seconds, source.end_seconds), source)
        if first is not source:
            errors.append(repeated(source, "listed twice", f"{source.video_id} has the file of {first.video_id}"))
    return list(sources.values()), errors


def _with_file(segment: Source, files: Mapping[str, Sequence[str]]) -> Source | None:
    """Return a segment with its trimmed file, else with the whole upload, or with several that may be it; none where there is none."""
    upload, start, end = segment.catalog_id or "", segment.start_seconds or 0.0, segment.end_seconds or 0.0
    names = (
        f"{upload}_{start:06.0f}_{end:06.0f}",
        f"{upload}_{start * 1000:.0f}_{end * 1000:.0f}",
        f"{upload}_{start:06.0f}",
    )
    trimmed = [path for name in names for path in files.get(name, ())]
    if trimmed:
        return dataclasses.replace(
            segment, path=trimmed[0], others=tuple(trimmed[1:]), start_seconds=None, end_seconds=None
        )
    whole = files.get(upload, ())
    return dataclasses.replace(segment, path=whole[0], others=tuple(whole[1:])) if whole else None

"""The official catalogs of Kinetics, AVSpeech, VGGSound and AudioSet, with the videos in a folder of one's own.

A file is looked for at any depth below the root: whole uploads as <id>.<ext>, trimmed ones as <id>_<start>_<end>.<ext>, in seconds
with six digits (Kinetics) or in milliseconds, or as <id>_<start>.<ext> (VGGSound). Of a whole upload only the segment is used.
"""

import csv
import os
from collections.abc import Iterator
from typing import Any

from datasets.sources.folder import EXTENSIONS
from datasets.sources.source import Source
from infra import storage
from infra.errors import InputError

_KINETICS = ["label", "youtube_id", "time_start", "time_end", "split"]
_VGGSOUND_SECONDS = 10.0
_Entry = tuple[str, float, float, str | None]


def index(catalog: str, video_root: str) -> tuple[list[Source], list[dict[str, Any]]]:
    """Return the catalog's videos that are there, and error rows for the missing ones.

    Raises:
        InputError: If the catalog is not there or in none of the formats.
    """
    if not storage.exists(catalog):
        raise InputError(f"--source: '{catalog}' does not exist; give a CSV catalog, a folder or 'synthetic'")
    if not storage.exists(video_root):
        raise InputError(f"--video-root: '{video_root}' does not exist; give the folder with the catalog's videos")
    files = {
        os.path.splitext(os.path.basename(path))[0]: path
        for path in storage.list_files(video_root)
        if os.path.splitext(path)[1].lower() in EXTENSIONS
    }
    sources, missing = [], []
    for video, start, end, label in _entries(catalog):
        video_id = f"{video}_{start:g}_{end:g}"
        trimmed = next((files[name] for name in _names(video, start, end) if name in files), None)
        path = trimmed or files.get(video)
        if path is None:
            detail = f"neither {video}.* nor a trimmed file below {video_root}"
            missing.append({"source": video_id, "stage": "index", "reason": "file missing", "detail": detail})
            continue
        whole = trimmed is None
        sources.append(
            Source(
                path=path,
                video_id=video_id,
                label=label,
                catalog_id=video,
                start_seconds=start if whole else None,
                end_seconds=end if whole else None,
            )
        )
    return sources, missing


def _names(video: str, start: float, end: float) -> list[str]:
    return [
        f"{video}_{start:06.0f}_{end:06.0f}",
        f"{video}_{start * 1000:.0f}_{end * 1000:.0f}",
        f"{video}_{start:06.0f}",
    ]


def _entries(catalog: str) -> Iterator[_Entry]:
    lines = storage.read_bytes(catalog).decode("utf-8-sig").splitlines()
    rows = [
        (number, row)
        for number, row in enumerate(csv.reader(lines, skipinitialspace=True), start=1)
        if row and not row[0].startswith("#")
    ]
    audioset = any(line.startswith("#") for line in lines[:3])
    if not rows:
        raise InputError(f"--source: '{catalog}' has no rows; give a catalog with videos")
    header = [name.strip() for name in rows[0][1]]
    kinetics = "youtube_id" in header
    if kinetics:
        unknown = [name for name in header if name not in _KINETICS]
        if unknown:
            raise InputError(
                f"--source: '{catalog}' has the unknown column '{unknown[0]}'; Kinetics' columns are {','.join(_KINETICS)}"
            )
        rows = rows[1:]
    for number, row in rows:
        try:
            if kinetics:
                named = dict(zip(header, row, strict=True))
                label = named.get("label") or None
                yield named["youtube_id"], float(named["time_start"]), float(named["time_end"]), label
            elif audioset:
                yield row[0], float(row[1]), float(row[2]), row[3] if len(row) > 3 else None
            elif len(row) == 5:
                yield row[0], float(row[1]), float(row[2]), None
            elif len(row) == 4:
                yield row[0], float(row[1]), float(row[1]) + _VGGSOUND_SECONDS, row[2]
            else:
                raise ValueError
        except (ValueError, KeyError):
            raise InputError(
                f"--source: '{catalog}' line {number} is not in the format of Kinetics (with its header), AVSpeech "
                "(5 columns), VGGSound (4 columns) or AudioSet ('#' lines first); mend or remove it"
            ) from None

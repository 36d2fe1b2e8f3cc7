"""The formats of official catalogs: Kinetics, AVSpeech, VGGSound and AudioSet as CSV or TSV, with a header or without; VGG-SS as JSON.

A header names the columns of any of them. Without one they are told by what stands in the first line. Lines that begin with '#' are left out.
"""

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from datasets.sources.lines import is_number, read_lines, read_text, times
from datasets.sources.source import Box, Source
from datasets.sources.splits import is_split, official_split
from infra.errors import InputError

_VGGSOUND_SECONDS = 10.0
_ID, _START = "youtube_id", "time_start"
_READ = (_ID, _START, "time_end", "label", "split")
_ALIASES = {
    "ytid": _ID,
    "yt_id": _ID,
    "start": _START,
    "start_seconds": _START,
    "start_time": _START,
    "end": "time_end",
    "end_seconds": "time_end",
    "end_time": "time_end",
    "class": "label",
    "positive_labels": "label",
    "train/test_split": "split",
}
_FILES = ("path", "video", "audio", "image")
# Columns of a catalog without header: n is a number, s a split, and * may be anything else.
_LAYOUTS = (
    ("**nns", ("label", _ID, _START, "time_end", "split")),  # Kinetics
    ("**nnsn", ("label", _ID, _START, "time_end", "split", "is_cc")),
    ("*nns", (_ID, _START, "time_end", "split")),  # Kinetics' test videos
    ("*nnnn", (_ID, _START, "time_end", "x", "y")),  # AVSpeech
    ("*nn*", (_ID, _START, "time_end", "label")),  # AudioSet
    ("*n*s", (_ID, _START, "label", "split")),  # VGGSound
)


class Catalog(NamedTuple):
    """What a catalog lists, with line numbers and without files, and its columns that are not read."""

    rows: Iterator[tuple[int, Source]]
    left_out: list[str]


def is_catalog_header(cells: Sequence[str]) -> bool:
    """Return whether a line names columns of a catalog: YouTube's ids, and no files."""
    names = [_column(cell) for cell in cells]
    return _ID in names and not any(name in names for name in _FILES)


def read_catalog(path: str) -> Catalog:
    """Return what a catalog lists; of a source the path is empty, and the times are those of its segment of the upload.

    Raises:
        InputError: If it is in none of the formats. A line that does not fit is found when the rows are read.
    """
    if path.lower().endswith(".json"):
        return Catalog(_vggss(path), [])
    lines = read_lines(path, comment="#")
    number, first = next(lines, (0, []))
    if not first:
        raise InputError(f"--source: '{path}' has no rows; give a catalog with videos")
    if is_catalog_header(first):
        names, rows = [_column(cell) for cell in first], lines
        if _START not in names:
            raise InputError(
                f"--source: '{path}' has no column '{_START}', it has {', '.join(first)}; name one so in the first line"
            )
    else:
        names, rows = _names_without_header(path, number, first), itertools.chain([(number, first)], lines)
    return Catalog(_sources(path, names, rows), [name for name in names if name not in _READ])


def _column(name: str) -> str:
    plain = name.strip().lower().replace(" ", "_")
    return _ALIASES.get(plain, plain)


def _names_without_header(path: str, number: int, cells: Sequence[str]) -> Sequence[str]:
    fits = {"*": lambda _: True, "n": is_number, "s": is_split}
    for pattern, names in _LAYOUTS:
        if len(cells) == len(names) and all(fits[kind](cell) for kind, cell in zip(pattern, cells, strict=True)):
            return names
    raise InputError(
        f"--source: '{path}' line {number} is not in the format of Kinetics, AVSpeech, VGGSound or AudioSet; mend it, or name "
        f"the columns {', '.join(_READ)} in the first line"
    )


def _sources(path: str, names: Sequence[str], rows: Iterable[tuple[int, list[str]]]) -> Iterator[tuple[int, Source]]:
    for number, cells in rows:
        try:
            if len(cells) != len(names):
                raise ValueError(f"{len(cells)} values, not {len(names)} as the first line")
            yield number, _source(dict(zip(names, cells, strict=True)))
        except ValueError as error:
            raise InputError(f"--source: '{path}' line {number}: {error}; mend or remove it") from None


def _source(row: Mapping[str, str]) -> Source:
    start, end = times(row[_START], row.get("time_end"))
    if not row[_ID] or start is None:
        raise ValueError(f"no {_START if row[_ID] else _ID}")
    return _segment(row[_ID], start, end, label=row.get("label") or None, split=official_split(row.get("split")))


def _segment(upload: str, start: float, end: float | None, **told: Any) -> Source:
    """Return a segment of an upload; VGGSound's, which have no end, last ten seconds."""
    end = start + _VGGSOUND_SECONDS if end is None else end
    return Source(
        path="",
        video_id=f"{upload}_{start:g}_{end:g}",
        catalog_id=upload,
        start_seconds=start,
        end_seconds=end,
        **told,
    )


def _vggss(path: str) -> Iterator[tuple[int, Source]]:
    """Yield the videos of VGG-SS, which are of VGGSound's test videos, with the boxes of what sounds."""
    try:
        entries = json.loads(read_text(path))
        for number, entry in enumerate(entries, start=1):
            upload, start = entry["file"].rsplit("_", 1)
            boxes = tuple(_boxes(entry["bbox"], entry["class"]))
            segment = _segment(upload, float(start), None, label=entry["class"], split="test", boxes=boxes or None)
            yield number, segment
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"--source: '{path}' is not in the format of VGG-SS, a list of {{file, class, bbox}} "
            f"({type(error).__name__}: {error}); give its vggss.json, or another catalog's CSV file"
        ) from None


def _boxes(corners: Iterable[Sequence[float]], label: str) -> Iterator[Box]:
    """Yield boxes within the frame; the catalog has some without an area, which bound nothing."""
    for corner in corners:
        x0, y0, x1, y1 = (min(1.0, max(0.0, float(value))) for value in corner)
        if x0 < x1 and y0 < y1:
            yield Box(x0, y0, x1, y1, label=label)

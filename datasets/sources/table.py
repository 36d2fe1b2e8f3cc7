"""Tables of one's own as a source: CSV, TSV, JSONL or Parquet with a row a video, sound, still picture or text.

Known columns are path, video, audio, image; label, split, fold, recording, start, end; and the roles of texts, such as caption, also as
caption_1, caption_2 or with a list of texts, each a string or {"text", "start", "end"} in seconds. Official splits and folds are kept.
Rows of the same files and times are one source with the texts of all, as where a table has a line a caption.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from datasets.schema import TEXT_ROLES
from datasets.sources.catalog_formats import is_catalog_header
from datasets.sources.lines import is_number, read_lines, read_text, seconds, times
from datasets.sources.repeated import join_rows
from datasets.sources.source import Source, Text
from datasets.sources.splits import official_split
from infra import storage
from infra.errors import InputError
from infra.progress import Say, unsaid
from infra.seeding import digest

Row = dict[str, Any]

ENDINGS = (".csv", ".tsv", ".jsonl", ".parquet")
_FILES = ("path", "video", "audio", "image")
_DETAILS = ("label", "split", "fold", "recording", "start", "end")
_IMAGE_ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff")


class _Layout(NamedTuple):
    """Which column of a table holds what."""

    files: dict[str, str]
    details: dict[str, str]
    texts: list[tuple[str, str]]
    left_out: list[str]


def is_table(source: str, columns: Sequence[str] = ()) -> bool:
    """Return whether a file is a table of this kind, and not an official catalog: one with names of columns, but none of YouTube's ids."""
    lower = source.lower()
    if not lower.endswith(ENDINGS):
        return False
    if lower.endswith((".jsonl", ".parquet")) or columns:
        return True
    if not storage.exists(source):
        return False
    first = next((cells for _, cells in read_lines(source)), [])
    header = any(first) and not first[0].startswith("#") and not any(map(is_number, first))
    return header and not is_catalog_header(first)


def index(table: str, root: str, columns: Sequence[str] = (), *, say: Say = unsaid) -> tuple[list[Source], list[Row]]:
    """Return the sources that a table lists, and error rows for those that are listed twice or contradict each other.

    Args:
        table: the file.
        root: folder that its paths are relative to.
        columns: NAME=COLUMN, for columns under other names than the known ones.
        say: told which columns are not read.

    Raises:
        InputError: If it cannot be read, or has no known column.
    """
    header, rows = _read(table)
    layout = _layout(table, header, columns)
    found, errors = join_rows(_sources(table, rows, layout, root))
    if not found:
        raise InputError(f"--source: '{table}' has no rows; give a table with some")
    if layout.left_out:
        say(f"columns  {', '.join(layout.left_out)} not read; --columns NAME=COLUMN would")
    return found, errors


def _sources(table: str, rows: Iterator[tuple[int, Row]], layout: _Layout, root: str) -> Iterator[tuple[int, Source]]:
    for number, row in rows:
        try:
            yield number, _source(row, layout, root)
        except ValueError as error:
            raise InputError(f"--source: '{table}' line {number}: {error}; mend or remove it") from None


def _layout(table: str, header: Sequence[str], columns: Sequence[str]) -> _Layout:
    """Return which column holds what; those named by the user go before those of a known name."""
    layout = _Layout({}, {}, [], [])
    mapped = [_mapped(table, header, pair) for text in columns for pair in text.split(",")]
    taken = {column for _, column in mapped}
    renamed = {_role(name) or name for name, _ in mapped}
    own = [(name, name) for name in header if name not in taken and (_role(name) or name) not in renamed]
    for name, column in [*mapped, *own]:
        if role := _role(name):
            layout.texts.append((role, column))
        elif name in _FILES:
            layout.files[name] = column
        elif name in _DETAILS:
            layout.details[name] = column
    used = {*layout.files.values(), *layout.details.values(), *(column for _, column in layout.texts)}
    layout.left_out.extend(name for name in header if name and name not in used)
    if not layout.files and not layout.texts:
        raise InputError(
            f"--source: '{table}' has the columns {', '.join(header)}, none of which names a file or a text; known are {_known()}; "
            f"name one with --columns, for example --columns image={header[0] if header else 'COLUMN'}"
        )
    return layout


def _mapped(table: str, header: Sequence[str], pair: str) -> tuple[str, str]:
    name, equal, column = pair.partition("=")
    if not equal or not (_role(name) or name in _FILES + _DETAILS):
        raise InputError(f"--columns: '{pair}' is not NAME=COLUMN with a name that is known: {_known()}")
    if column not in header:
        raise InputError(f"--columns: '{table}' has no column '{column}'; it has {', '.join(header)}")
    return name, column


def _known() -> str:
    return ", ".join((*_FILES, *_DETAILS, *TEXT_ROLES))


def _role(name: str) -> str | None:
    """Return the role of the texts in a column: caption of caption_2; none where it holds none."""
    role = re.sub(r"_\d+$", "", name)
    return role if role in TEXT_ROLES else None


def _source(row: Mapping[str, Any], layout: _Layout, root: str) -> Source:
    """Return the source of a row.

    Raises:
        ValueError: If a value is not what its column takes.
    """
    files = {name: _string(row.get(column)) for name, column in layout.files.items()}
    if files.get("path", "").lower().endswith(_IMAGE_ENDINGS):
        files.setdefault("image", files.pop("path"))
    media = [file for name in ("path", "video", "audio") if (file := files.get(name))]
    if len(set(media)) > 1:
        raise ValueError(
            f"'{media[0]}' and '{media[1]}' are two files of one row; name one of them, the other in a row of its own"
        )
    details = {name: _string(row.get(column)) for name, column in layout.details.items()}
    path, image = media[0] if media else "", files.get("image", "")
    start, end = times(details.get("start"), details.get("end"))
    texts = tuple(text for role, column in layout.texts for text in _texts(role, row.get(column)))
    if not (path or image or texts):
        raise ValueError("names neither a file nor a text")
    return Source(
        path=_place(root, path),
        video_id=_name(path, image, texts, start, end),
        label=details.get("label") or None,
        catalog_id=details.get("recording") or None,
        start_seconds=start,
        end_seconds=end,
        image=_place(root, image),
        texts=texts,
        split=official_split(details.get("split")),
        fold=_fold(details.get("fold")),
    )


def _name(path: str, image: str, texts: Sequence[Text], start: float | None, end: float | None) -> str:
    files = "+".join(os.path.normpath(name) for name in (image, path) if name)
    if not files:
        return f"text-{digest(texts).hex()[:16]}"
    times = "" if start is None and end is None else f"_{start or 0:g}_{'' if end is None else f'{end:g}'}"
    return files + times


def _place(root: str, name: str) -> str:
    if not name or storage.is_remote(name) or os.path.isabs(name):
        return name
    return storage.join(root, os.path.normpath(name))


def _string(value: Any) -> str:
    if isinstance(value, list | dict):
        raise ValueError(f"{value} is not one value")
    text = "" if value is None or value != value else str(value).strip()
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError(f"{text!r} is not UTF-8")
    return text


def _texts(role: str, value: Any) -> Iterator[Text]:
    for each in value if isinstance(value, list) else [value]:
        timed = each if isinstance(each, dict) else {"text": each}
        if unknown := set(timed) - {"text", "start", "end"}:
            raise ValueError(f"{role} has the unknown key '{min(unknown)}'; a text has text, start and end")
        if text := _string(timed.get("text")):
            start, end = (seconds(name, _string(timed.get(name))) for name in ("start", "end"))
            yield Text(role=role, text=text, start_seconds=start, end_seconds=end)


def _fold(value: str | None) -> int | None:
    if not value:
        return None
    if not is_number(value) or float(value) % 1 or abs(float(value)) > 2**31 - 1:
        raise ValueError(f"fold '{value}' is no whole number")
    return int(float(value))


def _read(table: str) -> tuple[list[str], Iterator[tuple[int, Row]]]:
    """Return the names of a table's columns and its rows with their numbers.

    Raises:
        InputError: If it is not there or of another format.
    """
    if not storage.exists(table):
        raise InputError(f"--source: '{table}' does not exist; give a table, a folder or 'synthetic'")
    if table.lower().endswith(".parquet"):
        return _read_parquet(table)
    if table.lower().endswith(".jsonl"):
        rows = list(_read_jsonl(table))
        return list(dict.fromkeys(name for _, row in rows for name in row)), iter(rows)
    lines = read_lines(table)
    header = next((cells for _, cells in lines), [])
    return header, _named(table, header, lines)


def _read_parquet(table: str) -> tuple[list[str], Iterator[tuple[int, Row]]]:
    try:
        file = pq.ParquetFile(storage.open_input(table))
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"--source: '{table}' is no whole Parquet file ({error}); write it again") from None
    rows = (row for batch in file.iter_batches() for row in batch.to_pylist())
    return file.schema_arrow.names, enumerate(rows, start=1)


def _read_jsonl(table: str) -> Iterator[tuple[int, Row]]:
    for number, line in enumerate(read_text(table).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError:
            row = None
        if not isinstance(row, dict):
            raise InputError(f"--source: '{table}' line {number} is no JSON object; mend or remove it")
        yield number, row


def _named(table: str, header: Sequence[str], lines: Iterator[tuple[int, list[str]]]) -> Iterator[tuple[int, Row]]:
    for number, cells in lines:
        if len(cells) != len(header):
            raise InputError(
                f"--source: '{table}' line {number} has {len(cells)} values, the first line names {len(header)} columns; mend it"
            )
        yield number, dict(zip(header, cells, strict=True))

"""Under which licence each video of a dataset is: `licenses.parquet` beside it, counted on its card and on the cards of models."""

from collections import Counter
from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from datasets.sources.lines import read_lines
from datasets.sources.source import Source
from datasets.tables.table import read_table, write_table
from infra import storage
from infra.errors import InputError

MADE_HERE = "none needed: made by this program"
NOT_STATED = "not stated"
_TABLE = "licenses.parquet"
_SCHEMA = pa.schema(
    [pa.field("video_id", pa.string(), nullable=False), pa.field("license", pa.string(), nullable=False)]
)
_SPELLINGS = ("license", "licence")


def match_licenses(table: str, sources: Sequence[Source]) -> dict[str, str]:
    """Return the licences of those videos that a CSV table names.

    Args:
        table: CSV or TSV with a header; `path` is the end of a video's path, its id, or its catalog's, and `license` its licence.
        sources: videos.

    Raises:
        InputError: If the table is not there or lacks a column, or names none of the videos.
    """
    if not storage.exists(table):
        raise InputError(f"--licenses: '{table}' does not exist; give a CSV file with the columns path and license")
    header, *lines = [cells for _, cells in read_lines(table, option="--licenses")] or [[]]
    spelling = next((name for name in _SPELLINGS if name in header), None)
    if spelling is None or "path" not in header or not lines:
        raise InputError(f"--licenses: '{table}' has no rows with the columns path and license; give both")
    rows = [dict(zip(header, cells, strict=False)) for cells in lines]
    named = {row.get("path", ""): row.get(spelling) or NOT_STATED for row in rows}
    found = {}
    for source in sources:
        places = [place.split("/") for place in (source.place, *source.others)]
        ends = ("/".join(parts[first:]) for parts in places for first in range(len(parts)))
        for key in (source.video_id, source.catalog_id, *ends):
            if key in named:
                found[source.video_id] = named[key]
                break
    if not found:
        raise InputError(
            f"--licenses: '{table}' names none of the {len(sources)} videos; give paths as they end on disk"
        )
    return found


def record_licenses(dataset: str, found: Mapping[str, str]) -> None:
    """Add videos' licences to a dataset."""
    known = read_licenses(dataset) | dict(found)
    rows = [{"video_id": video, "license": name} for video, name in sorted(known.items())]
    write_table(storage.join(dataset, _TABLE), rows, _SCHEMA)


def read_licenses(dataset: str) -> dict[str, str]:
    """Return the licences that are known, by video."""
    return {row["video_id"]: row["license"] for row in read_table(storage.join(dataset, _TABLE))}


def count_licenses(dataset: str, videos: pa.ChunkedArray) -> dict[str, int]:
    """Return how many of the videos are under which licence, the commonest first; nothing where none is known."""
    uri = storage.join(dataset, _TABLE)
    if not storage.exists(uri):
        return {}
    known = pq.read_table(storage.open_input(uri)).combine_chunks()
    if not known.num_rows:
        return {}
    places = pc.index_in(videos, known["video_id"].combine_chunks())
    found = pc.fill_null(known["license"].combine_chunks().take(places.combine_chunks()), NOT_STATED)
    return dict(Counter({row["values"]: row["counts"] for row in found.value_counts().to_pylist()}).most_common())

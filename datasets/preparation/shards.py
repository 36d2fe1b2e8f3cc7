"""Output shards: which sources make one, its name, and how it becomes one file.

A name is a digest of the shard's sources and the configuration, so that the same work has the same name wherever it runs. A shard that
loses sources is retired: another one, planned as its replacement, has the rows of those that stay.
"""

import dataclasses
from collections.abc import Collection, Sequence
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from datasets.clips.windows import PlannedWindow
from datasets.media import Timeline, timeline_from_dict
from datasets.schema import MEDIA_COLUMNS
from datasets.sources.source import Box, Text, nested_parts
from infra import storage
from infra.seeding import digest

SPLITS = ("train", "validation", "test")
ROW_GROUP_BYTES = 16 * 2**20
ROW_GROUP_ROWS = 32
SHARD_BYTES = 128 * 2**20
_FEWEST_ROWS = 2


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class PlannedSource:
    """A source with the windows to cut from it."""

    path: str
    video_id: str
    content_id: str
    recording_id: str
    label: str | None
    windows: tuple[PlannedWindow, ...]
    image: str = ""
    texts: tuple[Text, ...] = ()
    boxes: tuple[Box, ...] | None = None
    fold: int | None = None
    line: Timeline = Timeline()
    seconds: float = 0.0
    """How long it is."""
    covered_seconds: float = 0.0
    """What of that is in a window."""
    left_out: dict[str, float] = dataclasses.field(default_factory=dict)
    """Seconds that no window can reach, by reason."""

    @property
    def place(self) -> str:
        """What it is called where it lies, as of the source that it was."""
        return self.path or self.image or self.video_id

    @property
    def has_pair(self) -> bool:
        """Whether its windows are pairs; a short source has one without a partner."""
        return any(window.pair is not None for window in self.windows)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class PlannedShard:
    """The sources of one output file.

    `replaces` is the shard that this one takes the rows from; one without sources only retires it. `generation` counts the retired
    shards that had the same sources, so that a name is never used again.
    """

    shard_id: str
    split: str
    sources: tuple[PlannedSource, ...]
    replaces: str | None = None
    generation: int = 0


class Named(Protocol):
    """A shard as far as its file is concerned."""

    @property
    def shard_id(self) -> str:
        """Its name."""
        ...

    @property
    def split(self) -> str:
        """Its split."""
        ...


def planned_source(value: dict[str, Any]) -> PlannedSource:
    """Return a source of nested plain values, as `dataclasses.asdict` gives them."""
    windows = tuple(PlannedWindow(**window) for window in value["windows"])
    return PlannedSource(
        **{**value, "windows": windows, "line": timeline_from_dict(value["line"]), **nested_parts(value)}
    )


def shard_name(fingerprint: str, split: str, content: Sequence[tuple[str, str]], generation: int = 0) -> str:
    """Return the name of the shard of some sources: a digest of what goes into it, each source's video and content."""
    return digest(fingerprint, split, list(content), *([generation] if generation else [])).hex()[:16]


def unused_name(
    fingerprint: str, split: str, content: Sequence[tuple[str, str]], *, retired: Collection[str]
) -> tuple[str, int]:
    """Return a shard's name that no retired shard had, and how many retired shards had the same sources."""
    generation = 0
    while (name := shard_name(fingerprint, split, content, generation)) in retired:
        generation += 1
    return name, generation


def name_shard(
    fingerprint: str,
    split: str,
    sources: Sequence[PlannedSource],
    *,
    retired: Collection[str],
    replaces: str | None = None,
) -> PlannedShard:
    """Return the shard of some sources, under a name that no retired shard had."""
    if not sources:
        return PlannedShard(shard_id=f"{replaces}-retired", split=split, sources=(), replaces=replaces)
    content = [(source.video_id, source.content_id) for source in sources]
    name, generation = unused_name(fingerprint, split, content, retired=retired)
    return PlannedShard(shard_id=name, split=split, sources=tuple(sources), replaces=replaces, generation=generation)


def cut_shards(
    num_rows: np.ndarray, splits: np.ndarray, *, most_rows: int, num_workers: int
) -> tuple[np.ndarray, list[str]]:
    """Return the shard of each source, and the split of each shard: large shards first, for few tasks, then ever smaller ones.

    A shard takes the next sources of its split, with a share of the rows that are left, so that workers that take one shard after the
    other end at about the same time (guided self-scheduling, Polychronopoulos and Kuck, IEEE Transactions on Computers 1987; there
    every worker takes a whole share, here half).

    Args:
        num_rows: rows (sources,) that each source gives.
        splits: index (sources,) of each one's split in `SPLITS`, -1 where it goes into no shard.
        most_rows: rows of the largest shard.
        num_workers: workers that take shards.
    """
    shards, names = np.full(len(num_rows), -1, np.int64), []
    left = int(num_rows[splits >= 0].sum())
    for place, split in enumerate(SPLITS):
        members = np.flatnonzero(splits == place)
        until = np.cumsum(num_rows[members])
        begin = done = 0
        while begin < len(members):
            wanted = min(most_rows, max(_FEWEST_ROWS, left // (2 * num_workers)))
            end = min(len(members), int(np.searchsorted(until, done + wanted)) + 1)
            shards[members[begin:end]] = len(names)
            names.append(split)
            left -= int(until[end - 1]) - done
            begin, done = end, int(until[end - 1])
    return shards, names


def clip_file(dataset: str, shard: Named) -> str:
    """Return where a shard's rows go."""
    return storage.join(dataset, clip_path(shard.split, shard.shard_id))


def clip_path(split: str, shard_id: str) -> str:
    """Return where a shard's rows lie below the dataset."""
    return f"clips/split={split}/{shard_id}.parquet"


def row_groups(table: pa.Table) -> list[pa.Table]:
    """Return consecutive parts of 8 to 64 MB, or 32 rows, that never part a pair."""
    groups, begin, size = [], 0, 0
    pair_ids = table["pair_id"].to_pylist() if "pair_id" in table.column_names else [None] * table.num_rows
    sizes = _row_bytes(table)
    for row in range(table.num_rows):
        size += sizes[row]
        whole = pair_ids[row] is None or row + 1 == len(pair_ids) or pair_ids[row + 1] != pair_ids[row]
        if whole and (size >= ROW_GROUP_BYTES or row + 1 - begin >= ROW_GROUP_ROWS):
            groups.append(table.slice(begin, row + 1 - begin))
            begin, size = row + 1, 0
    if begin < table.num_rows:
        groups.append(table.slice(begin))
    return groups


def write_clips(uri: str, table: pa.Table) -> None:
    """Write one shard's rows, complete or not at all: media as plain binary, few rows a page; columns that no row fills are left out."""
    table = table.drop_columns([name for name in table.column_names if table[name].null_count == table.num_rows])
    small = [name for name in table.column_names if name not in MEDIA_COLUMNS]
    options: dict[str, Any] = {
        "use_dictionary": [name for name in ("source", "video_id", "recording_id", "label") if name in small],
        "compression": {name: "NONE" if name in MEDIA_COLUMNS else "ZSTD" for name in table.column_names},
        "write_statistics": [name for name in small if name not in ("texts", "boxes")],
        "max_rows_per_page": 8,
        "write_page_index": True,
    }
    with storage.staged(uri) as path, pq.ParquetWriter(path, table.schema, **options) as writer:
        for group in row_groups(table):
            writer.write_table(group, row_group_size=group.num_rows)


def _row_bytes(table: pa.Table) -> list[int]:
    sizes = [0] * table.num_rows
    for name in (name for name in MEDIA_COLUMNS if name in table.column_names):
        lengths: list[Any] = pc.binary_length(table[name]).to_pylist()
        sizes = [size + (length or 0) for size, length in zip(sizes, lengths, strict=True)]
    return sizes

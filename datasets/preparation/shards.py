"""The plan of output shards, and how one shard becomes one file.

A shard is planned before work starts, in an append-only plan: a rerun adds shards for new sources and does only those without a
marker. Its name is a digest of its sources' content and the configuration, so that the same work has the same name wherever it runs.
A shard that loses sources is retired: another one, planned as its replacement, has the rows of those that stay.
"""

import dataclasses
import json
import uuid
from collections.abc import Collection, Iterable, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from datasets.clips.windows import PlannedWindow
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
    origin_seconds: float
    windows: tuple[PlannedWindow, ...]
    image: str = ""
    texts: tuple[Text, ...] = ()
    boxes: tuple[Box, ...] | None = None
    fold: int | None = None

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

    def to_json(self) -> str:
        """Return the shard as one line of the plan."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, line: str) -> "PlannedShard":
        """Return the shard of a line of the plan."""
        value = json.loads(line)
        return cls(**{**value, "sources": tuple(_planned_source(source) for source in value["sources"])})


def _planned_source(value: dict[str, Any]) -> PlannedSource:
    windows = tuple(PlannedWindow(**window) for window in value["windows"])
    return PlannedSource(**{**value, "windows": windows, **nested_parts(value)})


def shard_name(fingerprint: str, split: str, sources: Sequence[PlannedSource], generation: int = 0) -> str:
    """Return the name of the shard that holds some sources: a digest of what goes into it."""
    content = [(source.video_id, source.content_id) for source in sources]
    return digest(fingerprint, split, content, *([generation] if generation else [])).hex()[:16]


def name_shard(
    fingerprint: str,
    split: str,
    sources: Sequence[PlannedSource],
    *,
    retired: Collection[str],
    replaces: str | None = None,
) -> PlannedShard:
    """Return the shard of some sources, under a name that no retired shard had."""
    members, generation = tuple(sources), 0
    if not members:
        return PlannedShard(shard_id=f"{replaces}-retired", split=split, sources=(), replaces=replaces)
    while (name := shard_name(fingerprint, split, members, generation)) in retired:
        generation += 1
    return PlannedShard(shard_id=name, split=split, sources=members, replaces=replaces, generation=generation)


def plan_shards(
    sources: dict[str, list[PlannedSource]],
    *,
    fingerprint: str,
    most_rows: int,
    num_workers: int,
    retired: Collection[str] = (),
) -> list[PlannedShard]:
    """Return shards of the new sources of each split, in their order: large ones first, for few tasks, then ever smaller ones.

    Each has a share of the rows that are left, so that workers that take one after the other end at about the same time (guided
    self-scheduling, Polychronopoulos and Kuck, IEEE Transactions on Computers 1987; there every worker takes a whole share, here half).
    """
    shards = []
    left = sum(len(source.windows) for members in sources.values() for source in members)
    for split, members in sources.items():
        pending: list[PlannedSource] = []
        num_rows = 0
        for place, source in enumerate(members):
            pending.append(source)
            num_rows += len(source.windows)
            wanted = min(most_rows, max(_FEWEST_ROWS, left // (2 * num_workers)))
            if num_rows >= wanted or place == len(members) - 1:
                shards.append(name_shard(fingerprint, split, pending, retired=retired))
                left -= num_rows
                pending, num_rows = [], 0
    return shards


def read_plan(dataset: str) -> list[PlannedShard]:
    """Return the planned shards that are not retired; none for a new dataset."""
    return current_shards(read_whole_plan(dataset))


def read_whole_plan(dataset: str) -> list[PlannedShard]:
    """Return all shards planned so far, the retired ones and their replacements too."""
    lines = []
    for part in storage.list_files(storage.join(dataset, "plan"), suffix=".jsonl"):
        lines += storage.read_bytes(part).decode().splitlines()
    shards = [PlannedShard.from_json(line) for line in lines]
    return list({shard.shard_id: shard for shard in shards}.values())


def retired_shards(shards: Iterable[PlannedShard]) -> set[str]:
    """Return the names of the shards that others replace."""
    return {shard.replaces for shard in shards if shard.replaces is not None}


def current_shards(shards: Sequence[PlannedShard]) -> list[PlannedShard]:
    """Return the shards of a whole plan that are not retired."""
    retired = retired_shards(shards)
    return [shard for shard in shards if shard.sources and shard.shard_id not in retired]


def planned_videos(shards: Iterable[PlannedShard]) -> set[str]:
    """Return the videos whose clips are in some shards."""
    return {source.video_id for shard in shards for source in shard.sources}


def append_plan(dataset: str, shards: list[PlannedShard]) -> None:
    """Add shards to the plan as one more part, complete or not at all."""
    if shards:
        content = "".join(shard.to_json() + "\n" for shard in shards)
        storage.write_bytes(storage.join(dataset, "plan", f"{uuid.uuid4().hex}.jsonl"), content.encode())


def clip_file(dataset: str, shard: PlannedShard) -> str:
    """Return where a shard's rows go."""
    return storage.join(dataset, clip_path(shard.split, shard.shard_id))


def clip_path(split: str, shard_id: str) -> str:
    """Return where a shard's rows lie below the dataset."""
    return f"clips/split={split}/{shard_id}.parquet"


def marker_file(dataset: str, shard_id: str) -> str:
    """Return where the sign of a finished shard stands: its counts, errors and statistics."""
    return storage.join(dataset, "markers", f"{shard_id}.json")


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

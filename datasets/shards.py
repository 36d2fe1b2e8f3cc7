"""The plan of output shards, and how one shard becomes one file.

A shard is planned before work starts, in an append-only plan: a rerun adds shards for new sources and does only those without a
marker. Its name is a digest of its sources' content and the configuration, so that the same work has the same name wherever it runs.
"""

import dataclasses
import json
import uuid
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from datasets.schema import CLIP_SCHEMA, MEDIA_COLUMNS
from datasets.windows import PlannedWindow
from infra import storage
from infra.seeding import digest

SPLITS = ("train", "validation", "test")
ROW_GROUP_BYTES = 16 * 2**20
ROW_GROUP_ROWS = 32
SHARD_BYTES = 128 * 2**20


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

    @property
    def has_pair(self) -> bool:
        """Whether its windows are pairs; a short source has one without a partner."""
        return any(window.pair is not None for window in self.windows)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class PlannedShard:
    """The sources of one output file."""

    shard_id: str
    split: str
    sources: tuple[PlannedSource, ...]

    def to_json(self) -> str:
        """Return the shard as one line of the plan."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, line: str) -> "PlannedShard":
        """Return the shard of a line of the plan."""
        value = json.loads(line)
        sources = tuple(
            PlannedSource(**{**source, "windows": tuple(PlannedWindow(**w) for w in source["windows"])})
            for source in value["sources"]
        )
        return cls(shard_id=value["shard_id"], split=value["split"], sources=sources)


def plan_shards(
    sources: dict[str, list[PlannedSource]], *, fingerprint: str, rows_per_shard: int
) -> list[PlannedShard]:
    """Return shards of about `rows_per_shard` windows from the new sources of each split, in their order."""
    shards = []
    for split, members in sources.items():
        pending: list[PlannedSource] = []
        for place, source in enumerate(members):
            pending.append(source)
            num_rows = sum(len(item.windows) for item in pending)
            if num_rows >= rows_per_shard or place == len(members) - 1:
                content = [(item.video_id, item.content_id) for item in pending]
                name = digest(fingerprint, split, content).hex()[:16]
                shards.append(PlannedShard(shard_id=name, split=split, sources=tuple(pending)))
                pending = []
    return shards


def read_plan(dataset: str) -> list[PlannedShard]:
    """Return all shards planned so far; none for a new dataset."""
    lines = []
    for part in storage.list_files(storage.join(dataset, "plan"), suffix=".jsonl"):
        lines += storage.read_bytes(part).decode().splitlines()
    shards = [PlannedShard.from_json(line) for line in lines]
    return list({shard.shard_id: shard for shard in shards}.values())


def append_plan(dataset: str, shards: list[PlannedShard]) -> None:
    """Add shards to the plan as one more part, complete or not at all."""
    if shards:
        content = "".join(shard.to_json() + "\n" for shard in shards)
        storage.write_bytes(storage.join(dataset, "plan", f"{uuid.uuid4().hex}.jsonl"), content.encode())


def clip_file(dataset: str, shard: PlannedShard) -> str:
    """Return where a shard's rows go."""
    return storage.join(dataset, "clips", f"split={shard.split}", f"{shard.shard_id}.parquet")


def marker_file(dataset: str, shard_id: str) -> str:
    """Return where the sign of a finished shard stands: its counts, errors and statistics."""
    return storage.join(dataset, "markers", f"{shard_id}.json")


def row_groups(table: pa.Table) -> list[pa.Table]:
    """Return consecutive parts of 8 to 64 MB, or 32 rows, that never part a pair."""
    groups, begin, size = [], 0, 0
    pair_ids = table["pair_id"].to_pylist()
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
    """Write one shard's rows, complete or not at all: media as plain binary, few rows a page."""
    small = [name for name in CLIP_SCHEMA.names if name not in MEDIA_COLUMNS]
    options: dict[str, Any] = {
        "use_dictionary": ["source", "video_id", "recording_id", "label"],
        "compression": {name: "NONE" if name in MEDIA_COLUMNS else "ZSTD" for name in CLIP_SCHEMA.names},
        "write_statistics": [name for name in small if name not in ("texts", "boxes")],
        "max_rows_per_page": 8,
        "write_page_index": True,
    }
    with storage.staged(uri) as path, pq.ParquetWriter(path, CLIP_SCHEMA, **options) as writer:
        for group in row_groups(table):
            writer.write_table(group, row_group_size=group.num_rows)


def _row_bytes(table: pa.Table) -> list[int]:
    sizes = [0] * table.num_rows
    for name in MEDIA_COLUMNS:
        lengths: list[Any] = pc.binary_length(table[name]).to_pylist()
        sizes = [size + (length or 0) for size, length in zip(sizes, lengths, strict=True)]
    return sizes

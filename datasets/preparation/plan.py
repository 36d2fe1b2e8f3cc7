"""The plan of output shards: Parquet parts with a row for each source, in which the sources of a shard follow each other.

Shards are planned before work starts and parts are only ever added: a rerun adds one for new sources, and does only the shards that
have no marker. The driver holds names and counts of shards; the task that makes one reads its sources.
"""

import dataclasses
import itertools
import json
import uuid
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from datasets.preparation.shards import PlannedShard, PlannedSource, planned_source
from infra import storage

PLAN_SCHEMA = pa.schema(
    [
        ("shard_id", pa.string()),
        ("split", pa.string()),
        ("replaces", pa.string()),
        ("generation", pa.int32()),
        ("video_id", pa.string()),
        ("content_id", pa.string()),
        ("recording_id", pa.string()),
        ("num_rows", pa.int32()),
        ("source", pa.string()),
    ]
)
"""`source` is the rest of a planned source as JSON; a shard without sources, which only retires another, is a row without video."""
_IDS = ("video_id", "content_id", "recording_id")
_GROUP_ROWS = 1024


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Shard:
    """A planned shard without its sources, which lie in a part of the plan from row `begin` on."""

    shard_id: str
    split: str
    replaces: str | None
    generation: int
    num_sources: int
    num_rows: int
    part: str = ""
    begin: int = 0


def read_plan(dataset: str) -> list[Shard]:
    """Return the planned shards that are not retired; none for a new dataset."""
    return current_shards(read_whole_plan(dataset))


def read_whole_plan(dataset: str) -> list[Shard]:
    """Return all shards planned so far, the retired ones and their replacements too."""
    parts = storage.list_files(storage.join(dataset, "plan"), suffix=".parquet")
    shards = itertools.chain.from_iterable(_shards_of(part) for part in parts)
    return list({shard.shard_id: shard for shard in shards}.values())


def retired_shards(shards: Iterable[Shard]) -> set[str]:
    """Return the names of the shards that others replace."""
    return {shard.replaces for shard in shards if shard.replaces is not None}


def current_shards(shards: Sequence[Shard]) -> list[Shard]:
    """Return the shards of a whole plan that are not retired."""
    retired = retired_shards(shards)
    return [shard for shard in shards if shard.num_sources and shard.shard_id not in retired]


def read_shard(shard: Shard) -> PlannedShard:
    """Return a shard with its sources."""
    ((_, rows),) = walk_plan([shard])
    return shard_of(shard, rows)


def walk_plan(shards: Iterable[Shard], *, columns: Sequence[str] | None = None) -> Iterator[tuple[Shard, pa.Table]]:
    """Yield shards, part by part, and the rows of their sources; a row group at a time is held."""
    by_part = sorted(shards, key=lambda shard: (shard.part, shard.begin))
    for part, members in itertools.groupby(by_part, key=lambda shard: shard.part):
        with pq.ParquetFile(storage.open_input(part)) as file:
            rows = _Rows(file, columns)
            for shard in members:
                yield shard, rows.read(shard.begin, shard.num_sources)


def read_planned(shards: Sequence[Shard], columns: Sequence[str]) -> pa.Table:
    """Return some columns of the sources of some shards, in the order of the parts."""
    tables = [pa.table({name: pa.array([], PLAN_SCHEMA.field(name).type) for name in columns})]
    wanted = {shard.shard_id for shard in shards}
    for part in sorted({shard.part for shard in shards}):
        table = pq.read_table(storage.open_input(part), columns=list(dict.fromkeys(["shard_id", *columns])))
        encoded = table["shard_id"].combine_chunks().dictionary_encode()
        kept = np.array([name in wanted for name in encoded.dictionary.to_pylist()], bool)[encoded.indices.to_numpy()]
        tables.append(table.filter(pa.array(kept)).select(list(columns)))
    return pa.concat_tables(tables)


def planned_videos(shards: Sequence[Shard]) -> pa.ChunkedArray:
    """Return the videos whose clips are in some shards, each once."""
    return pa.chunked_array([read_planned(shards, ["video_id"])["video_id"].unique()])


def made_together(shards: Sequence[Shard]) -> list[list[Shard]]:
    """Return shards in groups, each of one shard or of all that one source has for itself."""
    single = [shard for shard in shards if shard.num_sources == 1]
    named = read_planned(single, ["shard_id", "video_id"])
    videos = dict(zip(*(named[name].to_pylist() for name in named.column_names), strict=True))
    groups: dict[tuple[str | None, str], list[Shard]] = {}
    for shard in sorted(shards, key=lambda shard: (shard.part, shard.begin)):
        video = videos.get(shard.shard_id)
        groups.setdefault((video, "" if video else shard.shard_id), []).append(shard)
    return list(groups.values())


def shard_of(shard: Shard, rows: pa.Table) -> PlannedShard:
    """Return a shard with the sources of some rows of the plan."""
    return PlannedShard(
        shard_id=shard.shard_id,
        split=shard.split,
        sources=tuple(
            planned_source({**json.loads(row["source"]), **{name: row[name] for name in _IDS}})
            for row in rows.select([*_IDS, "source"]).to_pylist()
        ),
        replaces=shard.replaces,
        generation=shard.generation,
    )


def source_json(source: PlannedSource) -> str:
    """Return what the plan holds of a source beside its names; places only where they are not its own."""
    left_out = _IDS if source.places else (*_IDS, "places")
    return json.dumps({name: value for name, value in dataclasses.asdict(source).items() if name not in left_out})


def append_plan(dataset: str, shards: Iterable[PlannedShard]) -> None:
    """Add shards to the plan as one more part, complete or not at all."""
    write_plan(dataset, (_table_of(shard) for shard in shards))


def write_plan(dataset: str, tables: Iterable[pa.Table], *, part: str | None = None) -> None:
    """Add a part with the rows of some tables, each of one shard or several; none where there is no row."""
    tables = iter(tables)
    first = next(tables, None)
    if first is None:
        return
    uri = storage.join(dataset, "plan", f"{part or uuid.uuid4().hex}.parquet")
    with storage.staged(uri) as path, pq.ParquetWriter(path, PLAN_SCHEMA, compression="zstd") as writer:
        held, num_held = [], 0
        for table in itertools.chain([first], tables):
            held.append(table.select(PLAN_SCHEMA.names).cast(PLAN_SCHEMA))
            num_held += table.num_rows
            if num_held >= _GROUP_ROWS:
                writer.write_table(pa.concat_tables(held))
                held, num_held = [], 0
        if held:
            writer.write_table(pa.concat_tables(held))


def _table_of(shard: PlannedShard) -> pa.Table:
    named = {
        "shard_id": shard.shard_id,
        "split": shard.split,
        "replaces": shard.replaces,
        "generation": shard.generation,
    }
    rows: list[dict[str, Any]] = [
        {
            **{name: getattr(source, name) for name in _IDS},
            "num_rows": len(source.windows),
            "source": source_json(source),
        }
        for source in shard.sources
    ]
    return pa.Table.from_pylist([named | row for row in rows or [{"num_rows": 0}]], schema=PLAN_SCHEMA)


def _shards_of(part: str) -> Iterator[Shard]:
    names = ["shard_id", "split", "replaces", "generation", "num_rows"]
    table = pq.read_table(storage.open_input(part), columns=names).combine_chunks()
    if not table.num_rows:
        return
    numbers = table["shard_id"].combine_chunks().dictionary_encode().indices.to_numpy()
    begins = np.flatnonzero(np.append(True, numbers[1:] != numbers[:-1]))
    num_rows = np.add.reduceat(table["num_rows"].to_numpy(), begins)
    num_sources = np.diff(np.append(begins, table.num_rows))
    firsts = table.select(names[:-1]).take(pa.array(begins)).to_pylist()
    for begin, rows, sources, first in zip(
        begins.tolist(), num_rows.tolist(), num_sources.tolist(), firsts, strict=True
    ):
        yield Shard(**first, num_sources=sources if rows else 0, num_rows=rows, part=part, begin=begin)


class _Rows:
    """Rows of a part by their numbers; the row group read last is kept."""

    def __init__(self, file: pq.ParquetFile, columns: Sequence[str] | None) -> None:
        self._file = file
        self._columns = None if columns is None else list(columns)
        sizes = [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)]
        self._begins = np.append(0, np.cumsum(sizes))
        self._held: tuple[int, pa.Table] | None = None

    def read(self, begin: int, count: int) -> pa.Table:
        first = int(np.searchsorted(self._begins, begin, side="right")) - 1
        pieces = []
        for group in range(first, len(self._begins) - 1):
            if self._begins[group] >= begin + count:
                break
            pieces.append(self._group(group).slice(max(0, begin - int(self._begins[group]))))
        return pa.concat_tables(pieces).slice(0, count)

    def _group(self, number: int) -> pa.Table:
        if self._held is None or self._held[0] != number:
            self._held = (number, self._file.read_row_group(number, columns=self._columns))
        return self._held[1]

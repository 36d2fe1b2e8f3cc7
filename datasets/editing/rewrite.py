"""Shards that lose sources: rows that stay go into a replacement, bit for bit, and at no moment can rows be read twice.

The plan says first that one shard replaces another. Then, shard by shard: the replacement is written aside, complete; the old file
goes; the replacement is renamed into its place; its marker is written; the old marker goes. Wherever that is interrupted, the next
`finish_rewrites` goes on from what stands, and nothing but whole shards can be read in between.
"""

from collections.abc import Collection
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from datasets.card import tally_markers, write_card
from datasets.clips.parquet import row_groups, write_clips
from datasets.config import PreparationConfig
from datasets.index import outline
from datasets.preparation.accounts import add_up
from datasets.preparation.markers import list_markers, marker_file, read_markers
from datasets.preparation.operators import counts_of
from datasets.preparation.plan import Shard, current_shards, read_plan, read_shard, read_whole_plan
from datasets.preparation.shards import PlannedShard, clip_file
from datasets.schema import CLIP_SCHEMA
from infra import storage
from infra.progress import Progress, silent

Row = dict[str, Any]

_ASIDE = "rewritten"


def finish_rewrites(dataset: str, *, progress: Progress = silent) -> int:
    """Make all planned replacements that are not there yet; return how many."""
    planned = read_whole_plan(dataset)
    shards = {shard.shard_id: shard for shard in planned}
    # Of a chain of replacements all but the last were finished before the last was planned.
    current = {shard.shard_id for shard in current_shards(planned)}
    waiting = [
        (shards[shard.replaces], shard)
        for shard in planned
        if shard.replaces in shards and (shard.shard_id in current or not shard.num_sources)
    ]
    if not waiting:
        return 0
    markers = list_markers(dataset)
    files = set(storage.list_files(storage.join(dataset, "clips"), suffix=".parquet"))
    waiting = [
        (old, new)
        for old, new in waiting
        if old.shard_id in markers
        or clip_file(dataset, old) in files
        or (new.num_sources and new.shard_id not in markers)
    ]
    for done, (old, new) in enumerate(waiting, start=1):
        _replace(dataset, old, read_shard(new) if new.num_sources else None)
        progress("shards", done, len(waiting))
    storage.remove_if_empty(storage.join(dataset, _ASIDE))
    return len(waiting)


def rows_of(uri: str, videos: Collection[str] | None = None) -> pa.Table:
    """Return the rows of some videos or of all, in their order, under all columns: those that a file lacks are null."""
    table = pq.read_table(storage.open_input(uri))
    if videos is not None:
        table = table.filter(pc.is_in(table["video_id"], pa.array(sorted(videos), pa.string())))
    columns = [
        table[field.name] if field.name in table.column_names else pa.nulls(table.num_rows, field.type)
        for field in CLIP_SCHEMA
    ]
    return pa.table(columns, schema=CLIP_SCHEMA)


def marker_of(shard: PlannedShard, table: pa.Table, before: Row) -> Row:
    """Return the marker of a shard whose rows, and whose errors, come from another one's."""
    sources = {source.place for source in shard.sources}
    errors = [error for error in before["errors"] if error["source"] in sources]
    return {
        **counts_of(shard, outline(table), [group.num_rows for group in row_groups(table)]),
        **add_up(shard, errors),
        "num_bytes": table.nbytes,
        "errors": errors,
        "seconds": {},
    }


def refresh_card(dataset: str, config: PreparationConfig, seconds: dict[str, float]) -> Row:
    """Write and return the card of the shards and errors as they are now."""
    tally = tally_markers(read_markers(dataset, (shard.shard_id for shard in read_plan(dataset))))
    errors = storage.join(dataset, "errors.parquet")
    num_errors = pq.read_metadata(storage.open_input(errors)).num_rows if storage.exists(errors) else 0
    return write_card(dataset, config=config, tally=tally, num_errors=num_errors, seconds=seconds)


def _replace(dataset: str, old: Shard, new: PlannedShard | None) -> None:
    """Put a shard into another one's place, or nothing."""
    before, marker = clip_file(dataset, old), marker_file(dataset, old.shard_id)
    if new is not None and not storage.exists(marker_file(dataset, new.shard_id)):
        after = clip_file(dataset, new)
        aside = storage.join(dataset, _ASIDE, f"{new.shard_id}.parquet")
        if storage.exists(before):
            table = rows_of(before, {source.video_id for source in new.sources})
            if table.num_rows:
                write_clips(aside, table)
        storage.remove(before)
        if storage.exists(aside):
            storage.move(aside, after)
        table = rows_of(after) if storage.exists(after) else CLIP_SCHEMA.empty_table()
        counted = marker_of(new, table, storage.read_json(marker))
        storage.write_json(marker_file(dataset, new.shard_id), counted)
    storage.remove(before)
    storage.remove(marker)

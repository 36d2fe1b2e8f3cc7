"""Datasets of one configuration become one: shards are copied as they are, or without the videos that an earlier dataset has.

Splits are by recording, and every recording is taken from one dataset only, so that no copy of one crosses over to another split. The
videos themselves stay where they are. `merge.json` says first what is merged; then come the recordings, the plan, one shard after the
other with its marker, and last the card: until then the folder is no dataset, and the same command goes on from what stands.
"""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from datasets.card import read_card, write_config
from datasets.clips.parquet import write_clips
from datasets.config import PreparationConfig
from datasets.editing.remove import refuse_unfinished
from datasets.editing.rewrite import marker_of, refresh_card, rows_of
from datasets.preparation.markers import list_markers, marker_file, read_markers
from datasets.preparation.plan import (
    Shard,
    planned_videos,
    read_plan,
    read_planned,
    read_shard,
    walk_plan,
    write_plan,
)
from datasets.preparation.recordings.duplicates import equal_keys, find_copies, unite
from datasets.preparation.recordings.identity import as_array
from datasets.preparation.shards import PlannedShard, clip_file, name_shard
from datasets.schema import CLIP_SCHEMA, ERROR_SCHEMA
from datasets.tables.licenses import read_licenses, record_licenses
from datasets.tables.recordings import list_fingerprints, list_recordings, read_recordings, recordings_file
from datasets.tables.table import read_table, write_table
from infra import storage
from infra.errors import InputError
from infra.progress import Progress, silent

Row = dict[str, Any]

RECORD = "merge.json"
_PART = "merged"


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Merged:
    """What a merge came to."""

    card: Row
    copies: list[str]
    """Videos whose recording an earlier dataset has."""
    namesakes: list[str]
    """Videos of other recordings under a name that an earlier dataset has."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class _Input:
    dataset: str
    card: Row
    shards: list[Shard]
    recordings: pa.Table
    planned: pa.ChunkedArray

    def is_planned(self, videos: pa.Array | pa.ChunkedArray) -> np.ndarray:
        return pc.is_in(videos, as_array(self.planned)).to_numpy(zero_copy_only=False)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class _Part:
    """A shard of the output and the one that it is taken from; `left_out` are those of its videos that are not."""

    dataset: str
    before: Shard
    after: Shard
    left_out: frozenset[str]


def merge_datasets(datasets: Sequence[str], output: str, *, progress: Progress = silent) -> Merged:
    """Write one dataset with the clips of several; where they have the same recording, the first has it.

    Raises:
        InputError: If they are of different configurations or not finished, or the output is something else.
    """
    if len(set(datasets)) < 2 or len(set(datasets)) < len(datasets) or output in datasets:
        raise InputError(
            f"DATASETS: {', '.join(datasets)} into '{output}'; give two or more different ones, and another --output"
        )
    inputs = [_read(dataset) for dataset in datasets]
    _refuse_other_configurations(inputs)
    config = PreparationConfig.from_dict(inputs[0].card["config"])
    left_out, copies, namesakes = _choose(inputs)
    parts = _plan(inputs, left_out, config)
    _refuse_other_output(output, datasets, parts)
    storage.write_json(storage.join(output, RECORD), {"datasets": list(datasets)})
    write_config(output, config)
    _write_recordings(output, inputs)
    write_plan(output, _plan_tables(parts), part=_PART)
    standing = list_markers(output)
    for done, part in enumerate(parts, start=1):
        if part.after.shard_id not in standing:
            _take(part, output)
        progress("shards", done, len(parts))
    _write_tables(output, inputs)
    card = refresh_card(output, config, _sum([item.card["seconds_by_operator"] for item in inputs]))
    return Merged(card=card, copies=copies, namesakes=namesakes)


def _read(dataset: str) -> _Input:
    card, shards = read_card(dataset, option="DATASETS"), read_plan(dataset)
    refuse_unfinished(dataset, shards, option="DATASETS")
    return _Input(
        dataset=dataset, card=card, shards=shards, recordings=read_recordings(dataset), planned=planned_videos(shards)
    )


def _refuse_other_configurations(inputs: Sequence[_Input]) -> None:
    first = inputs[0]
    for other in inputs[1:]:
        for name, value in first.card["config"].items():
            if other.card["config"].get(name) != value:
                raise InputError(
                    f"DATASETS: '{other.dataset}' was prepared with {name}={other.card['config'].get(name)}, "
                    f"'{first.dataset}' with {name}={value}; prepare one of them again like the other"
                )


def _choose(inputs: Sequence[_Input]) -> tuple[list[frozenset[str]], list[str], list[str]]:
    """Return the videos of each dataset that are left out, and which of all these are copies and which namesakes."""
    known = pa.concat_tables([item.recordings for item in inputs])
    copies_by_sound = find_copies([part for item in inputs for part in list_fingerprints(item.dataset)])
    links = [equal_keys(known[name]) for name in ("content_id", "catalog_id", "recording_id")]
    groups = unite(known.num_rows, copies_by_sound, *links)
    taken = np.zeros(known.num_rows, bool)
    names: set[str] = set()
    left_out, copies, namesakes, begin = [], [], [], 0
    for item in inputs:
        planned = item.is_planned(item.recordings["video_id"])
        videos = np.array(item.recordings["video_id"].to_pylist(), object)[planned]
        own = groups[begin : begin + item.recordings.num_rows][planned]
        begin += item.recordings.num_rows
        same = frozenset(videos[taken[own]])
        other = names.intersection(videos) - same
        kept = np.array([video not in same and video not in other for video in videos], bool)
        copies += sorted(same)
        namesakes += sorted(other)
        left_out.append(same | other)
        names.update(videos[kept])
        taken[own[kept]] = True
    return left_out, copies, namesakes


def _plan(inputs: Sequence[_Input], left_out: Sequence[frozenset[str]], config: PreparationConfig) -> list[_Part]:
    parts = []
    for item, out in zip(inputs, left_out, strict=True):
        rows = read_planned(item.shards, ["shard_id", "video_id"])
        lost = rows.filter(pc.is_in(rows["video_id"], pa.array(sorted(out), pa.string()))).to_pydict()
        losing: dict[str, set[str]] = {}
        for name, video in zip(lost["shard_id"], lost["video_id"], strict=True):
            losing.setdefault(name, set()).add(video)
        for shard in item.shards:
            without = frozenset(losing.get(shard.shard_id, ()))
            after = _without(shard, without, config) if without else dataclasses.replace(shard, replaces=None)
            if after is not None:
                parts.append(_Part(dataset=item.dataset, before=shard, after=after, left_out=without))
    return parts


def _without(shard: Shard, videos: frozenset[str], config: PreparationConfig) -> Shard | None:
    """Return what a shard is called without some videos; none where nothing is left."""
    kept = [source for source in read_shard(shard).sources if source.video_id not in videos]
    if not kept:
        return None
    named = name_shard(config.fingerprint, shard.split, kept, retired=())
    num_rows = sum(len(source.windows) for source in kept)
    return dataclasses.replace(
        shard, shard_id=named.shard_id, replaces=None, generation=0, num_sources=len(kept), num_rows=num_rows
    )


def _plan_tables(parts: Sequence[_Part]) -> Iterator[pa.Table]:
    by_name = {part.before.part + part.before.shard_id: part for part in parts}
    for before, rows in walk_plan([part.before for part in parts]):
        part = by_name[before.part + before.shard_id]
        for name in ("shard_id", "replaces", "generation"):
            place = rows.schema.get_field_index(name)
            value = pa.array([getattr(part.after, name)] * rows.num_rows, rows.schema.field(name).type)
            rows = rows.set_column(place, name, value)
        yield rows.filter(pc.invert(pc.is_in(rows["video_id"], pa.array(sorted(part.left_out), pa.string()))))


def _refuse_other_output(output: str, datasets: Sequence[str], parts: Sequence[_Part]) -> None:
    """Refuse a folder with anything but what an earlier run of this merge left, or too little space."""
    record = storage.join(output, RECORD)
    same = storage.exists(record) and storage.read_json(record)["datasets"] == list(datasets)
    planned = {shard.shard_id for shard in read_plan(output)} if same else set()
    if planned and planned != {part.after.shard_id for part in parts}:
        raise InputError(f"--output: '{output}' holds a merge of before the datasets changed; give another folder")
    if not same and storage.list_files(output):
        raise InputError(f"--output: '{output}' is not empty; give a new folder")
    needed = sum(
        marker["num_bytes"]
        for dataset in datasets
        for marker in read_markers(dataset, (part.before.shard_id for part in parts if part.dataset == dataset))
    )
    free = storage.free_bytes(output)
    if free is not None and not planned and free < 1.1 * needed:
        raise InputError(
            f"--output: '{output}' has {free / 1e9:.1f} GB free and {needed / 1e9:.1f} GB are needed; free some"
        )


def _take(part: _Part, output: str) -> None:
    """Write a shard and then its marker."""
    source, target = clip_file(part.dataset, part.before), clip_file(output, part.after)
    marker = storage.read_json(marker_file(part.dataset, part.before.shard_id))
    if not part.left_out:
        if marker["num_rows"]:
            storage.copy(source, target)
    else:
        shard = _kept(part)
        videos = {member.video_id for member in shard.sources}
        table = rows_of(source, videos) if marker["num_rows"] else CLIP_SCHEMA.empty_table()
        if table.num_rows:
            write_clips(target, table)
        marker = marker_of(shard, table, marker)
    storage.write_json(marker_file(output, part.after.shard_id), marker)


def _kept(part: _Part) -> PlannedShard:
    kept = [source for source in read_shard(part.before).sources if source.video_id not in part.left_out]
    return PlannedShard(shard_id=part.after.shard_id, split=part.after.split, sources=tuple(kept))


def _write_recordings(output: str, inputs: Sequence[_Input]) -> None:
    """Write what the output knows: its videos, the copies and what was removed, so that preparing these again adds nothing.

    Of several of one name a video that stands in a shard goes before a removed one, and an earlier dataset before a later one.
    """
    videos = pa.concat_arrays([as_array(item.recordings["video_id"]) for item in inputs])
    planned = np.concatenate([item.is_planned(item.recordings["video_id"]) for item in inputs])
    order = np.argsort(~planned, kind="stable")
    codes = videos.dictionary_encode().indices.to_numpy()
    kept = np.zeros(len(videos), bool)
    kept[order[np.unique(codes[order], return_index=True)[1]]] = True
    begin = 0
    for place, item in enumerate(inputs):
        for number, uri in enumerate(list_recordings(item.dataset)):
            table = pq.read_table(storage.open_input(uri))
            wanted = table.filter(pa.array(kept[begin : begin + table.num_rows]))
            begin += table.num_rows
            with storage.staged(recordings_file(output, f"{_PART}-{place:04d}-{number:05d}")) as path:
                pq.write_table(wanted, path)


def _write_tables(output: str, inputs: Sequence[_Input]) -> None:
    """Write all licences and all errors."""
    for item in reversed(inputs):
        if known := read_licenses(item.dataset):
            record_licenses(output, known)
    errors: dict[tuple[str, ...], Row] = {}
    for item in inputs:
        for row in read_table(storage.join(item.dataset, "errors.parquet")):
            errors.setdefault(tuple(row.values()), row)
    write_table(storage.join(output, "errors.parquet"), errors.values(), ERROR_SCHEMA)


def _sum(seconds: Sequence[dict[str, float]]) -> dict[str, float]:
    return {name: sum(each.get(name, 0.0) for each in seconds) for name in dict.fromkeys(n for s in seconds for n in s)}

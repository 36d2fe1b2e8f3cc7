"""Datasets of one configuration become one: shards are copied as they are, or without the videos that an earlier dataset has.

Splits are by recording, and every recording is taken from one dataset only, so that no copy of one crosses over to another split. The
videos themselves stay where they are. `merge.json` says first what is merged; then come the recordings, the plan, one shard after the
other with its marker, and last the card: until then the folder is no dataset, and the same command goes on from what stands.
"""

import dataclasses
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from datasets.card import read_card, write_config
from datasets.config import PreparationConfig
from datasets.editing.remove import refuse_unfinished
from datasets.editing.rewrite import marker_of, refresh_card, rows_of
from datasets.preparation.fingerprint import group_recordings
from datasets.preparation.shards import (
    PlannedShard,
    clip_file,
    marker_file,
    name_shard,
    planned_videos,
    read_plan,
    write_clips,
)
from datasets.schema import CLIP_SCHEMA, ERROR_SCHEMA
from datasets.tables.licenses import read_licenses, record_licenses
from datasets.tables.recordings import read_recordings, write_recordings
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
    shards: list[PlannedShard]
    recordings: list[Row]
    planned: set[str]


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class _Part:
    """A shard of the output and the one that it is taken from."""

    dataset: str
    before: PlannedShard
    after: PlannedShard


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
    lines = "".join(part.after.to_json() + "\n" for part in parts)
    storage.write_bytes(storage.join(output, "plan", f"{_PART}.jsonl"), lines.encode())
    for done, part in enumerate(parts, start=1):
        if not storage.exists(marker_file(output, part.after.shard_id)):
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


def _choose(inputs: Sequence[_Input]) -> tuple[list[set[str]], list[str], list[str]]:
    """Return the videos of each dataset that are left out, and which of all these are copies and which namesakes."""
    groups = group_recordings(
        {
            f"{place} {row['video_id']}": np.frombuffer(row["fingerprint"], np.uint32)
            for place, item in enumerate(inputs)
            for row in item.recordings
        }
    )
    taken: set[tuple[str, str]] = set()
    names: set[str] = set()
    left_out, copies, namesakes = [], [], []
    for place, item in enumerate(inputs):
        own = {}
        for row in item.recordings:
            if row["video_id"] in item.planned:
                marks = (("sound", groups[f"{place} {row['video_id']}"]), ("content", row["content_id"]))
                own[row["video_id"]] = {*marks, ("recording", row["recording_id"])}
        same = {video for video, marks in own.items() if marks & taken}
        other = (item.planned & names) - same
        copies += sorted(same)
        namesakes += sorted(other)
        left_out.append(same | other)
        names |= item.planned - left_out[-1]
        taken |= {mark for video, marks in own.items() if video not in left_out[-1] for mark in marks}
    return left_out, copies, namesakes


def _plan(inputs: Sequence[_Input], left_out: Sequence[Collection[str]], config: PreparationConfig) -> list[_Part]:
    parts = []
    for item, out in zip(inputs, left_out, strict=True):
        for shard in item.shards:
            kept = [source for source in shard.sources if source.video_id not in out]
            after = dataclasses.replace(shard, replaces=None)
            if len(kept) < len(shard.sources):
                after = name_shard(config.fingerprint, shard.split, kept, retired=())
            if kept:
                parts.append(_Part(dataset=item.dataset, before=shard, after=after))
    return parts


def _refuse_other_output(output: str, datasets: Sequence[str], parts: Sequence[_Part]) -> None:
    """Refuse a folder with anything but what an earlier run of this merge left, or too little space."""
    record = storage.join(output, RECORD)
    same = storage.exists(record) and storage.read_json(record)["datasets"] == list(datasets)
    planned = {shard.shard_id for shard in read_plan(output)} if same else set()
    if planned and planned != {part.after.shard_id for part in parts}:
        raise InputError(f"--output: '{output}' holds a merge of before the datasets changed; give another folder")
    if not same and storage.list_files(output):
        raise InputError(f"--output: '{output}' is not empty; give a new folder")
    needed = sum(storage.read_json(marker_file(part.dataset, part.before.shard_id))["num_bytes"] for part in parts)
    free = storage.free_bytes(output)
    if free is not None and not planned and free < 1.1 * needed:
        raise InputError(
            f"--output: '{output}' has {free / 1e9:.1f} GB free and {needed / 1e9:.1f} GB are needed; free some"
        )


def _take(part: _Part, output: str) -> None:
    """Write a shard and then its marker."""
    source, target = clip_file(part.dataset, part.before), clip_file(output, part.after)
    marker = storage.read_json(marker_file(part.dataset, part.before.shard_id))
    if part.before.sources == part.after.sources:
        if marker["num_rows"]:
            storage.copy(source, target)
    else:
        videos = {member.video_id for member in part.after.sources}
        table = rows_of(source, videos) if marker["num_rows"] else CLIP_SCHEMA.empty_table()
        if table.num_rows:
            write_clips(target, table)
        marker = marker_of(part.after, table, marker)
    storage.write_json(marker_file(output, part.after.shard_id), marker)


def _write_recordings(output: str, inputs: Sequence[_Input]) -> None:
    """Write what the output knows: its videos, the copies and what was removed, so that preparing these again adds nothing."""
    rows: dict[str, Row] = {}
    known = [(row["video_id"] not in item.planned, row) for item in inputs for row in item.recordings]
    for _, row in sorted(known, key=lambda pair: pair[0]):
        rows.setdefault(row["video_id"], row)
    write_recordings(output, rows.values(), part=_PART)


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

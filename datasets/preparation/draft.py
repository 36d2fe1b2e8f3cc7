"""From a survey to a plan: which sources are new, of which recording, in which split and shard; and how that is written down."""

import dataclasses
import functools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import ray

from datasets.config import PreparationConfig
from datasets.preparation.plan import (
    PLAN_SCHEMA,
    Shard,
    current_shards,
    read_planned,
    read_whole_plan,
    retired_shards,
    shard_of,
    source_json,
    write_plan,
)
from datasets.preparation.recordings.duplicates import find_copies
from datasets.preparation.recordings.identity import Identities, as_array, identify
from datasets.preparation.scheduling import as_task, run_tasks
from datasets.preparation.shards import SPLITS, PlannedSource, cut_shards, divide_source, most_rows_of, unused_name
from datasets.preparation.survey import Survey, walk_blocks
from datasets.tables.recordings import RECORDING_SCHEMA, list_fingerprints, read_recordings, recordings_file
from infra import storage
from infra.seeding import hash_fraction

Row = dict[str, Any]

OTHER_SPLIT = "kept in another split"
"""Reason of the error row of a source that is used, but not in its official split: copies are in one."""
_RECORDINGS_ROWS = 4096


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """What a dataset knew before a preparation."""

    recordings: pa.Table
    """Its videos; a row is null where a removed video is to come back."""
    planned: pa.Table
    """Videos that its shards hold, with their recordings and splits."""
    retired: frozenset[str]
    """Names of shards that must not be used again."""

    def removed(self) -> pa.Array:
        """Return the videos that are known and in no shard."""
        videos = as_array(self.recordings["video_id"])
        return videos.filter(pc.invert(pc.is_in(videos, as_array(self.planned["video_id"])))).drop_null()

    def without_known(self, sources: pa.Table) -> pa.Table:
        """Return the sources that are not known as they are: by path, state and name."""
        keys = [_joined_key(table) for table in (sources, self.recordings)]
        return sources.filter(pc.invert(pc.is_in(keys[0], keys[1].drop_null())))


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    """A plan for new sources that is not written yet."""

    config: PreparationConfig
    survey: Survey
    new: np.ndarray
    """Which sources (sources,) of the survey are new."""
    identities: Identities
    numbers: np.ndarray
    """Number (sources,) of each source's first shard, -1 where it goes into none."""
    shards: tuple[Shard, ...]
    errors: tuple[Row, ...]

    @property
    def num_sources(self) -> int:
        """How many sources go into shards."""
        return int((self.numbers >= 0).sum())

    @property
    def has_pair(self) -> bool:
        """Whether a source of a shard gives a pair."""
        return bool(self.survey.found["has_pair"].to_numpy()[self.numbers >= 0].any())


def read_known(dataset: str, *, restore: bool) -> Known:
    """Return what a dataset knows; with `restore` nothing of the videos that were removed."""
    shards = read_whole_plan(dataset)
    planned = read_planned(current_shards(shards), ["video_id", "recording_id", "split"])
    recordings = read_recordings(dataset)
    if restore:
        there = pc.is_in(recordings["video_id"], as_array(planned["video_id"]))
        recordings = _nulled(recordings, there)
    return Known(recordings=recordings, planned=planned, retired=frozenset(retired_shards(shards)))


def draft_plan(
    survey: Survey, known: Known, *, dataset: str, sources: pa.Table, config: PreparationConfig, num_workers: int
) -> Draft:
    """Return the plan for what a survey found: copies are looked for among all videos, and shards are cut."""
    new, errors = _new_in_content(survey.found, known, sources)
    found = _with_decided(_nulled(survey.found, pa.array(new)), known)
    count = known.recordings.num_rows
    pairs = find_copies([*list_fingerprints(dataset), *survey.fingerprints()], num_known=count) if new.any() else _NONE
    counts = np.append(as_array(known.recordings["video_id"]).is_valid().to_numpy(zero_copy_only=False), new)
    identities = identify(known.recordings, found, pairs[counts[pairs].all(axis=1)])
    to_plan = new & ~pc.is_in(found["video_id"], as_array(known.planned["video_id"])).to_numpy()
    splits = np.where(to_plan, _splits_of(found, identities, known, config), -1)
    num_rows = survey.found["num_rows"].to_numpy()
    numbers, shards = cut_shards(num_rows, splits, most_rows=most_rows_of(config), num_workers=num_workers)
    errors += _in_other_splits(sources, found, identities, splits, known)
    return Draft(
        config=config,
        survey=survey,
        new=new,
        identities=identities,
        numbers=numbers,
        shards=tuple(_named_shards(survey.found, numbers, shards, config.fingerprint, known.retired)),
        errors=tuple(errors),
    )


def write_draft(draft: Draft, dataset: str) -> None:
    """Add the shards to the plan, and then the sources to what is known."""
    write_plan(dataset, _plan_tables(draft))
    write = as_task(_write_recordings)
    starts = [functools.partial(write, recordings_file(dataset), part) for part in _recordings_parts(draft)]
    for _, ref in run_tasks(starts, at_once=max(1, len(starts))):
        ray.get(ref)


def first_planned(draft: Draft) -> PlannedSource | None:
    """Return the first source that goes into a shard, or its part that does; none where none does."""
    for table in _plan_tables(draft):
        return shard_of(draft.shards[0], table.slice(0, 1)).sources[0]
    return None


def split_of(recording_id: str, config: PreparationConfig) -> str:
    """Return the split that a recording falls into by a hash of its name."""
    place = hash_fraction(config.seed, recording_id)
    if place < config.test_share:
        return "test"
    return "validation" if place < config.test_share + config.validation_share else "train"


_NONE = np.zeros((0, 2), np.int64)


def _joined_key(table: pa.Table) -> pa.Array:
    columns = [as_array(table[name]) for name in ("path", "state", "video_id")]
    return pc.binary_join_element_wise(*columns, "\0")


def _nulled(table: pa.Table, kept: pa.Array | pa.ChunkedArray) -> pa.Table:
    """Return a table whose rows are null but where they are kept."""
    return pa.table(
        [pc.if_else(kept, column, pa.scalar(None, column.type)) for column in table.columns], names=table.column_names
    )


def _new_in_content(found: pa.Table, known: Known, sources: pa.Table) -> tuple[np.ndarray, list[Row]]:
    """Return which sources are new, and errors: a known name with other content is one.

    A file that was only touched or moved with its folder is known.
    """
    before = pc.index_in(as_array(found["video_id"]), as_array(known.recordings["video_id"]))
    new = before.is_null().to_numpy(zero_copy_only=False)
    contents = as_array(known.recordings["content_id"]).take(before)
    changed = found.filter(pc.fill_null(pc.not_equal(contents, as_array(found["content_id"])), False))
    places = pc.index_in(as_array(changed["video_id"]), as_array(sources["video_id"]))
    detail = "its clips are of another file of this name; prepare it into another folder"
    paths = as_array(sources["path"]).take(places).to_pylist()
    return new, [{"source": path, "stage": "plan", "reason": "changed", "detail": detail} for path in paths]


def _with_decided(found: pa.Table, known: Known) -> pa.Table:
    """Return sources with the recordings that a run decided which was killed between its plan and its recordings."""
    places = pc.index_in(as_array(found["video_id"]), as_array(known.planned["video_id"]))
    return found.append_column("recording_id", as_array(known.planned["recording_id"]).take(places))


def _splits_of(found: pa.Table, identities: Identities, known: Known, config: PreparationConfig) -> np.ndarray:
    """Return the index (sources,) in `SPLITS` of each source's split: that of its recording of before, the official one, or a hash's.

    Of several official ones test goes before validation, and validation before train, so that nothing trained on is tested.
    """
    place = pc.index_in(identities.recording_ids, as_array(known.planned["recording_id"]))
    before = as_array(known.planned["split"]).take(place).to_pylist()
    index = {split: number for number, split in enumerate(SPLITS)}
    of_group: dict[int, int] = {}
    for group, split in zip(identities.groups.tolist(), found["split"].to_pylist(), strict=True):
        if split is not None:
            of_group[group] = max(index[split], of_group.get(group, 0))
    splits = []
    recordings = identities.recording_ids.to_pylist()
    for group, earlier, name in zip(identities.groups.tolist(), before, recordings, strict=True):
        if earlier is not None:
            splits.append(index[earlier])
        elif group in of_group:
            splits.append(of_group[group])
        else:
            splits.append(0 if name is None else index[split_of(name, config)])
    return np.array(splits, np.int64)


def _in_other_splits(
    sources: pa.Table, found: pa.Table, identities: Identities, splits: np.ndarray, known: Known
) -> list[Row]:
    """Return error rows for the sources that are, or will be, in another split than their official one, with their recording."""
    planned = pa.array(np.flatnonzero(splits >= 0))
    names = [SPLITS[split] for split in splits[splits >= 0].tolist()]
    new = (
        as_array(found["video_id"]).take(planned),
        identities.recording_ids.take(planned),
        pa.array(names, pa.string()),
    )
    columns = ("video_id", "recording_id", "split")
    videos, recordings, kept = (
        pa.concat_arrays([as_array(known.planned[name]), some]) for name, some in zip(columns, new, strict=True)
    )
    official = sources.filter(pc.is_valid(sources["split"]))
    place = pc.index_in(as_array(official["video_id"]), videos)
    differ = pc.fill_null(pc.not_equal(as_array(official["split"]), kept.take(place)), False)
    told = [official["path"], official["split"], recordings.take(place), kept.take(place)]
    rows = pa.table(told, ["path", "split", "recording", "kept"]).filter(differ).to_pylist()
    copies = pc.is_in(recordings, pa.array({row["recording"] for row in rows}, pa.string()))
    said = dict(zip(official["video_id"].to_pylist(), official["split"].to_pylist(), strict=True)) if rows else {}
    first: dict[tuple[str, str], str] = {}
    for video, recording, split in zip(
        *(column.filter(copies).to_pylist() for column in (videos, recordings, kept)), strict=True
    ):
        if said.get(video, split) == split:
            first[recording, split] = min(video, first.get((recording, split), video))
    return [
        {
            "source": row["path"],
            "stage": "split",
            "reason": OTHER_SPLIT,
            "detail": f"listed in {row['split']}, kept in {row['kept']} "
            + (
                f"like its copy {copy}"
                if (copy := first.get((row["recording"], row["kept"])))
                else "as prepared before"
            ),
        }
        for row in rows
    ]


def _named_shards(
    found: pa.Table, numbers: np.ndarray, shards: list[tuple[str, int]], fingerprint: str, retired: frozenset[str]
) -> Iterator[Shard]:
    order = np.argsort(numbers, kind="stable")
    order = order[numbers[order] >= 0]
    begins = np.searchsorted(numbers[order], np.arange(len(shards) + 1))
    members, generation = order[:0], -1
    for number, (split, num_rows) in enumerate(shards):
        if begins[number] < begins[number + 1]:
            members, generation = order[begins[number] : begins[number + 1]], -1
        columns = found.select(["video_id", "content_id"]).take(pa.array(members)).to_pydict()
        content = list(zip(*columns.values(), strict=True))
        name, generation = unused_name(fingerprint, split, content, retired=retired, generation=generation + 1)
        yield Shard(
            shard_id=name,
            split=split,
            replaces=None,
            generation=generation,
            num_sources=len(members),
            num_rows=num_rows,
        )


def _plan_tables(draft: Draft) -> Iterator[pa.Table]:
    """Yield the rows of the plan: each shard's as soon as a block with its last source was read."""
    if not draft.shards:
        return
    last = np.zeros(len(draft.shards), np.int64)
    planned = np.flatnonzero(draft.numbers >= 0)
    last[draft.numbers[planned]] = planned
    schema = pa.schema([("number", pa.int64()), *(PLAN_SCHEMA.field(n) for n in PLAN_SCHEMA.names[4:])])
    held = schema.empty_table()
    for begin, details in walk_blocks(draft.survey.blocks):
        end = begin + details.num_rows
        found = draft.survey.found.slice(begin, details.num_rows)
        numbers = draft.numbers[begin:end]
        rows = pa.table(
            [
                pa.array(numbers),
                found["video_id"],
                found["content_id"],
                draft.identities.recording_ids.slice(begin, details.num_rows),
                found["num_rows"],
                details["source"],
            ],
            schema=schema,
        )
        held = pa.concat_tables([held, rows.filter(pa.array(numbers >= 0))])
        waiting = held["number"].to_numpy()
        ready = last[waiting] < end
        order = np.flatnonzero(ready)[np.argsort(waiting[ready], kind="stable")]
        if len(order):
            yield _with_shards(_divided(held.take(pa.array(order)), draft), draft.shards)
        held = held.filter(pa.array(~ready))


def _divided(rows: pa.Table, draft: Draft) -> pa.Table:
    """Return rows of the plan with a row for each shard of a source that has several."""
    shard_rows = np.array([draft.shards[number].num_rows for number in rows["number"].to_pylist()])
    done, pieces = 0, []
    for place in np.flatnonzero(rows["num_rows"].to_numpy() > shard_rows).tolist():
        pieces += [rows.slice(done, place - done), _parts_of(rows.slice(place, 1), draft)]
        done = place + 1
    return pa.concat_tables([*pieces, rows.slice(done)])


def _parts_of(row: pa.Table, draft: Draft) -> pa.Table:
    (values,) = row.to_pylist()
    shards, left = [], values["num_rows"]
    while left:
        shards.append(draft.shards[values["number"] + len(shards)])
        left -= shards[-1].num_rows
    whole = shard_of(shards[0], row).sources[0]
    parts = divide_source(whole, draft.config, [shard.num_rows for shard in shards])
    changed = [
        {"number": values["number"] + place, "num_rows": len(part.windows), "source": source_json(part)}
        for place, part in enumerate(parts)
    ]
    return pa.Table.from_pylist([values | part for part in changed], schema=row.schema)


def _with_shards(rows: pa.Table, shards: tuple[Shard, ...]) -> pa.Table:
    named = [shards[number] for number in rows["number"].to_pylist()]
    columns = [pa.array([getattr(s, n) for s in named], PLAN_SCHEMA.field(n).type) for n in PLAN_SCHEMA.names[:4]]
    return pa.table([*columns, *rows.columns[1:]], schema=PLAN_SCHEMA)


def _recordings_parts(draft: Draft) -> Iterator[list[tuple[Any, Any, pa.Table]]]:
    """Yield for each file of recordings its blocks: details, fingerprints, and the names and places of the rows to keep."""
    part: list[tuple[Any, Any, pa.Table]] = []
    begin = num_rows = 0
    names = draft.survey.found.select(["video_id", "content_id", "catalog_id"]).append_column(
        "recording_id", draft.identities.recording_ids
    )
    for block in draft.survey.blocks:
        kept = np.flatnonzero(draft.new[begin : begin + block.num_rows])
        if len(kept):
            rows = names.slice(begin, block.num_rows).take(pa.array(kept)).append_column("place", pa.array(kept))
            part.append((block.details, block.fingerprints, rows))
        begin, num_rows = begin + block.num_rows, num_rows + len(kept)
        if num_rows >= _RECORDINGS_ROWS:
            yield part
            part, num_rows = [], 0
    if part:
        yield part


def _write_recordings(uri: str, part: list[tuple[Any, Any, pa.Table]]) -> None:
    tables = []
    for details_ref, fingerprints_ref, names in part:
        details, places = ray.get(details_ref).take(names["place"]), names["place"]
        columns = {name: details[name] for name in ("path", "state")}
        columns |= {name: names[name] for name in names.column_names}
        columns["fingerprint"] = ray.get(fingerprints_ref).take(places.combine_chunks())
        tables.append(pa.table([columns[name] for name in RECORDING_SCHEMA.names], schema=RECORDING_SCHEMA))
    with storage.staged(uri) as path:
        pq.write_table(pa.concat_tables(tables), path)

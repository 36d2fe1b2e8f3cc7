"""Looking at all sources: what each holds, the windows that are cut from it, and its fingerprint, in tasks of many sources each.

The driver keeps names, digests and counts. What the plan says of a source, and its fingerprint, stay in Ray's object store, which goes
over to disk where it is full; so nothing is written before it is known that something will come of it.
"""

import dataclasses
import functools
import itertools
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import ray

from datasets.clips.windows import PlannedWindow
from datasets.config import PreparationConfig
from datasets.media import Timeline, timeline_from_dict
from datasets.preparation import operators
from datasets.preparation.accounts import account
from datasets.preparation.plan import source_json
from datasets.preparation.probing import probe_row, recording_names, state_of
from datasets.preparation.recordings.duplicates import Fingerprints
from datasets.preparation.scheduling import as_task, run_tasks
from datasets.preparation.shards import PlannedSource
from datasets.preparation.spans import (
    describe_too_short,
    lacks,
    longest,
    offered_modalities,
    refuse_other_modalities,
    usable_spans,
    windows_of,
)
from datasets.sources.source import Source, source_from_dict
from infra.progress import Progress
from infra.seeding import digest

Row = dict[str, Any]

SOURCE_SCHEMA = pa.schema(
    [
        ("path", pa.string()),
        ("state", pa.string()),
        ("video_id", pa.string()),
        ("split", pa.string()),
        ("source", pa.large_string()),
    ]
)
FOUND_SCHEMA = pa.schema(
    [
        ("video_id", pa.string()),
        ("content_id", pa.string()),
        ("catalog_id", pa.string()),
        ("split", pa.string()),
        ("num_rows", pa.int32()),
        ("has_pair", pa.bool_()),
    ]
)
_DETAIL_SCHEMA = pa.schema([(name, pa.string()) for name in ("path", "state", "source")])
_BLOCK_ROWS = 1024
_BLOCKS_PER_WORKER = 8


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """Sources that were looked at together: of `num_rows` that can be used, what the plan says and the fingerprints."""

    num_rows: int
    details: Any
    """Reference of a table (path, state, source)."""
    fingerprints: Any
    """Reference of an array."""


@dataclasses.dataclass(kw_only=True, slots=True)
class _Summary:
    """What the driver keeps of some sources that were looked at."""

    found: pa.Table
    errors: list[Row] = dataclasses.field(default_factory=list)
    seconds: dict[str, float] = dataclasses.field(default_factory=lambda: {"probe": 0.0, "fingerprint": 0.0})
    longest_seconds: float = 0.0


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Survey:
    """What was found; `found` has a row for each source that can be used, in the order of the blocks."""

    found: pa.Table
    blocks: tuple[Block, ...]
    errors: tuple[Row, ...]
    seconds: dict[str, float]
    longest_seconds: float
    """The longest part of a source that can be cut."""

    def without_blocks(self) -> "Survey":
        """Return this without what the object store holds, which is free again then."""
        return dataclasses.replace(self, blocks=())

    def fingerprints(self) -> list[Fingerprints]:
        """Return where the fingerprints lie, in the order of `found`."""
        return [Fingerprints(place=block.fingerprints, num_rows=block.num_rows) for block in self.blocks]


def tabulate_sources(sources: Iterable[Source], config: PreparationConfig) -> pa.Table:
    """Return sources as a table, in the order of a hash of their names, so that those of a folder or class are spread out.

    Raises:
        InputError: If there are sources, and each lacks something that rows hold.
    """
    tables, keys = [SOURCE_SCHEMA.empty_table()], []
    usable, offered = False, dict[str, None]()
    sources = iter(sources)
    while some := list(itertools.islice(sources, _BLOCK_ROWS)):
        if not usable:
            usable = any(not lacks(source, config) for source in some)
            offered |= offered_modalities(some, config)
        rows = [(s.place, state_of(s), s.video_id, s.split, _to_json(s)) for s in some]
        tables.append(pa.table([list(column) for column in zip(*rows, strict=True)], schema=SOURCE_SCHEMA))
        keys += [int.from_bytes(digest(config.seed, "order", source.video_id)[:8]) for source in some]
    if keys and not usable:
        refuse_other_modalities(offered, config)
    order = np.argsort(np.array(keys, np.uint64), kind="stable")
    return pa.concat_tables(tables).combine_chunks().take(pa.array(order))


def survey_sources(
    sources: pa.Table, *, dataset: str, config: PreparationConfig, num_workers: int, progress: Progress
) -> Survey:
    """Return what sources hold; each is probed, fingerprinted and given its windows in one of `num_workers` tasks at once."""
    size = max(1, min(_BLOCK_ROWS, sources.num_rows // (_BLOCKS_PER_WORKER * num_workers)))
    parts = [sources.slice(begin, size) for begin in range(0, sources.num_rows, size)]
    look = as_task(survey_block, num_returns=3)
    starts = [functools.partial(look, part, dataset=dataset, config=config) for part in parts]
    done = 0
    seen: dict[int, tuple[_Summary, Any, Any]] = {}
    for place, (summary, details, fingerprints) in run_tasks(starts, at_once=num_workers):
        seen[place] = (ray.get(summary), details, fingerprints)
        done += parts[place].num_rows
        progress("sources", done, sources.num_rows)
    in_order = [seen[place] for place in sorted(seen)]
    summaries = [summary for summary, _, _ in in_order]
    return Survey(
        found=pa.concat_tables(
            [FOUND_SCHEMA.empty_table(), *(summary.found for summary in summaries)]
        ).combine_chunks(),
        blocks=tuple(
            Block(num_rows=summary.found.num_rows, details=details, fingerprints=fingerprints)
            for summary, details, fingerprints in in_order
        ),
        errors=tuple(error for summary in summaries for error in summary.errors),
        seconds={stage: sum(summary.seconds[stage] for summary in summaries) for stage in ("probe", "fingerprint")},
        longest_seconds=max((summary.longest_seconds for summary in summaries), default=0.0),
    )


def survey_block(sources: pa.Table, *, dataset: str, config: PreparationConfig) -> tuple[_Summary, pa.Table, pa.Array]:
    """Return what some sources hold: names and counts; what the plan says of them; their fingerprints."""
    summary = _Summary(found=FOUND_SCHEMA.empty_table())
    found, details, fingerprints = [], [], []
    for row in sources.to_pylist():
        source, probed = _probed(source_of(row), dataset, config, summary.seconds)
        if probed["error"]:
            summary.errors.append({"source": source.place, **json.loads(probed["error"])})
            continue
        line = timeline_from_dict(json.loads(probed["line"]))
        spans = usable_spans(source, line, config)
        begin, end = longest(spans)
        summary.longest_seconds = max(summary.longest_seconds, end - begin)
        planned = _plan_source(source, probed, line, windows_of(source, spans, config), config)
        if not planned.windows:
            detail = describe_too_short(spans, config)
            summary.errors.append({"source": source.place, "stage": "plan", "reason": "too short", "detail": detail})
            continue
        found.append(
            {
                "video_id": source.video_id,
                "content_id": probed["content_id"],
                "catalog_id": recording_names([source], [probed])[source.video_id],
                "split": source.split,
                "num_rows": len(planned.windows),
                "has_pair": planned.has_pair,
            }
        )
        details.append((row["path"], row["state"], planned))
        fingerprints.append(probed["fingerprint"])
    summary.found = pa.Table.from_pylist(found, schema=FOUND_SCHEMA)
    return summary, details_table(details), pa.array(fingerprints, pa.binary())


def _probed(source: Source, dataset: str, config: PreparationConfig, seconds: dict[str, float]) -> tuple[Source, Row]:
    """Return a source with the first of its files that has what rows hold, or as it is, and what the probe said; add to the seconds."""
    first = None
    for path in (source.path, *source.others):
        tried = dataclasses.replace(source, path=path)
        probed = operators.probe_source(probe_row(tried, config), dataset=dataset, config=config)
        for stage in seconds:
            seconds[stage] += probed[f"{stage}_seconds"]
        if not probed["error"]:
            return tried, probed
        first = first or probed
    assert first is not None
    return source, first


def walk_blocks(blocks: Sequence[Block]) -> Iterator[tuple[int, pa.Table]]:
    """Yield for each block the number of its first source in `found`, and what the plan says of its sources."""
    begin = 0
    for block in blocks:
        yield begin, ray.get(block.details)
        begin += block.num_rows


def source_of(row: Row) -> Source:
    """Return the source of a row of `tabulate_sources`."""
    return source_from_dict({"boxes": None} | json.loads(row["source"]))


def details_table(planned: Sequence[tuple[str, str, PlannedSource]]) -> pa.Table:
    """Return what the plan says of sources, from their paths, states and windows."""
    rows = [{"path": path, "state": state, "source": source_json(source)} for path, state, source in planned]
    return pa.Table.from_pylist(rows, schema=_DETAIL_SCHEMA)


def _to_json(source: Source) -> str:
    """Return a source without what is null, as its fields are anyway."""
    values = {name: value for name in Source.__slots__ if (value := getattr(source, name)) is not None}
    return json.dumps(values, default=dataclasses.asdict)


def _plan_source(
    source: Source, probed: Row, line: Timeline, windows: Sequence[PlannedWindow], config: PreparationConfig
) -> PlannedSource:
    """Return a source with its windows; which recording it is of is not known yet."""
    seconds, covered, left_out = account(source, line, windows, config)
    return PlannedSource(
        path=source.path,
        video_id=source.video_id,
        content_id=probed["content_id"],
        recording_id="",
        label=source.label,
        windows=tuple(windows),
        image=source.image,
        texts=source.texts,
        boxes=source.boxes,
        fold=source.fold,
        line=line,
        seconds=seconds,
        covered_seconds=covered,
        left_out=left_out,
    )

"""Output shards: which sources make one, its name, and how it becomes one file.

A name is a digest of the shard's sources and the configuration, so that the same work has the same name wherever it runs. A shard that
loses sources is retired: another one, planned as its replacement, has the rows of those that stay. A source with more rows than a shard
holds has several shards, which hold nothing else and are made together.
"""

import dataclasses
import itertools
from collections.abc import Collection, Sequence
from typing import Any, Protocol

import numpy as np

from datasets.clips.passes import OPEN_BYTES, plan_passes
from datasets.clips.windows import PlannedWindow
from datasets.config import PreparationConfig
from datasets.media import Timeline, timeline_from_dict
from datasets.sources.source import Box, Text, nested_parts
from infra import storage
from infra.seeding import digest

SPLITS = ("train", "validation", "test")
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
    places: tuple[int, ...] = ()
    """Numbers of its windows among those of the whole source, where they are in an order of their own or only some of them."""

    @property
    def place(self) -> str:
        """What it is called where it lies, as of the source that it was."""
        return self.path or self.image or self.video_id

    @property
    def begins(self) -> bool:
        """Whether its first window is here: where a source has several parts, it is counted with this one."""
        return not self.places or 0 in self.places

    @property
    def has_pair(self) -> bool:
        """Whether its windows are pairs; a short source has one without a partner."""
        return any(window.pair is not None for window in self.windows)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class PlannedShard:
    """The sources of one output file.

    `replaces` is the shard that this one takes the rows from; one without sources only retires it. `generation` counts the shards that
    have or had the same sources, retired ones and those with other windows of the one source, so that a name is never used again.
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
    places = tuple(value.get("places", ()))
    line = timeline_from_dict(value["line"])
    return PlannedSource(**{**value, "windows": windows, "places": places, "line": line, **nested_parts(value)})


def divide_source(source: PlannedSource, config: PreparationConfig, sizes: Sequence[int]) -> list[PlannedSource]:
    """Return the parts of a source that go into several shards: of each size the windows that are whole next."""
    order = [index for members in passes_of(source, config) for index in members]
    ends = list(itertools.accumulate(sizes, initial=0))
    return [_with_windows(source, order[begin:end]) for begin, end in itertools.pairwise(ends)]


def join_parts(parts: Sequence[PlannedSource]) -> PlannedSource:
    """Return the source that all its parts are of, with their windows in this order."""
    return dataclasses.replace(
        parts[0],
        windows=tuple(window for part in parts for window in part.windows),
        places=tuple(place for part in parts for place in part.places),
    )


def passes_of(source: PlannedSource, config: PreparationConfig) -> list[list[int]]:
    """Return in which passes over a source its windows are cut."""
    most_open = OPEN_BYTES // max(1, config.decoded_bytes)
    return plan_passes(source.windows, clip_seconds=config.row_seconds, most_open=most_open)


def _with_windows(source: PlannedSource, members: Sequence[int]) -> PlannedSource:
    windows = tuple(source.windows[index] for index in members)
    return dataclasses.replace(source, windows=windows, places=tuple(members))


def shard_name(fingerprint: str, split: str, content: Sequence[tuple[str, str]], generation: int = 0) -> str:
    """Return the name of the shard of some sources: a digest of what goes into it, each source's video and content."""
    return digest(fingerprint, split, list(content), *([generation] if generation else [])).hex()[:16]


def unused_name(
    fingerprint: str, split: str, content: Sequence[tuple[str, str]], *, retired: Collection[str], generation: int = 0
) -> tuple[str, int]:
    """Return a shard's name that no retired shard had, of this generation or the next that is free, and its generation."""
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


def most_rows_of(config: PreparationConfig) -> int:
    """Return how many rows a shard holds at most: an even number, so that a pair is never parted."""
    return max(_FEWEST_ROWS, SHARD_BYTES // config.row_bytes // 2 * 2)


def cut_shards(
    num_rows: np.ndarray, splits: np.ndarray, *, most_rows: int, num_workers: int
) -> tuple[np.ndarray, list[tuple[str, int]]]:
    """Return the first shard of each source, and split and rows of each shard: large shards first, for few tasks, then ever smaller ones.

    A shard takes the next sources of its split, with a share of the rows that are left, so that workers that take one shard after the
    other end at about the same time (guided self-scheduling, Polychronopoulos and Kuck, IEEE Transactions on Computers 1987; there
    every worker takes a whole share, here half). A source with more rows than a shard holds has the next shards for itself.

    Args:
        num_rows: rows (sources,) that each source gives.
        splits: index (sources,) of each one's split in `SPLITS`, -1 where it goes into no shard.
        most_rows: rows of the largest shard.
        num_workers: workers that take shards.
    """
    numbers, shards = np.full(len(num_rows), -1, np.int64), []
    left = int(num_rows[splits >= 0].sum())
    for place, split in enumerate(SPLITS):
        members = np.flatnonzero(splits == place)
        until = np.cumsum(num_rows[members])
        begin = done = 0
        while begin < len(members):
            wanted = min(most_rows, max(_FEWEST_ROWS, left // (2 * num_workers)))
            end = min(len(members), int(np.searchsorted(until, done + wanted)) + 1)
            if end - begin > 1 and until[end - 1] - done > most_rows:
                end -= 1
            taken = int(until[end - 1]) - done
            numbers[members[begin:end]] = len(shards)
            shards += [(split, min(most_rows, taken - first)) for first in range(0, taken, most_rows)]
            left -= taken
            begin, done = end, done + taken
    return numbers, shards


def clip_file(dataset: str, shard: Named) -> str:
    """Return where a shard's rows go."""
    return storage.join(dataset, clip_path(shard.split, shard.shard_id))


def clip_path(split: str, shard_id: str) -> str:
    """Return where a shard's rows lie below the dataset."""
    return f"clips/split={split}/{shard_id}.parquet"

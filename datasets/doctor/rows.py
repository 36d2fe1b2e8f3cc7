"""What the small columns of a dataset's files say: counts, classes, measures, and rows that contradict each other."""

import collections
import dataclasses
from collections.abc import Iterable, Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from datasets.clips.measures import LOUDNESS, MOTION, SILENCE
from datasets.config import PreparationConfig
from datasets.doctor.flag import Flag
from infra import storage

MEASURES = (LOUDNESS, SILENCE, MOTION)
_TEXTS = ("clip_id", "pair_id", "label", "video_id", "recording_id")


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where a clip stands."""

    uri: str
    group: int
    row: int
    split: str
    video_id: str
    label: str


@dataclasses.dataclass(kw_only=True, slots=True)
class Split:
    """What a split holds."""

    num_rows: int = 0
    num_bytes: int = 0
    pairs: set[str] = dataclasses.field(default_factory=set)
    videos: set[str] = dataclasses.field(default_factory=set)
    recordings: set[str] = dataclasses.field(default_factory=set)


class Rows:
    """Gathers the rows of one file after another."""

    def __init__(self, config: PreparationConfig | None) -> None:
        self.config = config
        self.splits: dict[str, Split] = {}
        self.classes: dict[str, collections.Counter[str]] = {}
        self.measures: dict[str, list[float]] = {name: [] for name in MEASURES}
        self.first_windows: list[Place] = []
        self.flags: list[Flag] = []
        self._files: dict[str, str] = {}
        self._doubled: dict[str, str] = {}

    def add(self, uri: str, num_bytes: int) -> None:
        """Add a file.

        Raises:
            pyarrow.ArrowException, OSError, ValueError: If it cannot be read.
        """
        file = pq.ParquetFile(storage.open_input(uri))
        split_name = next((part[6:] for part in uri.split("/") if part.startswith("split=")), "-")
        split = self.splits.setdefault(split_name, Split())
        split.num_rows += file.metadata.num_rows
        split.num_bytes += num_bytes
        names = [field.name for field in file.schema_arrow if field.name in _TEXTS + MEASURES and _is_plain(field)]
        pairs: list[tuple[str | None, int]] = []
        for group in range(file.num_row_groups):
            table = file.read_row_group(group, columns=names)
            values = {name: table[name].to_pylist() for name in names}
            pairs += [(pair, group) for pair in values.get("pair_id", [])]
            self._count(values, uri, group, split_name)
            if group == 0:
                self._check_sizes(file, uri)
        self.flags += _torn_pairs(uri, pairs)

    def finish(self) -> list[Flag]:
        """Return the flags of all files."""
        doubled: dict[tuple[str, str], list[str]] = {}
        for clip, uri in self._doubled.items():
            doubled.setdefault((uri, self._files[clip]), []).append(clip)
        for (uri, first), clips in doubled.items():
            detail = f"{len(clips)} clips, such as '{clips[0]}', stand also in {first}; remove one of the files"
            self.flags.append(Flag(severity="error", name="duplicated clip", place=uri, detail=detail))
        return self.flags

    def _count(self, values: dict[str, list[Any]], uri: str, group: int, split_name: str) -> None:
        split = self.splits[split_name]
        split.pairs.update(filter(None, values.get("pair_id", [])))
        split.recordings.update(filter(None, values.get("recording_id", [])))
        for row, clip in enumerate(values.get("clip_id", [])):
            if clip in self._files:
                self._doubled.setdefault(clip, uri)
            self._files.setdefault(clip, uri)
            if "video_id" in values:
                label, video = values["label"][row] or "" if "label" in values else "", values["video_id"][row]
                self.classes.setdefault(label, collections.Counter())[split_name] += 1
                if video not in split.videos:
                    place = Place(uri=uri, group=group, row=row, split=split_name, video_id=video, label=label)
                    self.first_windows.append(place)
                    split.videos.add(video)
        for name in MEASURES:
            self.measures[name] += [value for value in values.get(name, []) if value is not None]

    def _check_sizes(self, file: pq.ParquetFile, uri: str) -> None:
        """Flag sound whose length is not the configuration's: the file was made by another one."""
        if self.config is None or not self.config.has_sound:
            return
        wanted = {
            "waveform": 2 * self.config.num_samples,
            "log_mel": 2 * self.config.num_hops * self.config.log_mel.num_bins,
        }
        for name, size in wanted.items():
            if name not in file.schema_arrow.names:
                continue
            found: set[int | None] = set(_lengths(file, name)) - {None, size}
            if found:
                detail = f"{name} has {min(filter(None, found), default=0)} bytes, the card's configuration makes {size}; prepare it again"
                self.flags.append(Flag(severity="error", name="mixed configurations", place=uri, detail=detail))
                return


def pick(places: Iterable[Place], count: int) -> list[Place]:
    """Return places from all classes in turn, those of a class spread evenly, ordered by class."""
    by_label: dict[str, list[Place]] = {}
    for place in places:
        by_label.setdefault(place.label, []).append(place)
    shares = dict.fromkeys(by_label, 0)
    while sum(shares.values()) < min(count, sum(map(len, by_label.values()))):
        for label, members in by_label.items():
            if shares[label] < len(members) and sum(shares.values()) < count:
                shares[label] += 1
    return [
        by_label[label][round(i * len(by_label[label]) / share)]
        for label, share in sorted(shares.items())
        for i in range(share)
    ]


def _is_plain(field: pa.Field) -> bool:
    """Return whether a column holds what ours of its name does: a foreign file may hold anything under it."""
    kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
    if field.name in MEASURES:
        return pa.types.is_floating(kind)
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


def _torn_pairs(uri: str, pairs: list[tuple[str | None, int]]) -> Iterator[Flag]:
    """Yield pairs whose two rows do not follow one another in one row group."""
    places: dict[str, list[tuple[int, int]]] = {}
    for row, (pair, group) in enumerate(pairs):
        if pair is not None:
            places.setdefault(pair, []).append((row, group))
    for pair, found in places.items():
        (first, *_), (last, *_) = found[0], found[-1]
        if len({group for _, group in found}) > 1:
            detail = f"pair '{pair}' lies in two row groups, training leaves it out; write it again"
            yield Flag(severity="error", name="pair across row groups", place=uri, detail=detail)
        elif len(found) != 2 or last - first != 1:
            detail = f"pair '{pair}' has {len(found)} rows that should be two after one another; write it again"
            yield Flag(severity="error", name="torn pair", place=uri, detail=detail)


def _lengths(file: pq.ParquetFile, name: str) -> list[int | None]:
    column: pa.ChunkedArray = file.read_row_group(0, columns=[name])[name]
    return pc.binary_length(column).to_pylist()

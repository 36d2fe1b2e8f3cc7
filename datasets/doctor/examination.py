"""Looking at a whole dataset, ours or not, whole or broken: nothing here raises for what is in the files."""

import collections
import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from datasets.config import PreparationConfig
from datasets.doctor.bookkeeping import find_card, flag_bookkeeping, read_config
from datasets.doctor.flag import Flag
from datasets.doctor.layout import Layout, flag_layout, read_layout
from datasets.doctor.rows import Place, Rows, Split, pick
from datasets.media import MediaError
from datasets.reading.reader import decode_table, read_rows, to_arrays
from datasets.schema import CLIP_SCHEMA
from infra import storage
from infra.errors import InputError
from infra.progress import Progress, silent

_UNREADABLE = (pa.ArrowException, OSError, ValueError, TypeError, KeyError, MediaError)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Examination:
    """What was found."""

    dataset: str
    config: PreparationConfig | None
    """Of the card; none where a folder is not ours."""
    layouts: list[Layout]
    """Of the files with clips that can be read."""
    splits: dict[str, Split]
    classes: dict[str, collections.Counter[str]]
    """Clips by label and split."""
    measures: dict[str, list[float]]
    """Loudness, silence and motion of the clips that have them."""
    flags: list[Flag]
    places: list[Place]
    """The first window of every video."""
    holds: dict[str, dict[str, int]]
    """Rows of each split that hold each thing, as the card counts them."""
    sources: dict[str, Any]
    """How much of the sources is in clips, as the card has it."""

    @property
    def num_errors(self) -> int:
        """Flags that training would stumble over."""
        return sum(flag.severity == "error" for flag in self.flags)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """A clip to look at, as far as it has what can be seen."""

    frames: np.ndarray | None = None
    """uint8 (frames, height, width, 3)."""
    image: np.ndarray | None = None
    """uint8 (height, width, 3)."""
    log_mel: np.ndarray | None = None
    """float32 (bins, hops)."""
    texts: tuple[str, ...] = ()
    label: str
    split: str
    video_id: str


def examine(dataset: str, *, progress: Progress = silent) -> Examination:
    """Return what a folder of Parquet files holds and what is wrong with it; writes nothing.

    Raises:
        InputError: If there is no such folder, or no Parquet file in it.
    """
    uris = storage.list_files(dataset, suffix=".parquet")
    if not uris:
        raise InputError(f"DATASET: '{dataset}' holds no Parquet files; give a folder that workflows.prepare made")
    card, flags = find_card(dataset)
    config = read_config(card)
    clips = storage.join(dataset, "clips", "")
    ours = card is not None or any(uri.startswith(clips) for uri in uris)
    rows, layouts = Rows(config), []
    counts: dict[str, int | None] = dict.fromkeys(uris)
    for done, uri in enumerate(uris, start=1):
        try:
            layout = read_layout(uri)
            counts[uri] = layout.num_rows
            if not ours or uri.startswith(clips):
                rows.add(uri, layout.num_bytes)
                layouts.append(layout)
        except _UNREADABLE as error:
            remedy = "remove it and its marker, and run workflows.prepare again" if ours else "write it again"
            flags.append(Flag(severity="error", name="broken file", place=uri, detail=f"{_reason(error)}; {remedy}"))
        progress("files", done, len(uris))
    for layout in layouts:
        flags += flag_layout(layout)
    flags += _other_columns(layouts, ours=ours)
    flags += rows.finish()
    flags += flag_bookkeeping(dataset, card, config, counts)
    return Examination(
        dataset=dataset,
        config=config,
        layouts=layouts,
        splits=rows.splits,
        classes=rows.classes,
        measures=rows.measures,
        flags=sorted(flags),
        places=rows.first_windows,
        holds=dict((card or {}).get("holds", {})),
        sources=dict((card or {}).get("sources", {})),
    )


def read_samples(found: Examination, *, count: int) -> tuple[list[Sample], list[Flag]]:
    """Return some clips of all classes, and flags of those that cannot be decoded."""
    config, samples, flags = found.config, [], []
    if config is None:
        return [], []
    names = _seen_of(config)
    for place in pick(found.places, count):
        seen: dict[str, np.ndarray] = {}
        texts: list[dict[str, str]] = []
        name = "texts"
        try:
            table = read_rows(place.uri, place.group, [place.row], [*names, "texts"])
            texts = table["texts"][0].as_py() or []
            for name in names:
                if table[name].null_count:
                    raise ValueError("there are none")
                seen[name] = to_arrays(decode_table(table.select([name]), config=config), config=config)[name][0]
        except _UNREADABLE as error:
            detail = f"{name} of '{place.video_id}' are not what the card says: {_reason(error)}"
            flags.append(Flag(severity="error", name=f"broken {name}", place=place.uri, detail=detail))
            continue
        words = tuple(text["text"] for text in texts)
        samples.append(Sample(**seen, texts=words, label=place.label, split=place.split, video_id=place.video_id))
    return samples, flags


def _seen_of(config: PreparationConfig) -> list[str]:
    """Return the columns that show a clip: moving pictures, or else a still picture and a spectrogram."""
    if config.has_picture:
        return ["frames"]
    return [name for name, there in (("image", "image" in config.modalities), ("log_mel", config.has_sound)) if there]


def _reason(error: BaseException) -> str:
    return " ".join(str(error).split())[:160].rstrip(". ")


def _other_columns(layouts: Sequence[Layout], *, ours: bool) -> list[Flag]:
    """Return the files with columns of another type than in most files, or unknown ones; ours leave out what no row fills."""
    types: dict[str, collections.Counter[str]] = {}
    for column in (column for layout in layouts for column in layout.columns):
        types.setdefault(column.name, collections.Counter())[column.type] += 1
    usual = {name: counts.most_common(1)[0][0] for name, counts in types.items()}
    flags = []
    for layout in layouts:
        differing = [
            column.name
            for column in layout.columns
            if column.type != usual[column.name] or (ours and column.name not in CLIP_SCHEMA.names)
        ]
        if differing:
            detail = f"{', '.join(differing)} not as in most files: made by another version"
            flags.append(Flag(severity="warning", name="mixed versions", place=layout.uri, detail=detail))
    return flags

"""What is measured on: real videos where there are any, else synthetic scenes."""

import dataclasses
import functools
import os
from collections.abc import Sequence
from pathlib import Path

from datasets.config import PreparationConfig
from datasets.media import MediaError, probe
from datasets.preparation.draft import write_draft
from datasets.preparation.plan import read_plan, read_shard
from datasets.preparation.preparation import Preparation
from datasets.preparation.shards import PlannedSource
from datasets.sources import folder
from datasets.sources.listing import render_scenes
from datasets.sources.source import Source
from infra.cluster import ROOT
from tests.benchmarks.measure import Setting

PAIR_SECONDS = 6.5
"""Long enough for two clips of 4 s that begin 2.2 s apart."""


def real_videos() -> Path | None:
    """Return the folder of real videos, if there is one."""
    videos = Path(os.environ.get("SENSORIUM_REAL_DATA", Path(ROOT).parent / "shared" / "data")) / "videos"
    return videos if videos.is_dir() else None


@functools.cache
def sources(setting: Setting, config: PreparationConfig) -> tuple[Source, ...]:
    """Return videos from which a pair of clips can be cut, as many as there is time for."""
    number = setting.choose(quick=4, full=24)
    videos = real_videos()
    if videos is None:
        home = str(setting.folder / "scenes")
        return tuple(render_scenes(home, num_videos=number // 2, level="medium", config=config))
    usable = [source for source in folder.index(str(videos))[0] if _lasts(source.path)]
    every = max(1, len(usable) // number)
    return tuple(usable[::every][:number])


def repeated(videos: Sequence[Source], times: int) -> list[Source]:
    """Return every video several times, under other names and so with other windows."""
    return [
        dataclasses.replace(source, video_id=f"{source.video_id}-{number}")
        for number in range(times)
        for source in videos
    ]


def planned(preparation: Preparation) -> list[PlannedSource]:
    """Return the sources of a planned preparation with their windows; the plan is stored, as it is before its shards are made."""
    assert preparation.draft is not None
    write_draft(preparation.draft, preparation.dataset)
    return [source for shard in read_plan(preparation.dataset) for source in read_shard(shard).sources]


def kind() -> str:
    """Return what the sources are, for the table."""
    return "real videos" if real_videos() else "synthetic scenes"


def _lasts(path: str) -> bool:
    try:
        spans = probe(path).spans()
    except MediaError:
        return False
    return any(end - begin > PAIR_SECONDS for begin, end in spans)

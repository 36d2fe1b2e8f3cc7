"""The same work without Ray: one loop over sources, in processes that have everything imported."""

import multiprocessing
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.pool import Pool
from pathlib import Path

import numpy as np
import pyarrow as pa

from datasets.clips.spectrogram import log_mel
from datasets.config import PreparationConfig
from datasets.media import Window, cut
from datasets.preparation.operators import clip_row
from datasets.preparation.shards import PlannedSource, write_clips
from datasets.schema import CLIP_SCHEMA


@contextmanager
def processes(number: int) -> Iterator[Pool]:
    """Give processes that have run the loop once on nothing."""
    with multiprocessing.get_context("spawn").Pool(number) as pool:
        pool.map(time.sleep, [0.2] * number, chunksize=1)
        yield pool


def run_one(source: PlannedSource, config: PreparationConfig, path: Path) -> None:
    """Decode, scale, resample, cut, transform, encode and write the clips of a source."""
    write_clips(str(path), pa.Table.from_pylist(clips_of(source, config), schema=CLIP_SCHEMA))


def clips_of(source: PlannedSource, config: PreparationConfig) -> list[dict]:
    """Return the finished rows of a source."""
    windows = [Window(start_seconds=w.start_seconds, sound_start_seconds=w.sound_start_seconds) for w in source.windows]
    rows = {}
    for index, frames, waveform in cut(
        source.path,
        windows,
        origin_seconds=source.origin_seconds,
        clip_seconds=config.clip_seconds,
        frame_rate=config.frame_rate,
        size=config.size,
        sample_rate=config.sample_rate,
        pixels=config.pixels,
    ):
        spectrogram = log_mel(waveform, sample_rate=config.sample_rate, config=config.log_mel)
        row = clip_row(source, index, frames, waveform, config)
        rows[index] = {**row, "log_mel": spectrogram.astype(np.float16).tobytes()}
    return [rows[index] for index in sorted(rows)]

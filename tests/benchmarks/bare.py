"""The same work without Ray: one loop over sources, in processes that have everything imported."""

import multiprocessing
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.pool import Pool
from pathlib import Path

import pyarrow as pa

from datasets.clips.parquet import write_clips
from datasets.config import PreparationConfig
from datasets.preparation import rows
from datasets.preparation.shards import PlannedSource
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
    return [{**row, "log_mel": rows.log_mel_of(row["waveform"], config)} for row in rows.clips_of(source, config)]

"""How preparation grows: to 10,000 short clips that are made, and to 650,000 videos that are only planned."""

import functools
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import ray.data

from datasets.clips.spectrogram import LogMelConfig
from datasets.config import PreparationConfig
from datasets.media import write_video
from datasets.preparation.preparation import Preparation
from datasets.sources.source import Source
from tests.benchmarks.measure import Row, Setting, skipped, spread
from tests.benchmarks.memory import peaks

NAMES = (
    "marginal_seconds_10000_vs_1000",
    "growth_driver_memory_10000_vs_1000",
    "growth_worker_memory_10000_vs_1000",
    "planning_share_10000",
    "simulated_driver_gb",
    "simulated_growth",
    "simulated_opening_seconds",
)
_CONFIG = PreparationConfig(
    clip_seconds=1.0,
    frame_rate=8.0,
    size=32,
    sample_rate=8000,
    min_shift_seconds=0.5,
    max_shift_seconds=1.0,
    log_mel=LogMelConfig(num_bins=8, window_ms=64, hop_ms=32),
)
_VIDEO_SECONDS = 2.0
_TARGETS = ("<= 1.1", "<= 1.1", None, None)
_SIMULATED = (65_000, 650_000)
"""Videos that are planned without there being any."""
_SIMULATED_TARGETS = ("<= 2", "<= 1.1", "<= 5")
_STEPS = ("list", "copies and plan", "write plan", "read plan", "markers and index")


class _Size:
    """What preparing so many clips took, over its rounds."""

    def __init__(self, num_clips: int) -> None:
        self.num_clips = num_clips
        self.seconds: list[float] = []
        self.planning: list[float] = []
        self.driver_mb: list[float] = []
        self.worker_mb: list[float] = []


def measure(setting: Setting) -> Iterator[Row]:
    """Yield the rows of growth; the quick run stops at a twentieth, and simulates nothing."""
    made, simulated = NAMES[:4], NAMES[4:]
    if setting.wants(*made):
        rows = _grown(setting)
        for row, name, target in zip(rows, made, _TARGETS, strict=True):
            reason = f"the quick run grows to 500 clips only: there {row.ratio:.3g} ({row.detail})"
            yield skipped(name, target=target, reason=reason) if setting.quick else row
    if setting.quick:
        for name, target in zip(simulated, _SIMULATED_TARGETS, strict=True):
            yield skipped(name, target=target, reason="the quick run simulates nothing")
    elif setting.wants(*simulated):
        yield from _simulated_rows(setting.folder)


def _grown(setting: Setting) -> list[Row]:
    small, middle, large = (_Size(n) for n in ((20, 100, 500) if setting.quick else (100, 1000, 10000)))
    sources = _write_videos(setting.folder / "short", large.num_clips // 2)
    _prepare(_Size(small.num_clips), sources, setting.folder)
    for number in range(setting.choose(quick=1, full=3)):
        for size in (small, middle, large)[: 3 if number == 0 else 2]:
            _prepare(size, sources, setting.folder)
    return _rows(small, middle, large)


def _rows(small: _Size, middle: _Size, large: _Size) -> list[Row]:
    def marginal(size: _Size, less: _Size, seconds: float) -> float:
        return (seconds - statistics.median(less.seconds)) / (size.num_clips - less.num_clips)

    per_clip = marginal(large, middle, statistics.median(large.seconds))
    before = [marginal(middle, small, seconds) for seconds in middle.seconds]
    start = statistics.median(small.seconds) - small.num_clips * statistics.median(before)
    sizes = " / ".join(f"{size.num_clips:,}" for size in (small, middle, large))
    seconds = " / ".join(f"{statistics.median(size.seconds):.1f}" for size in (small, middle, large))
    planning = " / ".join(f"{statistics.median(size.planning):.1f}" for size in (small, middle, large))
    rows = [
        spread(
            NAMES[0],
            [per_clip / one for one in before],
            target=_TARGETS[0],
            detail=f"{1000 * per_clip:.1f} ms a clip beyond {middle.num_clips:,} clips, {1000 * statistics.median(before):.1f} from "
            f"{small.num_clips:,} on; {sizes} clips take {seconds} s, planning {planning} of them, start-up {max(0.0, start):.1f} s",
        )
    ]
    for name, target, field, who, more in (
        (NAMES[1], _TARGETS[1], "driver_mb", "the driver", ""),
        (
            NAMES[2],
            _TARGETS[2],
            "worker_mb",
            "the largest worker",
            "; beside its imports it holds open windows of 512 MB at most, or one pair, and finished rows of 128 MB, twice while they are written",
        ),
    ):
        largest = [max(getattr(size, field)) for size in (small, middle, large)]
        detail = f"peak of {who}, without what is shared, {' / '.join(f'{peak:.0f}' for peak in largest)} MB for {sizes} clips{more}"
        rows.append(spread(name, [largest[2] / largest[1]], target=target, detail=detail))
    share = large.planning[0] / large.seconds[0]
    rows.append(
        spread(NAMES[3], [share], target=_TARGETS[3], detail=f"share of the time for {large.num_clips:,} clips")
    )
    return rows


def _prepare(size: _Size, sources: list[Source], folder: Path) -> None:
    dataset = folder / f"grown-{size.num_clips}"
    with peaks() as memory:
        began = time.perf_counter()
        preparation = Preparation(str(dataset), _CONFIG, num_workers=2)
        preparation.plan(sources[: size.num_clips // 2])
        size.planning.append(time.perf_counter() - began)
        card = preparation.run()
        size.seconds.append(time.perf_counter() - began)
    assert sum(split["rows"] for split in card["splits"].values()) == size.num_clips
    size.driver_mb.append(memory["driver"])
    size.worker_mb.append(memory["worker"])
    shutil.rmtree(dataset)


def _simulated_rows(folder: Path) -> Iterator[Row]:
    """Yield the rows of planning very many videos, each size in a process of its own."""
    small, large = (_simulated(number, folder / f"simulated-{number}") for number in _SIMULATED)
    seconds = [sum(found[step] for step in _STEPS) for found in (small, large)]
    sizes = " / ".join(f"{number:,}" for number in _SIMULATED)
    yield spread(
        NAMES[4],
        [large["driver MB"] / 1024],
        target=_SIMULATED_TARGETS[0],
        detail=f"peak of the driver, without what is shared, {small['driver MB']:.0f} / {large['driver MB']:.0f} MB for {sizes} videos; "
        f"of the largest worker {large['worker MB']:.0f} MB",
    )
    each = ", ".join(f"{step} {small[step]:.1f} / {large[step]:.1f}" for step in _STEPS)
    yield spread(
        NAMES[5],
        [seconds[1] / seconds[0] / (_SIMULATED[1] / _SIMULATED[0])],
        target=_SIMULATED_TARGETS[1],
        detail=f"seconds a video at {_SIMULATED[1]:,} to those at {_SIMULATED[0]:,}: {seconds[0]:.1f} / {seconds[1]:.1f} s ({each}); "
        f"{large['copies']:,} of {large['made copies']:,} copies found",
    )
    yield spread(
        NAMES[6],
        [large["open"]],
        target=_SIMULATED_TARGETS[2],
        detail=f"seconds from the index of {large['shards']:,} shards, none of which is there, to the pairs of a training; "
        f"to know that nothing is new {large['know again']:.1f} s",
    )


def _simulated(number: int, folder: Path) -> dict[str, Any]:
    command = [
        sys.executable,
        "-m",
        "tests.benchmarks.simulation",
        "--num-videos",
        str(number),
        "--folder",
        str(folder),
    ]
    done = subprocess.run(
        command, check=True, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    return json.loads(done.stdout.splitlines()[-1])


def _write_videos(folder: Path, number: int) -> list[Source]:
    folder.mkdir()
    write = functools.partial(_write_video, folder=str(folder))
    paths = sorted(row["path"] for row in ray.data.range(number, override_num_blocks=8).map(write).iter_rows())
    return [Source(path=path, video_id=Path(path).name) for path in paths]


def _write_video(row: dict[str, Any], *, folder: str) -> dict[str, str]:
    """Write a video of a moving ramp with tones of its own."""
    chance = np.random.default_rng(int(row["id"]))
    rate, side = round(_CONFIG.frame_rate), _CONFIG.size
    ramp = np.arange(side)[:, None] * chance.uniform(1, 4) + np.arange(side) * chance.uniform(1, 4)
    frames = [
        np.repeat(((ramp + step * chance.uniform(5, 20)) % 256).astype(np.uint8)[..., None], 3, axis=2)
        for step in range(round(_VIDEO_SECONDS * rate) + 1)
    ]
    sound = chance.normal(0, 0.1, round(_VIDEO_SECONDS * _CONFIG.sample_rate) + 1000)
    path = f"{folder}/{int(row['id']):06d}.mp4"
    write_video(path, frames, sound, frame_rate=rate, sample_rate=_CONFIG.sample_rate)
    return {"path": path}

"""Preparation through Ray Data, against the same loop without Ray and against the ffmpeg program."""

import functools
import itertools
import shutil
import statistics
from collections.abc import Callable, Iterator
from multiprocessing.pool import Pool
from pathlib import Path

from datasets.preparation import Preparation
from datasets.preparation_config import PreparationConfig
from datasets.shards import PlannedSource, read_plan
from tests.benchmarks import bare, ffmpeg, inputs
from tests.benchmarks.measure import Row, Setting, middle, rate_of, skipped, take_turns, versus

NAMES = (
    "prepare_1_worker_vs_bare",
    "prepare_2_workers_vs_bare",
    "prepare_vs_ffmpeg_one_pass",
    "prepare_vs_ffmpeg_chain",
)
_NO_FFMPEG = "there is no ffmpeg program on the PATH"


def measure(setting: Setting) -> Iterator[Row]:
    """Yield the rows of preparation."""
    config = PreparationConfig(validation_share=0.0, test_share=0.0)
    prepared = _Prepared(setting, config)
    for number, name in ((1, NAMES[0]), (2, NAMES[1])):
        if setting.wants(name):
            yield _against_bare(name, number, prepared, setting)
    for name, contender, target, num_clips in (
        (NAMES[2], ffmpeg.one_pass, ">= 1.5", setting.choose(quick=8, full=24)),
        (NAMES[3], ffmpeg.chain, ">= 10", setting.choose(quick=4, full=8)),
    ):
        if not setting.wants(name):
            continue
        if ffmpeg.program() is None:
            yield skipped(name, target=target, reason=_NO_FFMPEG)
        else:
            yield _against_ffmpeg(name, contender, target, num_clips, prepared, setting)


class _Prepared:
    """Prepares the sources anew at every call; the processes of Ray are there from the first."""

    def __init__(self, setting: Setting, config: PreparationConfig) -> None:
        self.config, self._folder = config, setting.folder / "prepared"
        self._sources = list(inputs.sources(setting, config))
        self._count = itertools.count()
        self.seconds: dict[str, list[float]] = {"plan": []}
        self.planned: list[PlannedSource] = []
        self.num_clips = 0
        self.rate(2)

    def rate(self, num_workers: int) -> float:
        """Return the clips per second of making all shards, planned before."""
        folder = f"{self._folder}-{next(self._count)}"
        preparation = Preparation(folder, self.config, num_workers=num_workers)
        self.seconds["plan"].append(1 / rate_of(1, functools.partial(preparation.plan, self._sources)))
        self.planned = [source for shard in preparation.new_shards for source in shard.sources]
        self.num_clips = sum(len(source.windows) for source in self.planned)
        rate = rate_of(self.num_clips, preparation.run)
        assert len(read_plan(folder)) == len(preparation.new_shards)
        shutil.rmtree(folder)
        return rate


def _against_bare(name: str, number: int, prepared: _Prepared, setting: Setting) -> Row:
    with bare.processes(number) as pool:
        loops = functools.partial(_bare_rate, pool, number, prepared, setting.folder)
        loops()
        rates = take_turns(
            {"ours": functools.partial(prepared.rate, number), "bare": loops},
            rounds=setting.choose(quick=2, full=5),
        )
    workers = "1 worker" if number == 1 else f"{number} workers"
    loops_text = "one bare PyAV loop" if number == 1 else f"{number} bare PyAV loops at the same time (their sum)"
    return versus(
        name,
        rates["ours"],
        rates["bare"],
        target=">= 0.85",
        detail=f"clips/s, Ray Data with {workers} {middle(rates['ours'])}, {loops_text} {middle(rates['bare'])}; "
        f"{prepared.num_clips} clips of 4 s, 256 pixels, h264, of {len(prepared.planned)} {inputs.kind()}; "
        f"planning, not counted, {statistics.median(prepared.seconds['plan']):.1f} s",
    )


def _bare_rate(pool: Pool, number: int, prepared: _Prepared, folder: Path) -> float:
    jobs = [
        (sources, prepared.config, folder / f"bare-{place}.parquet")
        for place, sources in enumerate(bare.deal(prepared.planned, number))
    ]
    return sum(pool.starmap(bare.run_loop, jobs, chunksize=1))


def _against_ffmpeg(
    name: str, contender: Callable[..., object], target: str, num_clips: int, prepared: _Prepared, setting: Setting
) -> Row:
    clips = ffmpeg.clips_of(prepared.planned)
    clips = clips[:: max(1, len(clips) // num_clips)][:num_clips]
    work = functools.partial(ffmpeg.at_once, contender, clips, prepared.config, setting.folder / "ffmpeg")
    rates = take_turns(
        {
            "ours": functools.partial(prepared.rate, 2),
            "theirs": functools.partial(rate_of, len(clips), work),
        },
        rounds=setting.choose(quick=1, full=3),
    )
    return versus(
        name,
        rates["ours"],
        rates["theirs"],
        target=target,
        detail=f"clips/s, ours with 2 workers and spectrograms {middle(rates['ours'])}, {contender.__doc__} "
        f"{middle(rates['theirs'])} on {len(clips)} of the clips, two at a time, {ffmpeg.version()}",
    )

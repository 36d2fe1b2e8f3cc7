"""Preparation through Ray Data, against the same loop without Ray and against the ffmpeg program."""

import functools
import itertools
import shutil
import statistics
import time
from collections.abc import Iterator, Sequence
from multiprocessing.pool import Pool
from pathlib import Path

from datasets.config import PreparationConfig
from datasets.preparation.preparation import Preparation
from datasets.preparation.shards import PlannedSource
from datasets.sources.source import Source
from tests.benchmarks import bare, ffmpeg, inputs
from tests.benchmarks.measure import Row, Setting, middle, rate_of, skipped, take_turns, versus

NAMES = (
    "prepare_1_worker_vs_bare",
    "prepare_2_workers_vs_bare",
    "prepare_vs_ffmpeg_one_pass",
    "prepare_vs_ffmpeg_one_pass_two_at_once",
    "prepare_vs_ffmpeg_chain",
    "prepare_vs_ffmpeg_chain_two_at_once",
)
_CONFIG = PreparationConfig(validation_share=0.0, test_share=0.0)
_TIMES = 2
"""How often each video is taken where workers share them, so that the last shard, made by one of them, counts for less."""


def measure(setting: Setting) -> Iterator[Row]:
    """Yield the rows of preparation."""
    sources = inputs.sources(setting, _CONFIG)
    for number, name in ((1, NAMES[0]), (2, NAMES[1])):
        if setting.wants(name):
            times = setting.choose(quick=1, full=_TIMES) if number > 1 else 1
            yield _against_bare(name, number, _Prepared(setting, inputs.repeated(sources, times)), setting)
    for names, contender, target, every in (
        (NAMES[2:4], ffmpeg.ONE_PASS, ">= 1.5", 1),
        (NAMES[4:6], ffmpeg.CHAIN, ">= 10", setting.choose(quick=4, full=3)),
    ):
        if not setting.wants(*names):
            continue
        if ffmpeg.program() is None:
            reason = "there is no ffmpeg program on the PATH"
            yield from (skipped(name, target=target, reason=reason) for name in names)
        else:
            yield from _against_ffmpeg(names, contender, target, sources[::every], setting)


class _Prepared:
    """Prepares sources anew at every call; Ray's processes have everything imported, as a few were prepared before."""

    def __init__(self, setting: Setting, sources: Sequence[Source]) -> None:
        self._folder, self._sources = setting.folder / "prepared", list(sources)
        self._count = itertools.count()
        self.planning: list[float] = []
        warm = self._plan(2, self._sources[:4])
        warm.run()
        shutil.rmtree(warm.dataset)
        first = self._plan(2, self._sources)
        self.planned = inputs.planned(first)
        shutil.rmtree(first.dataset)
        self.num_clips = sum(len(source.windows) for source in self.planned)

    def rate(self, num_workers: int) -> float:
        """Return the clips per second from the list of videos to the finished dataset."""
        began = time.perf_counter()
        preparation = self._plan(num_workers, self._sources)
        card = preparation.run()
        rate = self.num_clips / (time.perf_counter() - began)
        assert sum(split["rows"] for split in card["splits"].values()) == self.num_clips
        shutil.rmtree(preparation.dataset)
        return rate

    def _plan(self, num_workers: int, sources: list[Source]) -> Preparation:
        began = time.perf_counter()
        preparation = Preparation(f"{self._folder}-{next(self._count)}", _CONFIG, num_workers=num_workers)
        preparation.plan(sources)
        self.planning.append(time.perf_counter() - began)
        return preparation


def _against_bare(name: str, number: int, prepared: _Prepared, setting: Setting) -> Row:
    with bare.processes(number) as pool:
        loops = functools.partial(_bare_rate, pool, prepared, setting.folder)
        pool.starmap(bare.run_one, _jobs(prepared, setting.folder)[:number], chunksize=1)
        rates = take_turns(
            {"ours": functools.partial(prepared.rate, number), "bare": loops},
            rounds=setting.choose(quick=1, full=5),
        )
    loops_text = "one bare loop" if number == 1 else f"{number} bare loops at the same time"
    return versus(
        name,
        rates["ours"],
        rates["bare"],
        target=">= 0.85",
        detail=f"{middle(rates['ours'])} clips/s, {loops_text} {middle(rates['bare'])}; {prepared.num_clips} clips of "
        f"{len({source.path for source in prepared.planned})} {inputs.kind()}; ours from the list of videos to the card, of which planning takes {statistics.median(prepared.planning):.1f} s; the loop is told the windows",
    )


def _bare_rate(pool: Pool, prepared: _Prepared, folder: Path) -> float:
    """Return the clips per second of loops that take the next source of one list until all are done."""
    jobs = _jobs(prepared, folder)
    return rate_of(prepared.num_clips, lambda: pool.starmap(bare.run_one, jobs, chunksize=1))


def _jobs(prepared: _Prepared, folder: Path) -> list[tuple[PlannedSource, PreparationConfig, Path]]:
    return [(source, _CONFIG, folder / f"bare-{place}.parquet") for place, source in enumerate(prepared.planned)]


def _against_ffmpeg(
    names: Sequence[str], contender: ffmpeg.Contender, target: str, sources: Sequence[Source], setting: Setting
) -> Iterator[Row]:
    """Yield the rows against ffmpeg on the same two processors: a clip at a time by its own threads, and two clips at a time."""
    once, repeated = (_Prepared(setting, inputs.repeated(sources, times)) for times in (1, _TIMES))

    def theirs(at_once: int) -> float:
        folder = setting.folder / "ffmpeg"
        work = functools.partial(ffmpeg.run_all, contender, once.planned, _CONFIG, folder, at_once=at_once)
        return rate_of(once.num_clips, work)

    turns = {"one": functools.partial(theirs, 1), "two": functools.partial(theirs, 2)}
    rates = take_turns(
        {"ours": functools.partial(repeated.rate, 2), **turns},
        rounds=setting.choose(quick=1, full=2),
    )
    for name, who, words in ((names[0], "one", "a clip at a time"), (names[1], "two", "two clips at a time")):
        yield versus(
            name,
            rates["ours"],
            rates[who],
            target=target,
            detail=f"{middle(rates['ours'])} clips/s with 2 workers, {contender.words} {middle(rates[who])}, {words}; "
            f"{once.num_clips} clips, ours {_TIMES} times over, {ffmpeg.version()}",
        )

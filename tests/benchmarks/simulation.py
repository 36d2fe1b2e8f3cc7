"""Planning of very many videos that do not exist: fingerprints, plan and markers are made up, all that is done with them is real.

python -m tests.benchmarks.simulation --num-videos 650000 --folder FOLDER
"""

import functools
import json
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import ray

from datasets.card import tally_markers, write_card, write_config
from datasets.clips.measures import LOUDNESS, MOTION
from datasets.config import PreparationConfig
from datasets.index import recording_key
from datasets.media import Timeline
from datasets.preparation.accounts import add_up
from datasets.preparation.draft import draft_plan, read_known, write_draft
from datasets.preparation.markers import list_markers, marker_file, read_markers
from datasets.preparation.plan import Shard, read_plan, shard_of, walk_plan
from datasets.preparation.scheduling import as_task, run_tasks
from datasets.preparation.shards import PlannedSource
from datasets.preparation.spans import usable_spans, windows_of
from datasets.preparation.survey import FOUND_SCHEMA, Block, Survey, details_table, source_of, tabulate_sources
from datasets.reading.selection import select_units
from datasets.sources.source import Source
from infra import cluster, storage
from infra.seeding import digest, generator
from tests.benchmarks.memory import peaks
from workflows.cli import command

CONFIG = PreparationConfig()
_VIDEO_SECONDS = 10.0
_NUM_HOPS = 300
_COPIES = 0.05
"""Share of the videos that are copies of others, coded again."""
_BLOCK_VIDEOS = 1024
_ACCOUNT: dict[str, Any] = {"seconds": _VIDEO_SECONDS, "covered_seconds": 8.0, "left_out": {"no picture": 0.02}}
_LINE = Timeline(picture=((0.0, _VIDEO_SECONDS),), sound=((0.0, _VIDEO_SECONDS),), picture_stream=0, sound_stream=1)


def simulate(num_videos: int, folder: str) -> dict[str, float]:
    """Return the seconds of each step, without those that make things up, the driver's memory, and counts."""
    dataset = str(Path(folder) / "dataset")
    seconds: dict[str, float] = {}

    def timed(name: str, work: Callable[[], Any]) -> Any:
        began = time.perf_counter()
        done = work()
        seconds[name] = time.perf_counter() - began
        return done

    with cluster.running(num_cpus=2), peaks() as memory:
        write_config(dataset, CONFIG)
        table = timed("list", lambda: tabulate_sources(_sources(num_videos), CONFIG))
        survey = _made_up_survey(table)
        known = timed("know", lambda: read_known(dataset, restore=False))
        draft = timed(
            "copies and plan",
            lambda: draft_plan(survey, known, dataset=dataset, sources=table, config=CONFIG, num_workers=256),
        )
        timed("write plan", lambda: write_draft(draft, dataset))
        num_copies = num_videos - len(np.unique(draft.identities.groups))
        del survey, draft, known
        shards = timed("read plan", lambda: read_plan(dataset))
        _make_up_markers(dataset, shards)
        timed("markers and index", lambda: _finish(dataset, shards))
        timed("open", lambda: _open(dataset, num_videos))
        timed("know again", lambda: _know_again(dataset, table))
    sizes = _sizes(num_videos)
    made = sum(_num_copies(sizes, place) for place in range(len(sizes)))
    counts = {"shards": len(shards), "copies": num_copies, "made copies": made}
    return {**seconds, **counts, "driver MB": memory["driver"], "worker MB": memory["worker"]}


def _sources(number: int) -> Iterator[Source]:
    for index in range(number):
        name = f"{digest('video', index).hex()[:11]}_{index % 300:06d}_{index % 300 + 10:06d}"
        label = f"class {index * 400 // number}"
        yield Source(path=f"/videos/kinetics/train/{label}/{name}.mp4", video_id=f"{label}/{name}.mp4", label=label)


def _sizes(number: int) -> list[int]:
    return [min(_BLOCK_VIDEOS, number - begin) for begin in range(0, number, _BLOCK_VIDEOS)]


def _num_copies(sizes: list[int], place: int) -> int:
    """Return how many of a block's videos are copies of videos of the next block."""
    return int(min(sizes[place], sizes[(place + 1) % len(sizes)]) * _COPIES) if len(sizes) > 1 else 0


def _made_up_survey(sources: pa.Table) -> Survey:
    sizes = _sizes(sources.num_rows)
    parts = [sources.slice(place * _BLOCK_VIDEOS, size) for place, size in enumerate(sizes)]
    make = as_task(_make_up_block, num_returns=3)
    starts = [functools.partial(make, part, place, sizes) for place, part in enumerate(parts)]
    made = dict(run_tasks(starts, at_once=4))
    blocks, tables = [], []
    for place, size in enumerate(sizes):
        found, details, fingerprints = made[place]
        tables.append(ray.get(found))
        blocks.append(Block(num_rows=size, details=details, fingerprints=fingerprints))
    found = pa.concat_tables(tables).combine_chunks()
    return Survey(found=found, blocks=tuple(blocks), errors=(), seconds={}, longest_seconds=_VIDEO_SECONDS)


def _make_up_block(sources: pa.Table, place: int, sizes: list[int]) -> tuple[pa.Table, pa.Table, pa.Array]:
    """Return what a survey would say of some videos; the last of them are copies of the first of another block."""
    found, planned = [], []
    for row in sources.to_pylist():
        source = source_of(row)
        content = digest("content", source.video_id).hex()
        windows = windows_of(source, usable_spans(source, _LINE, CONFIG), CONFIG)
        names = {
            name: getattr(source, name) for name in ("path", "video_id", "label", "image", "texts", "boxes", "fold")
        }
        plan = PlannedSource(
            **names, content_id=content, recording_id="", windows=tuple(windows), line=_LINE, **_ACCOUNT
        )
        planned.append((row["path"], row["state"], plan))
        found.append(
            {
                "video_id": source.video_id,
                "content_id": content,
                "num_rows": len(windows),
                "has_pair": plan.has_pair,
            }
        )
    codes = _codes(place, sizes[place])
    other, count = (place + 1) % len(sizes), _num_copies(sizes, place)
    if count:
        codes[len(codes) - count :] = _noisy(_codes(other, sizes[other])[:count], place)
    prints = pa.array([one.tobytes() for one in codes], pa.binary())
    return pa.Table.from_pylist(found, schema=FOUND_SCHEMA), details_table(planned), prints


def _codes(place: int, size: int) -> np.ndarray:
    """Return fingerprints (size, hops) in which a quarter of the bits change from hop to hop, as in those of sounds."""
    chance = generator("simulated", place)
    first, second = (chance.integers(2**32, size=(size, _NUM_HOPS), dtype=np.uint32) for _ in range(2))
    return np.bitwise_xor.accumulate(first & second, axis=1)


def _noisy(codes: np.ndarray, place: int) -> np.ndarray:
    chance = generator("noise", place)
    bits = np.uint32(1) << chance.integers(32, size=codes.shape, dtype=np.uint32)
    return np.where(chance.random(codes.shape) < 0.3, codes ^ bits, codes)


def _make_up_markers(dataset: str, shards: list[Shard]) -> None:
    write = as_task(_write_markers)
    starts = [functools.partial(write, dataset, shards[begin : begin + 200]) for begin in range(0, len(shards), 200)]
    for _, ref in run_tasks(starts, at_once=4):
        ray.get(ref)


def _write_markers(dataset: str, shards: list[Shard]) -> None:
    """Write markers as of shards whose sources all gave their rows; there is no shard."""
    for shard, planned in walk_plan(shards):
        whole = shard_of(shard, planned)
        labels = [source.label for source in whole.sources for _ in source.windows]
        rows = {
            "row_groups": [min(32, shard.num_rows - begin) for begin in range(0, shard.num_rows, 32)],
            "num_bytes": [CONFIG.row_bytes] * shard.num_rows,
            "pairs": list(range(0, shard.num_rows, 2)),
            "label": labels,
            "fold": [None] * shard.num_rows,
            "recording": [recording_key(source.recording_id) for source in whole.sources for _ in source.windows],
            LOUDNESS: [-23.0] * shard.num_rows,
            MOTION: [0.1] * shard.num_rows,
            "holds": dict.fromkeys(("frames", "waveform", "log_mel", "label")),
        }
        marker = {
            "shard_id": shard.shard_id,
            "split": shard.split,
            "num_rows": shard.num_rows,
            "num_pairs": shard.num_rows // 2,
            "num_videos": shard.num_sources,
            "labels": {label: labels.count(label) for label in set(labels)},
            "clips": digest(shard.shard_id).hex(),
            "rows": rows,
            "num_bytes": shard.num_rows * CONFIG.row_bytes,
            "errors": [],
            **add_up(whole, []),
            "seconds": {},
        }
        storage.write_json(marker_file(dataset, shard.shard_id), marker)


def _finish(dataset: str, shards: list[Shard]) -> None:
    standing = list_markers(dataset)
    assert all(shard.shard_id in standing for shard in shards)
    tally = tally_markers(read_markers(dataset, (shard.shard_id for shard in shards)))
    write_card(dataset, config=CONFIG, tally=tally, num_errors=0, seconds={})


def _open(dataset: str, num_videos: int) -> None:
    """Select the pairs of all splits, as a training does; there is no shard whose footer could be read."""
    assert not storage.list_files(storage.join(dataset, "clips"))
    selected = select_units(dataset, "all", unit="pair")
    assert sum(len(group.units) for group in selected.groups) == num_videos


def _know_again(dataset: str, sources: pa.Table) -> None:
    known = read_known(dataset, restore=False)
    assert known.without_known(sources).num_rows == 0


def main(num_videos: int, folder: str) -> None:
    """Simulate, and print what was measured as JSON.

    Args:
        num_videos: Videos to plan.
        folder: Where the dataset goes; it is removed at the end.
    """
    try:
        print(json.dumps(simulate(num_videos, folder)))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    command.run(lambda: command.parse(main))

"""The operators of preparation, one function each, in the order in which they run.

probe -> (plan, on the driver) -> load -> decode -> log-mel -> commit. Up to the plan a row is one source; from load on it is one shard,
or all those that one source has for itself. `make_shards` calls the operators of a shard for one source after another, so that a lost
worker costs one shard and clips are never copied from one operator to the next: Ray would copy them four times between two operators,
even of one task. What a worker holds does not grow with sources: windows that are open, one source's rows that fit into a shard, and
one row group.
"""

import contextlib
import dataclasses
import itertools
import json
import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from datasets.clips.measures import LOUDNESS, MOTION, SILENCE
from datasets.clips.parquet import ClipFile
from datasets.config import PreparationConfig
from datasets.index import describe_rows
from datasets.media import Listener, MediaError, reading
from datasets.preparation.accounts import add_up
from datasets.preparation.attempts import guarded
from datasets.preparation.markers import marker_file
from datasets.preparation.plan import Shard, read_shard
from datasets.preparation.probing import look_at
from datasets.preparation.recordings.fingerprint import LONGEST_SECONDS, SAMPLE_RATE, fingerprint
from datasets.preparation.rows import add_log_mel, clips_of
from datasets.preparation.shards import PlannedShard, PlannedSource, clip_file, join_parts
from datasets.schema import CLIP_SCHEMA, ERROR_SCHEMA, MEDIA_COLUMNS
from infra import storage
from infra.seeding import digest

Row = dict[str, Any]


def probe_source(row: Row, *, dataset: str, config: PreparationConfig) -> Row:
    """Add what the packets of a source say, the digest of its content, and the fingerprint of its sound; or the error.

    The sound is decoded in the pass that reads the packets; where there is none, the fingerprint is empty.
    """
    began = time.perf_counter()
    listener = Listener(sample_rate=SAMPLE_RATE, longest_seconds=LONGEST_SECONDS)
    found: Row = {"line": "", "content_id": "", "image_id": "", "error": ""}
    codes = np.zeros(0, np.uint32)
    hearing = 0.0
    try:
        with guarded(dataset, row["video_id"], stage="probe"):
            line, content_id, image_id = look_at(row, config, hear=listener.hear)
            found |= {"line": json.dumps(dataclasses.asdict(line)), "content_id": content_id, "image_id": image_id}
            heard = time.perf_counter()
            codes = _fingerprint(listener, needed=config.has_sound)
            hearing = listener.seconds + time.perf_counter() - heard
    except (MediaError, FileNotFoundError) as error:
        found["error"] = json.dumps(_error_fields(error, "probe"))
    return {
        **row,
        **found,
        "fingerprint": codes.tobytes(),
        "probe_seconds": time.perf_counter() - began - hearing,
        "fingerprint_seconds": hearing,
    }


def _fingerprint(listener: Listener, *, needed: bool) -> np.ndarray:
    """Return the fingerprint of what was heard.

    Raises:
        MediaError: If there is none of sound that is needed.
    """
    try:
        with reading("fingerprint"):
            return fingerprint(listener.sound())
    except MediaError:
        if needed:
            raise
        return np.zeros(0, np.uint32)


def make_shards(row: Row, *, dataset: str, config: PreparationConfig) -> Row:
    """Make a shard of the plan, or all those of one source; return how many, and the seconds that each operator took."""
    shards = [read_shard(Shard(**shard)) for shard in json.loads(row["shards"])]
    seconds: dict[str, float] = {}
    make = _make_of_one_source if all(len(shard.sources) == 1 for shard in shards) else _make_of_sources
    make(shards, dataset, config, seconds)
    return {"num_shards": len(shards), "seconds": json.dumps(seconds)}


def _make_of_sources(
    shards: Sequence[PlannedShard], dataset: str, config: PreparationConfig, seconds: dict[str, float]
) -> None:
    """Make one shard: a source's rows are written once all are there."""
    (shard,) = shards
    errors: list[Row] = []
    with ClipFile(clip_file(dataset, shard), columns_of(shard.sources, config)) as file:
        for source in shard.sources:
            rows, failed = decode_source(source, dataset=dataset, config=config, seconds=seconds)
            errors += failed
            with _timed(seconds, "commit"):
                for clip in rows:
                    file.add(clip)
        with _timed(seconds, "commit"):
            file.close()
    commit_shard(shard, file, dataset=dataset, errors=errors, seconds=seconds)


def _make_of_one_source(
    shards: Sequence[PlannedShard], dataset: str, config: PreparationConfig, seconds: dict[str, float]
) -> None:
    """Make the shards that one source has for itself, in one reading of it: a row is written once it is there.

    The files go to their places when the last one is whole, and only then do markers say that there are rows. If the source turns out
    to be broken, all of its shards are without rows.
    """
    parts = [shard.sources[0] for shard in shards]
    source = join_parts(parts)
    files = [ClipFile(clip_file(dataset, shard), columns_of([source], config)) for shard in shards]
    errors: list[Row] = []
    try:
        with guarded(dataset, source.video_id, stage="decode"), contextlib.ExitStack() as places:
            clips = finished_clips(source, config, seconds)
            for part, file in zip(parts, files, strict=True):
                places.enter_context(file)
                for clip in itertools.islice(clips, len(part.windows)):
                    with _timed(seconds, "commit"):
                        file.add(clip)
                with _timed(seconds, "commit"):
                    file.close()
    except (MediaError, FileNotFoundError) as error:
        errors.append(_error_row(source, error))
        files = [ClipFile(clip_file(dataset, shard), ()) for shard in shards]
    for shard, part, file in zip(shards, parts, files, strict=True):
        said = (errors, seconds) if part.begins else ((), {})
        commit_shard(shard, file, dataset=dataset, errors=said[0], seconds=said[1])
    for shard in shards if errors else ():
        storage.remove(clip_file(dataset, shard))


def decode_source(
    source: PlannedSource, *, dataset: str, config: PreparationConfig, seconds: dict[str, float] | None = None
) -> tuple[list[Row], list[Row]]:
    """Return the finished clips of a source, or else its error; add the seconds of each operator to `seconds`."""
    try:
        with guarded(dataset, source.video_id, stage="decode"):
            return list(finished_clips(source, config, {} if seconds is None else seconds)), []
    except (MediaError, FileNotFoundError) as error:
        return [], [_error_row(source, error)]


def finished_clips(source: PlannedSource, config: PreparationConfig, seconds: dict[str, float]) -> Iterator[Row]:
    """Yield the rows of a source in the order of its windows; add the seconds of each operator to `seconds`."""
    clips = clips_of(source, config)
    while True:
        with _timed(seconds, "decode"):
            clip = next(clips, None)
        if clip is None:
            return
        with _timed(seconds, "log_mel"):
            add_log_mel([clip], config)
        yield clip


def columns_of(sources: Sequence[PlannedSource], config: PreparationConfig) -> list[str]:
    """Return the columns that rows of some sources may fill."""
    windows = [window for source in sources for window in source.windows]
    both = config.has_picture and config.has_sound
    filled = {
        "pair_id": both and any(window.pair is not None for window in windows),
        "label": any(source.label is not None for source in sources),
        "fold": any(source.fold is not None for source in sources),
        "start_seconds": config.has_picture,
        "sound_start_seconds": config.has_sound,
        "in_sync": both,
        "shift_seconds": both and any(window.shift_seconds is not None for window in windows),
        LOUDNESS: config.has_sound,
        SILENCE: config.has_sound,
        "aspect": config.has_picture,
        MOTION: config.has_picture and config.num_frames > 1,
        "frames": config.has_picture,
        "waveform": config.has_sound,
        "log_mel": config.has_sound,
        "image": "image" in config.modalities,
        "texts": any(source.texts for source in sources),
        "boxes": any(source.boxes is not None for source in sources),
    }
    return [name for name in CLIP_SCHEMA.names if filled.get(name, True)]


def commit_shard(
    shard: PlannedShard, file: ClipFile, *, dataset: str, errors: Sequence[Row], seconds: dict[str, float]
) -> None:
    """Write the marker of a shard whose file is in its place: from then on the shard stands."""
    with _timed(seconds, "commit"):
        counts = counts_of(shard, file.outline(), file.row_groups)
    marker = {
        **counts,
        **add_up(shard, errors),
        "num_bytes": file.num_bytes,
        "errors": list(errors),
        "seconds": seconds,
    }
    storage.write_json(marker_file(dataset, shard.shard_id), marker)


def counts_of(shard: PlannedShard, rows: pa.Table, groups: Sequence[int]) -> Row:
    """Return what a marker says of a shard's rows, from their outline and the rows of each row group.

    A source of several shards counts as a video where its first window is.
    """
    begun_elsewhere = {source.video_id for source in shard.sources if not source.begins}
    labels: dict[str, int] = {}
    for label in rows["label"].to_pylist():
        labels[label or ""] = labels.get(label or "", 0) + 1
    return {
        "shard_id": shard.shard_id,
        "split": shard.split,
        "num_rows": rows.num_rows,
        "num_pairs": len({pair for pair in rows["pair_id"].to_pylist() if pair}),
        "num_videos": len(set(rows["video_id"].to_pylist()) - begun_elsewhere),
        "labels": labels,
        "clips": _digest_of(shard, rows),
        "rows": describe_rows(rows, groups),
    }


def _digest_of(shard: PlannedShard, rows: pa.Table) -> str:
    """Return the sum of the digests of a shard's rows: sums of shards do not depend on which row is in which.

    What a row is made of counts, as far as it is small; where its source lies does not.
    """
    contents = {source.video_id: source.content_id for source in shard.sources}
    names = [name for name in CLIP_SCHEMA.names if name not in (*MEDIA_COLUMNS, "source")]
    total = 0
    for row in rows.select(names).to_pylist():
        total += int.from_bytes(digest(shard.split, contents.get(row["video_id"], ""), sorted(row.items())))
    return f"{total % 2**128:032x}"


@contextlib.contextmanager
def _timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    began = time.perf_counter()
    try:
        yield
    finally:
        seconds[stage] = seconds.get(stage, 0.0) + time.perf_counter() - began


def _error_row(source: PlannedSource, error: MediaError | FileNotFoundError) -> Row:
    return {"source": source.place, **_error_fields(error, "decode")}


def _error_fields(error: MediaError | FileNotFoundError, stage: str) -> Row:
    if isinstance(error, MediaError):
        fields = {"stage": error.stage, "reason": error.reason, "detail": error.detail}
    else:
        fields = {"stage": stage, "reason": "file missing", "detail": str(error)}
    assert {"source", *fields} == set(ERROR_SCHEMA.names)
    return fields

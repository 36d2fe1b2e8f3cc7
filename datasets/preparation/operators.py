"""The operators of preparation, one function each, in the order in which they run.

probe -> (plan, on the driver) -> load -> decode -> log-mel -> commit. Up to the plan a row is one source; from load on it is one shard.
`make_shard` calls those of a shard one after another, so that a lost worker costs one shard and clips are never copied from one
operator to the next: Ray would copy them four times between two operators, even of one task.
"""

import dataclasses
import json
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from datasets.clips.measures import MOTION, measure_sound, motion
from datasets.clips.spectrogram import log_mel
from datasets.config import PreparationConfig
from datasets.index import describe_rows
from datasets.media import Listener, MediaError, Window, cut, encode_frames, read_image, reading
from datasets.preparation.accounts import add_up
from datasets.preparation.attempts import guarded
from datasets.preparation.fingerprint import LONGEST_SECONDS, SAMPLE_RATE, fingerprint
from datasets.preparation.markers import marker_file
from datasets.preparation.plan import Shard, read_shard
from datasets.preparation.probing import look_at, present
from datasets.preparation.shards import PlannedShard, PlannedSource, clip_file, row_groups, write_clips
from datasets.schema import CLIP_SCHEMA, ERROR_SCHEMA, MEDIA_COLUMNS
from datasets.sources.source import Box, Text
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
        found["error"] = _error_json(error, "probe")
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


def make_shard(row: Row, *, dataset: str, config: PreparationConfig) -> Row:
    """Make a shard of the plan; return the seconds that each operator took."""
    shard = read_shard(Shard(**json.loads(row["shard"])))
    began = time.perf_counter()
    clips, errors = decode_shard(shard, dataset=dataset, config=config)
    decoded = time.perf_counter()
    add_log_mel(clips, config)
    seconds = {"decode": decoded - began, "log_mel": time.perf_counter() - decoded}
    return {"seconds": json.dumps(commit_shard(shard, clips, dataset=dataset, errors=errors, seconds=seconds))}


def decode_shard(shard: PlannedShard, *, dataset: str, config: PreparationConfig) -> tuple[list[Row], list[Row]]:
    """Return the clips of a shard's sources, complete but for the spectrograms, and the errors."""
    clips: list[Row] = []
    errors: list[Row] = []
    for source in shard.sources:
        try:
            with guarded(dataset, source.video_id, stage="decode"):
                clips += clips_of(source, config)
        except (MediaError, FileNotFoundError) as error:
            errors.append({"source": source.place, **json.loads(_error_json(error, "decode"))})
    return clips, errors


def add_log_mel(clips: Sequence[Row], config: PreparationConfig) -> None:
    """Add the spectrograms to clips that have sound."""
    for clip in clips:
        if "waveform" in clip:
            clip["log_mel"] = log_mel_of(clip["waveform"], config)


def log_mel_of(sound: bytes, config: PreparationConfig) -> bytes:
    """Return the spectrogram of a row's sound, both as they are stored."""
    waveform = np.frombuffer(sound, np.int16).astype(np.float32) / 32768
    return log_mel(waveform, sample_rate=config.sample_rate, config=config.log_mel).astype(np.float16).tobytes()


def commit_shard(
    shard: PlannedShard, clips: list[Row], *, dataset: str, errors: Sequence[Row], seconds: Mapping[str, float]
) -> Row:
    """Write the shard's file, then its marker; return the seconds of all operators, of which those before are given."""
    began = time.perf_counter()
    table = pa.Table.from_pylist(clips, schema=CLIP_SCHEMA)
    if table.num_rows:
        write_clips(clip_file(dataset, shard), table)
    marker = {
        **counts_of(shard, table),
        **add_up(shard, errors),
        "num_bytes": table.nbytes,
        "errors": list(errors),
        "seconds": {**seconds, "commit": time.perf_counter() - began},
    }
    storage.write_json(marker_file(dataset, shard.shard_id), marker)
    return marker["seconds"]


def counts_of(shard: PlannedShard, table: pa.Table) -> Row:
    """Return what a marker says of a shard's rows."""
    labels: dict[str, int] = {}
    for label in table["label"].to_pylist():
        labels[label or ""] = labels.get(label or "", 0) + 1
    return {
        "shard_id": shard.shard_id,
        "split": shard.split,
        "num_rows": table.num_rows,
        "num_pairs": len({pair for pair in table["pair_id"].to_pylist() if pair}),
        "num_videos": len(set(table["video_id"].to_pylist())),
        "labels": labels,
        "clips": _digest_of(shard, table),
        "rows": describe_rows(table, [group.num_rows for group in row_groups(table)]),
    }


def _digest_of(shard: PlannedShard, table: pa.Table) -> str:
    """Return the sum of the digests of a shard's rows: sums of shards do not depend on which row is in which.

    What a row is made of counts, as far as it is small; where its source lies does not.
    """
    contents = {source.video_id: source.content_id for source in shard.sources}
    names = [name for name in table.column_names if name not in (*MEDIA_COLUMNS, "source")]
    total = 0
    for row in table.select(names).to_pylist():
        total += int.from_bytes(digest(shard.split, contents.get(row["video_id"], ""), sorted(row.items())))
    return f"{total % 2**128:032x}"


def clips_of(source: PlannedSource, config: PreparationConfig) -> list[Row]:
    """Return all rows of a source, in the order of its windows, complete but for the spectrograms."""
    shared: Row = {}
    if "image" in config.modalities:
        with present(source.image) as path:
            shared["image"] = read_image(path, size=config.image_size)
    rows: dict[int, Row] = {}
    for index, frames, waveform in _cut(source, config):
        rows[index] = clip_row(source, index, frames, waveform, config) | shared
    return [rows[index] for index in sorted(rows)]


def _cut(source: PlannedSource, config: PreparationConfig) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Yield the windows of a source with their frames and sound, both empty where rows have neither."""
    if not config.row_seconds:
        yield 0, np.empty((0, 0, 0, 3), np.uint8), np.empty(0, np.float32)
        return
    windows = [
        Window(start_seconds=w.start_seconds, sound_start_seconds=w.sound_start_seconds, pad_seconds=w.pad_seconds)
        for w in source.windows
    ]
    with storage.local_copy(source.path) as path, reading("decode"):
        yield from cut(
            path,
            windows,
            line=source.line,
            clip_seconds=config.clip_seconds,
            frame_rate=config.frame_rate,
            size=config.size,
            sample_rate=config.sample_rate,
            pixels=config.pixels,
            needs=config.modalities,
        )


def clip_row(
    source: PlannedSource,
    index: int,
    frames: np.ndarray,
    waveform: np.ndarray,
    config: PreparationConfig,
) -> Row:
    """Return the row of a source's window, complete but for the spectrogram; what frames or sound would tell is null without them."""
    window = source.windows[index]
    row: Row = {
        "clip_id": f"{source.video_id}#{index}",
        "source": source.place,
        "video_id": source.video_id,
        "recording_id": source.recording_id,
        "label": source.label,
        "fold": source.fold,
        "texts": _texts_of(source, window.start_seconds, config.row_seconds or math.inf),
        "boxes": None if source.boxes is None else [_plain(box) for box in source.boxes],
    }
    if config.has_picture:
        raw = config.storage == "raw"
        row |= {
            "start_seconds": window.start_seconds,
            MOTION: motion(frames, frame_rate=config.frame_rate),
            "frames": frames.tobytes() if raw else encode_frames(frames, frame_rate=config.frame_rate),
        }
    if config.has_sound:
        rolled = np.roll(waveform, round(window.roll_seconds * config.sample_rate))
        row |= {
            "sound_start_seconds": window.sound_start_seconds,
            **measure_sound(waveform, sample_rate=config.sample_rate),
            "waveform": np.clip(np.rint(rolled * 32768), -32768, 32767).astype(np.int16).tobytes(),
        }
    if config.has_picture and config.has_sound:
        row |= {
            "pair_id": None if window.pair is None else f"{source.video_id}#pair{window.pair}",
            "in_sync": window.in_sync,
            "shift_seconds": window.shift_seconds,
        }
    return row


def _texts_of(source: PlannedSource, begin: float, seconds: float) -> list[Row] | None:
    """Return the texts of a window on its own clock: those without a time, and those that are said within it."""
    texts = []
    for text in source.texts:
        if text.start_seconds is None:
            texts.append(_plain(text))
            continue
        end = text.start_seconds if text.end_seconds is None else text.end_seconds
        if text.start_seconds < begin + seconds and end >= begin:
            times = {"start_seconds": text.start_seconds - begin, "end_seconds": end - begin}
            texts.append(_plain(text) | times)
    return texts or None


def _plain(value: Text | Box) -> Row:
    """Return the fields of what holds nothing nested; `dataclasses.asdict` copies each at ten times the cost."""
    return {name: getattr(value, name) for name in value.__slots__}


def _error_json(error: MediaError | FileNotFoundError, stage: str) -> str:
    if isinstance(error, MediaError):
        fields = {"stage": error.stage, "reason": error.reason, "detail": error.detail}
    else:
        fields = {"stage": stage, "reason": "file missing", "detail": str(error)}
    assert {"source", *fields} == set(ERROR_SCHEMA.names)
    return json.dumps(fields)

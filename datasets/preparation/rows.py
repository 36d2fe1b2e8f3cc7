"""The rows of a source: its windows cut, measured and encoded."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from datasets.clips.measures import MOTION, measure_sound, motion
from datasets.clips.prepared import cut_prepared
from datasets.clips.spectrogram import log_mel
from datasets.config import PreparationConfig
from datasets.media import Clip, Window, encode_frames, read_image, reading
from datasets.media.fit import Scales, scales_of
from datasets.preparation.probing import present
from datasets.preparation.shards import PlannedSource, passes_of
from datasets.sources.source import Box, Text
from infra import storage

Row = dict[str, Any]


def clips_of(source: PlannedSource, config: PreparationConfig) -> Iterator[Row]:
    """Yield the rows of a source in the order of its windows, complete but for the spectrograms."""
    shared: Row = {}
    if "image" in config.modalities:
        with present(source.image) as path:
            shared["image"] = read_image(path, size=config.image_size)
    waiting: dict[int, Row] = {}
    done = 0
    for clip in _cut(source, config):
        waiting[clip.window] = clip_row(source, clip, config) | shared
        del clip  # what is not stored as it is must not stay while the next window is decoded
        while done in waiting:
            yield waiting.pop(done)
            done += 1


def _cut(source: PlannedSource, config: PreparationConfig) -> Iterator[Clip]:
    """Yield the windows of a source with their frames and sound, both empty where rows have neither."""
    if not config.row_seconds:
        yield Clip(0, np.empty((0, 0, 0, 3), np.uint8), np.empty(0, np.float32), None)
        return
    windows = [
        Window(start_seconds=w.start_seconds, sound_start_seconds=w.sound_start_seconds, pad_seconds=w.pad_seconds)
        for w in source.windows
    ]
    with storage.local_copy(source.path) as path, reading("decode"):
        for members in passes_of(source, config):
            for clip in cut_prepared(
                path,
                [windows[index] for index in members],
                line=source.line,
                preparation=config,
                pixels=config.pixels,
                needs=config.modalities,
            ):
                yield clip._replace(window=members[clip.window])
                del clip


def clip_row(source: PlannedSource, clip: Clip, config: PreparationConfig) -> Row:
    """Return the row of a source's window, complete but for the spectrogram; what frames or sound would tell is null without them."""
    index, frames, waveform, aspect = clip
    window = source.windows[index]
    row: Row = {
        "clip_id": f"{source.video_id}#{source.places[index] if source.places else index}",
        "source": source.place,
        "video_id": source.video_id,
        "recording_id": source.recording_id,
        "label": source.label,
        "fold": source.fold,
        "texts": _texts_of(source, window.start_seconds, config.row_seconds or math.inf),
        "boxes": None
        if source.boxes is None or config.fit == "mouth"
        else _seen_boxes(source.boxes, scales_of(config.fit, aspect)),
    }
    if config.has_picture:
        raw = config.storage == "raw"
        row |= {
            "start_seconds": window.start_seconds,
            "aspect": aspect,
            MOTION: motion(frames, frame_rate=config.frame_rate),
            "frames": frames.reshape(-1).data if raw else encode_frames(frames, frame_rate=config.frame_rate),
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


def add_log_mel(clips: Sequence[Row], config: PreparationConfig) -> None:
    """Add the spectrograms to clips that have sound."""
    for clip in clips:
        if "waveform" in clip:
            clip["log_mel"] = log_mel_of(clip["waveform"], config)


def log_mel_of(sound: bytes, config: PreparationConfig) -> bytes:
    """Return the spectrogram of a row's sound, both as they are stored."""
    waveform = np.frombuffer(sound, np.int16).astype(np.float32) / 32768
    return log_mel(waveform, sample_rate=config.sample_rate, config=config.log_mel).astype(np.float16).tobytes()


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


def _seen_boxes(boxes: Sequence[Box], scales: Scales) -> list[Row]:
    """Return boxes on the square that is stored of a picture, as far as they are on it."""
    if scales == (1.0, 1.0):
        return [_plain(box) for box in boxes]
    seen = []
    for box in boxes:
        x0, x1 = (min(1.0, max(0.0, 0.5 + (x - 0.5) / scales.across)) for x in (box.x0, box.x1))
        y0, y1 = (min(1.0, max(0.0, 0.5 + (y - 0.5) / scales.down)) for y in (box.y0, box.y1))
        if x1 > x0 and y1 > y0:
            seen.append(_plain(box) | {"x0": x0, "x1": x1, "y0": y0, "y1": y1})
    return seen


def _plain(value: Text | Box) -> Row:
    """Return the fields of what holds nothing nested; `dataclasses.asdict` copies each at ten times the cost."""
    return {name: getattr(value, name) for name in value.__slots__}

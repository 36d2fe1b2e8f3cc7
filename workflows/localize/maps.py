"""Localization maps over a video of any length, and where each frame's source is.

Windows of the trained length slide over the video, half overlapping; each frame's map is the mean of the windows that cover it.
Signed: evidence for a source (above zero) and against it. Contrast: the signed map minus the map of the same frames with the sound of the
farthest other window, which cancels what sound alone or picture alone contributes.

A window of digital silence has no source: the network is not asked, and its frames keep a map of zeros unless another window covers them.
"""

import functools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from datasets.clips.spectrogram import log_mel
from datasets.media import MediaError, Window, cut, probe
from infra.errors import InputError
from models.metrics.localization import source_found
from workflows.trained.model import Model

MapKind = Literal["signed", "contrast"]
_Clips = Callable[[Sequence[int]], Iterator[tuple[int, np.ndarray, np.ndarray]]]
"""From the first frames of windows to number, frames and waveform of each."""

_SMALLEST_STEP = 2.0**-15
"""One step of 16 bits: sound that stays below half of it is stored as zeros."""


@dataclass(frozen=True, kw_only=True, slots=True)
class VideoMaps:
    """Maps (frames, rows, columns) of a whole video, at the clip's frame rate, and the evidence of every frame."""

    signed: np.ndarray
    contrast: np.ndarray | None
    """None where it was not asked for."""
    logits: np.ndarray
    frame_rate: float
    seconds: np.ndarray
    origin_seconds: float
    rows: tuple[float, ...]
    columns: tuple[float, ...]

    @property
    def kind(self) -> MapKind:
        """The kind that was asked for."""
        return "signed" if self.contrast is None else "contrast"

    @property
    def shown(self) -> np.ndarray:
        """The maps of that kind."""
        return self.signed if self.contrast is None else self.contrast


def map_video(model: Model, path: str, *, kind: MapKind = "signed") -> VideoMaps:
    """Return the maps of a video; holds one window of it at a time.

    Raises:
        InputError: If it cannot be read, is shorter than a clip, or is one clip and has no other sound to contrast with.
    """
    preparation = model.preparation
    try:
        info = probe(path)
        begin, end = info.span()
        last = math.floor((end - begin - preparation.clip_seconds) * preparation.frame_rate + 1e-6)
        if last < 0:
            raise InputError(
                f"--video: '{path}' has {end - begin:.2f} s of picture with sound, the model needs {preparation.clip_seconds} s; give a longer one"
            )
        if last == 0 and kind == "contrast":
            raise InputError(
                f"--kind: contrast needs the sound of another moment, '{path}' lasts one clip of {preparation.clip_seconds} s; "
                "give a longer video, or --kind signed"
            )
        step = max(1, preparation.num_frames // 2)
        clips = functools.partial(_cut_clips, model, path, begin=begin, origin_seconds=info.origin_seconds)
        with torch.inference_mode():
            return _blend(model, clips, [*range(0, last, step), last], begin, info.origin_seconds, kind)
    except MediaError as error:
        raise unreadable(path, error) from None


def unreadable(path: str, error: MediaError) -> InputError:
    """Return the error for a video that cannot be read."""
    return InputError(f"--video: '{path}': {error.reason} {error.detail}; give a video with picture and sound")


def describe_frames(maps: VideoMaps, *, crop_share: float) -> list[dict[str, Any]]:
    """Return time, peak, score, box and whether a source was found, frame by frame.

    The box bounds the cells above half the peak; peak and box are normalized to the whole frame.
    """
    rows = []
    margin = (1 - crop_share) / 2
    found = source_found(maps.shown, maps.logits)
    for seconds, cells, logit, is_found in zip(maps.seconds, maps.shown, maps.logits, found, strict=True):
        peak = np.unravel_index(cells.argmax(), cells.shape)
        inside_y, inside_x = np.nonzero(cells >= 0.5 * cells.max())
        half_y = 0.5 / cells.shape[0]
        half_x = 0.5 / cells.shape[1]

        def whole(value: float) -> float:
            return round(float(np.clip(margin + crop_share * value, 0, 1)), 4)

        row = {
            "seconds": round(float(seconds), 4),
            "score": round(float(logit), 4),
            "source_found": bool(is_found),
            "peak": None,
            "box": None,
        }
        if is_found:
            row["peak"] = [whole(maps.columns[peak[1]]), whole(maps.rows[peak[0]])]
            row["box"] = [
                whole(maps.columns[inside_x.min()] - half_x),
                whole(maps.rows[inside_y.min()] - half_y),
                whole(maps.columns[inside_x.max()] + half_x),
                whole(maps.rows[inside_y.max()] + half_y),
            ]
        rows.append(row)
    return rows


def output_stems(paths: list[str]) -> list[str]:
    """Return the names that the videos' outputs begin with: the file's, with its folder's before it where two share it."""
    plain = [Path(path).stem for path in paths]
    return [
        stem if plain.count(stem) == 1 else f"{Path(path).parent.name}_{stem}_{number}"
        for number, (path, stem) in enumerate(zip(paths, plain, strict=True), start=1)
    ]


def _cut_clips(
    model: Model, path: str, offsets: Sequence[int], *, begin: float, origin_seconds: float
) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    preparation = model.preparation
    starts = [begin + offset / preparation.frame_rate for offset in offsets]
    return cut(
        path,
        [Window(start_seconds=start, sound_start_seconds=start) for start in starts],
        origin_seconds=origin_seconds,
        clip_seconds=preparation.clip_seconds,
        frame_rate=preparation.frame_rate,
        size=preparation.size,
        sample_rate=preparation.sample_rate,
    )


def _blend(
    model: Model, clips: _Clips, offsets: Sequence[int], begin: float, origin_seconds: float, kind: MapKind
) -> VideoMaps:
    """Return the mean map and evidence of the windows that cover each frame."""
    num_frames = model.preparation.num_frames
    centers = model.module.cell_centers()
    total = offsets[-1] + num_frames
    num_kinds = 2 if kind == "contrast" else 1
    sums = np.zeros((num_kinds, total, len(centers.rows), len(centers.columns)), np.float32)
    logits, counts = np.zeros(total), np.zeros(total)
    moments = (np.arange(num_frames) + 0.5) / num_frames
    nearest = np.abs(moments[:, None] - np.asarray(centers.times)[None]).argmin(axis=1)
    for window, maps, logit in _score_windows(model, clips, offsets, kind):
        covered = slice(offsets[window], offsets[window] + num_frames)
        sums[:, covered] += maps[:, nearest]
        logits[covered] += logit
        counts[covered] += 1
    counts = np.maximum(counts, 1)
    means = sums / counts[:, None, None]
    return VideoMaps(
        signed=means[0],
        contrast=means[1] if kind == "contrast" else None,
        logits=logits / counts,
        frame_rate=model.preparation.frame_rate,
        seconds=begin + np.arange(total) / model.preparation.frame_rate,
        origin_seconds=origin_seconds,
        rows=centers.rows,
        columns=centers.columns,
    )


def _score_windows(
    model: Model, clips: _Clips, offsets: Sequence[int], kind: MapKind
) -> Iterator[tuple[int, np.ndarray, float]]:
    """Yield number, maps (kinds, cells, rows, columns) and logit of every window that has sound."""
    module = model.module
    # The farthest window of any is the first or the last: two sounds are all that contrasts need.
    ends: dict[int, Tensor] = {}
    if kind == "contrast":
        ends = {index: _encode_sound(model, waveform) for index, _, waveform in clips([offsets[0], offsets[-1]])}
    for window, frames, waveform in clips(offsets):
        if np.abs(waveform).max() < _SMALLEST_STEP / 2:
            continue
        picture = module.encode_picture({"frames": frames[None]})
        signed = module.maps(_encode_sound(model, waveform), picture)
        maps = [signed]
        if ends:
            is_late = 2 * offsets[window] > offsets[-1]
            maps.append(signed - module.maps(ends[0 if is_late else 1], picture))
        yield window, torch.cat(maps).float().cpu().numpy(), float(signed.mean()) + module.bias


def _encode_sound(model: Model, waveform: np.ndarray) -> Tensor:
    """Return the sound features of one window's waveform (samples,)."""
    preparation, module = model.preparation, model.module
    if module.sound_column == "waveform":
        sound = waveform[None]
    else:
        sound = log_mel(waveform, sample_rate=preparation.sample_rate, config=preparation.log_mel)
    return module.encode_sound({module.sound_column: sound[None]})

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
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from datasets.clips.at_moments import clips_at
from datasets.clips.spectrogram import log_mel
from datasets.config import PreparationConfig
from datasets.media import Clip, MediaError, Span, Timeline, display_size, probe
from datasets.media.fit import Scales, scales_of
from datasets.preparation.accounts import seconds_left_out
from datasets.preparation.spans import describe_too_short
from infra.errors import InputError
from infra.progress import Progress, silent
from models.metrics.localization import source_found
from workflows.trained.model import Model

MapKind = Literal["signed", "contrast"]
_Clips = Callable[[Sequence[int]], Iterator[Clip]]
"""From windows of the grid to number among them, frames and waveform of each."""

_SMALLEST_STEP = 2.0**-15
"""One step of 16 bits: sound that stays below half of it is stored as zeros."""


@dataclass(frozen=True, kw_only=True, slots=True)
class VideoMaps:
    """Maps (frames, rows, columns) of a whole video, at the clip's frame rate, and the calibrated evidence of every frame."""

    signed: np.ndarray
    contrast: np.ndarray | None
    """None where it was not asked for."""
    logits: np.ndarray
    """Nan where all is silent: nothing can be told."""
    frame_rate: float
    seconds: np.ndarray
    parts: tuple[int, ...]
    """First frames of the stretches of the video that picture and sound both run through."""
    line: Timeline
    left_out: dict[str, float]
    """Seconds of the video that have no map, by reason."""
    aspect: float
    """Width of the picture by its height, as players show it."""
    view: Scales
    """How much of its width and height the maps cover, about its center."""
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

    @property
    def strongest(self) -> float:
        """The evidence that is drawn as strongest, the same for the whole video."""
        return max(float(np.quantile(np.maximum(self.shown, 0), 0.999)), 1e-6)


def map_video(model: Model, path: str, *, kind: MapKind = "signed", progress: Progress = silent) -> VideoMaps:
    """Return the maps of a video; holds one window of it at a time.

    Raises:
        InputError: If it cannot be read, is shorter than a clip, or is one clip and has no other sound to contrast with.
    """
    preparation = model.preparation
    if preparation.fit == "mouth":
        raise InputError("--model: it sees mouths alone and has no map of the picture; give a model of coincidence")
    try:
        line = probe(path)
        spans = [span for span in line.spans() if _last_start(span, preparation) >= 0]
        if not spans:
            raise InputError(
                f"--video: '{path}' has {describe_too_short(line.spans(), preparation)}; give a longer one"
            )
        grid = _lay_grid(spans, preparation)
        if len(grid.starts) == 1 and kind == "contrast":
            raise InputError(
                f"--kind: contrast needs the sound of another moment, '{path}' lasts one clip of {preparation.clip_seconds} s; "
                "give a longer video, or --kind signed"
            )
        left_out = seconds_left_out(line, spans, [line.extent()])
        width, height = display_size(path)
        aspect = width / height
        clips = functools.partial(_cut_clips, model, path, grid=grid, line=line)
        with torch.inference_mode():
            signed, contrast, logits = _blend(model, clips, grid, kind, progress)
    except MediaError as error:
        raise unreadable(path, error) from None
    centers = model.module.cell_centers()
    seen, share = scales_of(preparation.fit, aspect), model.module.view_share(preparation.size)
    return VideoMaps(
        signed=signed,
        contrast=contrast,
        logits=logits,
        frame_rate=preparation.frame_rate,
        seconds=grid.seconds,
        parts=grid.parts,
        line=line,
        left_out=left_out,
        aspect=aspect,
        view=Scales(share * seen.across, share * seen.down),
        rows=centers.rows,
        columns=centers.columns,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Grid:
    """Windows over all frames that have a map, half a window apart: when each begins, and at which of the frames."""

    starts: tuple[float, ...]
    firsts: tuple[int, ...]
    seconds: np.ndarray
    parts: tuple[int, ...]


def _last_start(span: Span, preparation: PreparationConfig) -> int:
    """Return the last frame of a span that a window can begin with; below zero where the span is too short for one."""
    return math.floor((span[1] - span[0] - preparation.clip_seconds) * preparation.frame_rate + 1e-6)


def _lay_grid(spans: Sequence[Span], preparation: PreparationConfig) -> _Grid:
    rate, num_frames = preparation.frame_rate, preparation.num_frames
    starts: list[float] = []
    firsts: list[int] = []
    parts: list[int] = []
    seconds: list[np.ndarray] = []
    total = 0
    for begin, end in spans:
        last = _last_start((begin, end), preparation)
        offsets = [*range(0, last, max(1, num_frames // 2)), last]
        starts += [begin + offset / rate for offset in offsets]
        firsts += [total + offset for offset in offsets]
        seconds.append(begin + np.arange(last + num_frames) / rate)
        parts.append(total)
        total += last + num_frames
    return _Grid(starts=tuple(starts), firsts=tuple(firsts), seconds=np.concatenate(seconds), parts=tuple(parts))


def unreadable(path: str, error: MediaError) -> InputError:
    """Return the error for a video that cannot be read."""
    return InputError(f"--video: '{path}': {error.reason} {error.detail}; give a video with picture and sound")


def describe_frames(maps: VideoMaps, *, threshold: float = 0.5) -> list[dict[str, Any]]:
    """Return time, peak, score, probability of being in sync, box and whether a source was found, frame by frame.

    A source is found where the probability is above the threshold. Where all is silent, score and probability are None. The box bounds the cells above half the peak; peak and box are
    normalized to the video's frame.
    """
    rows = []
    found = source_found(maps.shown, maps.logits, threshold=threshold)
    for seconds, cells, logit, is_found in zip(maps.seconds, maps.shown, maps.logits, found, strict=True):
        peak = np.unravel_index(cells.argmax(), cells.shape)
        inside_y, inside_x = np.nonzero(cells >= 0.5 * cells.max())
        half_y = 0.5 / cells.shape[0]
        half_x = 0.5 / cells.shape[1]

        def whole(across: float, down: float) -> list[float]:
            places = (0.5 + share * (at - 0.5) for share, at in zip(maps.view, (across, down), strict=True))
            return [round(float(np.clip(place, 0, 1)), 4) for place in places]

        row = {
            "seconds": round(float(seconds), 4),
            "score": None if np.isnan(logit) else round(float(logit), 4),
            "probability": None if np.isnan(logit) else round(float(1 / (1 + np.exp(-np.clip(logit, -500, 500)))), 4),
            "source_found": bool(is_found),
            "peak": None,
            "box": None,
        }
        if is_found:
            row["peak"] = whole(maps.columns[peak[1]], maps.rows[peak[0]])
            row["box"] = [
                *whole(maps.columns[inside_x.min()] - half_x, maps.rows[inside_y.min()] - half_y),
                *whole(maps.columns[inside_x.max()] + half_x, maps.rows[inside_y.max()] + half_y),
            ]
        rows.append(row)
    return rows


def _cut_clips(model: Model, path: str, windows: Sequence[int], *, grid: _Grid, line: Timeline) -> Iterator[Clip]:
    moments = [grid.starts[window] for window in windows]
    return clips_at(path, moments, line=line, preparation=model.preparation)


def _blend(
    model: Model, clips: _Clips, grid: _Grid, kind: MapKind, progress: Progress
) -> tuple[np.ndarray, np.ndarray | None, np.ndarray]:
    """Return the mean maps, signed and contrast, and the mean evidence of the windows that cover each frame."""
    num_frames = model.preparation.num_frames
    centers = model.module.cell_centers()
    total = len(grid.seconds)
    num_kinds = 2 if kind == "contrast" else 1
    sums = np.zeros((num_kinds, total, len(centers.rows), len(centers.columns)), np.float32)
    logits, counts = np.zeros(total), np.zeros(total)
    moments = (np.arange(num_frames) + 0.5) / num_frames
    nearest = np.abs(moments[:, None] - np.asarray(centers.times)[None]).argmin(axis=1)
    for window, maps, logit in _score_windows(model, clips, grid, kind):
        covered = slice(grid.firsts[window], grid.firsts[window] + num_frames)
        sums[:, covered] += maps[:, nearest]
        logits[covered] += logit
        counts[covered] += 1
        progress("mapping", window + 1, len(grid.starts))
    means = sums / np.maximum(counts, 1)[:, None, None]
    logits = np.where(counts > 0, logits / np.maximum(counts, 1), np.nan)
    return means[0], means[1] if kind == "contrast" else None, logits


def _score_windows(model: Model, clips: _Clips, grid: _Grid, kind: MapKind) -> Iterator[tuple[int, np.ndarray, float]]:
    """Yield number, maps (kinds, cells, rows, columns) and logit of every window that has sound."""
    module = model.module
    last = len(grid.starts) - 1
    # The farthest window of any is the first or the last: two sounds are all that contrasts need.
    ends: dict[int, Tensor] = {}
    if kind == "contrast":
        ends = {index: _encode_sound(model, waveform) for index, _, waveform, _ in clips([0, last])}
    for window, frames, waveform, _ in clips(range(last + 1)):
        if np.abs(waveform).max() < _SMALLEST_STEP / 2:
            continue
        picture = module.encode_picture({"frames": frames[None]})
        signed = module.maps(_encode_sound(model, waveform), picture)
        maps = [signed]
        if ends:
            is_late = 2 * grid.firsts[window] > grid.firsts[-1]
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

"""Maps over a video of any length, and what they look like.

Windows of the trained length slide over the video, half overlapping; each frame's map is the mean of the windows that cover it.
Signed: evidence for (above zero) and against. Absolute: its size, as the published systems show it. Contrast: the map minus the map
of the same frames with the sound of another moment, which cancels what sound alone or picture alone contributes.
"""

import dataclasses
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from datasets.clips.spectrogram import log_mel
from datasets.media import MediaError, Window, cut, probe
from infra.errors import InputError
from workflows.trained.model import Model

MapKind = Literal["signed", "absolute", "contrast"]


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class VideoMaps:
    """Maps (frames, rows, columns) of a whole video, at the clip's frame rate, and the evidence of every frame."""

    signed: np.ndarray
    contrast: np.ndarray
    logits: np.ndarray
    frame_rate: float
    seconds: np.ndarray
    origin_seconds: float
    rows: tuple[float, ...]
    columns: tuple[float, ...]

    def of_kind(self, kind: MapKind) -> np.ndarray:
        """Return the maps of a kind."""
        return {"signed": self.signed, "absolute": np.abs(self.signed), "contrast": self.contrast}[kind]


def map_video(model: Model, path: str) -> VideoMaps:
    """Return the maps of a video; holds a few windows of it at a time.

    Raises:
        InputError: If it cannot be read or is shorter than a clip.
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
        step = max(1, preparation.num_frames // 2)
        offsets = [*range(0, last, step), last]
        starts = [begin + offset / preparation.frame_rate for offset in offsets]
        clips = cut(
            path,
            [Window(start_seconds=s, sound_start_seconds=s) for s in starts],
            origin_seconds=info.origin_seconds,
            clip_seconds=preparation.clip_seconds,
            frame_rate=preparation.frame_rate,
            size=preparation.size,
            sample_rate=preparation.sample_rate,
        )
        with torch.inference_mode():
            return _blend(model, _score_windows(model, clips, len(starts)), offsets, begin, info.origin_seconds)
    except MediaError as error:
        raise unreadable(path, error) from None


def unreadable(path: str, error: MediaError) -> InputError:
    """Return what to tell of a video that cannot be read."""
    return InputError(f"--video: '{path}': {error.reason} {error.detail}; give a video with picture and sound")


class _Scores(NamedTuple):
    """One window's evidence: maps (cells, rows, columns) and logit."""

    signed: np.ndarray
    contrast: np.ndarray
    logit: float


def _score_windows(model: Model, clips: Iterator[Any], count: int) -> Iterator[tuple[int, _Scores]]:
    """Yield number and scores of every window, each as soon as the window whose sound it is contrasted with is there."""
    preparation, module = model.preparation, model.module
    pictures: dict[int, Tensor] = {}
    sounds: dict[int, Tensor] = {}
    for index, frames, waveform in clips:
        if module.sound_column == "waveform":
            sound = waveform[None]
        else:
            sound = log_mel(waveform, sample_rate=preparation.sample_rate, config=preparation.log_mel)
        sounds[index] = module.encode_sound({module.sound_column: sound[None]})
        pictures[index] = module.encode_picture({"frames": frames[None]})
        for ready in [window for window in pictures if _other_moment(window, count) in sounds]:
            picture = pictures.pop(ready)
            own = module.maps(sounds[ready], picture)
            contrast = own - module.maps(sounds[_other_moment(ready, count)], picture)
            yield (
                ready,
                _Scores(
                    own[0].float().cpu().numpy(), contrast[0].float().cpu().numpy(), float(own.mean()) + module.bias
                ),
            )


def _other_moment(window: int, count: int) -> int:
    """Return a window whose sound is of another moment, a clip or more away where there is one."""
    return window + 2 if window + 2 < count else max(0, window - 2)


def _blend(
    model: Model, scores: Iterator[tuple[int, _Scores]], offsets: list[int], begin: float, origin_seconds: float
) -> VideoMaps:
    rate, num_frames = model.preparation.frame_rate, model.preparation.num_frames
    centers = model.module.cell_centers()
    total = offsets[-1] + num_frames
    signed, contrast = (np.zeros((total, len(centers.rows), len(centers.columns)), np.float32) for _ in "sc")
    logits, counts = np.zeros(total), np.zeros(total)
    moments = (np.arange(num_frames) + 0.5) / num_frames
    nearest = np.abs(moments[:, None] - np.asarray(centers.times)[None]).argmin(axis=1)
    for window, found in scores:
        covered = slice(offsets[window], offsets[window] + num_frames)
        signed[covered] += found.signed[nearest]
        contrast[covered] += found.contrast[nearest]
        logits[covered] += found.logit
        counts[covered] += 1
    return VideoMaps(
        signed=signed / counts[:, None, None],
        contrast=contrast / counts[:, None, None],
        logits=logits / counts,
        frame_rate=rate,
        seconds=begin + np.arange(total) / rate,
        origin_seconds=origin_seconds,
        rows=centers.rows,
        columns=centers.columns,
    )


def describe_frames(maps: VideoMaps, kind: MapKind, *, crop_share: float) -> list[dict[str, Any]]:
    """Return time, peak, score, box and whether a source was found, frame by frame.

    No source is found where the evidence of the frame's windows is not above zero. The box bounds the cells above half the peak;
    peak and box are normalized to the whole frame.
    """
    rows = []
    margin = (1 - crop_share) / 2
    for seconds, cells, logit in zip(maps.seconds, maps.of_kind(kind), maps.logits, strict=True):
        peak = np.unravel_index(cells.argmax(), cells.shape)
        found = bool(logit > 0 and cells.max() > 0)
        high = cells >= 0.5 * cells.max()
        inside_y, inside_x = np.nonzero(high)
        half_y = 0.5 / cells.shape[0]
        half_x = 0.5 / cells.shape[1]

        def whole(value: float) -> float:
            return round(float(np.clip(margin + crop_share * value, 0, 1)), 4)

        rows.append(
            {
                "seconds": round(float(seconds), 4),
                "score": round(float(logit), 4),
                "source_found": found,
                "peak": [whole(maps.columns[peak[1]]), whole(maps.rows[peak[0]])] if found else None,
                "box": [
                    whole(maps.columns[inside_x.min()] - half_x),
                    whole(maps.rows[inside_y.min()] - half_y),
                    whole(maps.columns[inside_x.max()] + half_x),
                    whole(maps.rows[inside_y.max()] + half_y),
                ]
                if found
                else None,
            }
        )
    return rows


def output_stems(paths: list[str]) -> list[str]:
    """Return the names that the videos' outputs begin with: the file's, with its folder's before it where two share it."""
    plain = [Path(path).stem for path in paths]
    return [
        stem if plain.count(stem) == 1 else f"{Path(path).parent.name}_{stem}_{number}"
        for number, (path, stem) in enumerate(zip(paths, plain, strict=True), start=1)
    ]

"""Maps over a video of any length, and what they look like.

Windows of the trained length slide over the video, half overlapping; each frame's map is the mean of the windows that cover it.
Signed: evidence for (above zero) and against. Absolute: its size, as the published systems show it. Contrast: the map minus the map
of the same frames with the sound of another moment, which cancels what sound alone or picture alone contributes.
"""

import dataclasses
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from datasets.media import MediaError, Window, cut, probe, read_sound
from datasets.spectrogram import log_mel
from infra.errors import InputError
from models.metrics.localization import place
from workflows.model import Model

MapKind = Literal["signed", "absolute", "contrast"]
_BATCH_WINDOWS = 4


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class VideoMaps:
    """Maps (frames, rows, columns) of a whole video, at the clip's frame rate, and the evidence of every frame."""

    signed: np.ndarray
    contrast: np.ndarray
    logits: np.ndarray
    frame_rate: float
    seconds: np.ndarray
    frames: np.ndarray
    waveform: np.ndarray
    sample_rate: int
    rows: tuple[float, ...]
    columns: tuple[float, ...]

    def of_kind(self, kind: MapKind) -> np.ndarray:
        """Return the maps of a kind."""
        return {"signed": self.signed, "absolute": np.abs(self.signed), "contrast": self.contrast}[kind]


def map_video(model: Model, path: str) -> VideoMaps:
    """Return the maps of a video.

    Raises:
        InputError: If it cannot be read or is shorter than a clip.
    """
    preparation = model.preparation
    try:
        info = probe(path)
        begin, end = max(info.video_start, info.audio_start), min(info.video_end, info.audio_end)
        step = preparation.clip_seconds / 2
        last = end - preparation.clip_seconds
        if last < begin:
            raise InputError(
                f"--video: '{path}' has {end - begin:.2f} s of picture with sound, the model needs {preparation.clip_seconds} s; give a longer one"
            )
        starts = [*np.arange(begin, last, step).tolist(), last]
        clips = cut(
            path,
            [Window(start_seconds=s, sound_start_seconds=s) for s in starts],
            origin_seconds=info.origin_seconds,
            clip_seconds=preparation.clip_seconds,
            frame_rate=preparation.frame_rate,
            size=preparation.size,
            sample_rate=preparation.sample_rate,
        )
        windows = _score_windows(model, list(clips), len(starts))
        waveform = read_sound(path, origin_seconds=info.origin_seconds, sample_rate=44100, longest_seconds=end + 1)
    except MediaError as error:
        raise InputError(
            f"--video: '{path}': {error.reason} {error.detail}; give a video with picture and sound"
        ) from None
    return _blend(model, windows, np.asarray(starts), waveform[round(begin * 44100) :])


def _score_windows(model: Model, clips: list[Any], count: int) -> dict[str, Any]:
    """Return signed and contrast maps, logits and frames of all windows in their order."""
    preparation, module = model.preparation, model.module
    frames: list[Any] = [None] * count
    sounds: list[Any] = [None] * count
    for index, pictures, waveform in clips:
        frames[index] = pictures
        if module.sound_column == "waveform":
            sounds[index] = waveform[None]
        else:
            sounds[index] = log_mel(waveform, sample_rate=preparation.sample_rate, config=preparation.log_mel)
    signed, contrast, logits = [], [], []
    bias = float(module.network.head.bias.item())
    with torch.inference_mode():
        sound = torch.cat([module.encode_sound({module.sound_column: value[None]}) for value in np.stack(sounds)])
        other = _other_moments(count)
        for begin in range(0, count, _BATCH_WINDOWS):
            part = slice(begin, begin + _BATCH_WINDOWS)
            picture = module.encode_picture({"frames": np.stack(frames[part])})
            own = module.maps(sound[part], picture)
            elsewhere = module.maps(sound[other[part]], picture)
            signed.append(own.float().cpu().numpy())
            contrast.append((own - elsewhere).float().cpu().numpy())
            logits.append(own.float().mean(dim=(1, 2, 3)).cpu().numpy() + bias)
    return {
        "signed": np.concatenate(signed),
        "contrast": np.concatenate(contrast),
        "logits": np.concatenate(logits),
        "frames": frames,
    }


def _other_moments(count: int) -> list[int]:
    """Return for every window one whose sound is of another moment, a clip or more away where there is one."""
    return [index + 2 if index + 2 < count else max(0, index - 2) for index in range(count)]


def _blend(model: Model, windows: dict[str, Any], starts: np.ndarray, waveform: np.ndarray) -> VideoMaps:
    rate, num_frames = model.preparation.frame_rate, model.preparation.num_frames
    centers = model.module.network.cell_centers()
    offsets = np.rint((starts - starts[0]) * rate).astype(int)
    total = int(offsets[-1]) + num_frames
    grid = (total, len(centers.rows), len(centers.columns))
    sums = {"signed": np.zeros(grid), "contrast": np.zeros(grid)}
    logits, counts = np.zeros(total), np.zeros(total)
    frames = np.zeros((total, *windows["frames"][0].shape[1:]), np.uint8)
    moments = (np.arange(num_frames) + 0.5) / num_frames
    for window, offset in enumerate(offsets):
        place_in = slice(offset, offset + num_frames)
        for kind, summed in sums.items():
            cells = windows[kind][window]
            nearest = np.abs(moments[:, None] - np.asarray(centers.times)[None]).argmin(axis=1)
            summed[place_in] += cells[nearest]
        logits[place_in] += windows["logits"][window]
        counts[place_in] += 1
        frames[place_in] = windows["frames"][window]
    return VideoMaps(
        signed=sums["signed"] / counts[:, None, None],
        contrast=sums["contrast"] / counts[:, None, None],
        logits=logits / counts,
        frame_rate=rate,
        seconds=starts[0] + np.arange(total) / rate,
        frames=frames,
        waveform=waveform[: round(total / rate * 44100)],
        sample_rate=44100,
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


def full_frame_maps(maps: VideoMaps, kind: MapKind, *, side: int) -> np.ndarray:
    """Return the maps (frames, side, side), each cell at its place, between cells bilinear."""
    return place(maps.of_kind(kind), rows=maps.rows, columns=maps.columns, height=side, width=side)


def output_stem(path: str) -> str:
    """Return the name that a video's outputs begin with."""
    return Path(path).stem

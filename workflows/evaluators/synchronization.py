"""Sync accuracy: do sound and picture belong together, beside what one modality, matching clocks or no learning would have given.

Paired accuracy asks without a threshold: whether the two pairings of a pair that are in sync have more evidence together than the two that
are not. Its floor is the best correlation of motion and loudness on the same pairs.
"""

import functools
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from models.calibration import Calibration
from models.losses.synchronization import pairings
from models.metrics.motion_loudness import FLOORS, cell_motion, correlations, loudness
from workflows.contract.calibration import Answers, calibration_figures, log_loss, reliability_curves
from workflows.contract.figure import Figure, Findings, Rows, mean_figure
from workflows.contract.held_out import HeldOut

NEEDS = ("sound_column", "encode_sound", "encode_picture", "encode_silence", "encode_gray", "judge", "calibration")

TARGETS = np.array([1, 1, 0, 0])
"""Labels of the four pairings of a pair: (A, A), (B, B), (A, B), (B, A)."""

_NUM_SWAPS = 4
_BLOCK_PAIRS = 512
"""Sounds are swapped within so many pairs: their features are held, and looking for the nearest grows with the square."""

_FLOOR = "floor_"
_TEXTS = ("recording_id", "label", "start_seconds", "shift_seconds", "boxes")
_SHORTCUTS = ("audio_only_accuracy", "video_only_accuracy", "swapped_source_accuracy")


class SoundAndPicture(Protocol):
    """What a module must offer: encoders that run once per window, and the evidence of both together."""

    sound_column: str
    calibration: Calibration

    def encode_sound(self, batch: Mapping[str, Any]) -> Tensor:
        """Return sound features of all windows."""
        ...

    def encode_picture(self, batch: Mapping[str, Any]) -> Tensor:
        """Return picture features of all windows."""
        ...

    def encode_silence(self) -> Tensor:
        """Return sound features of one silent window."""
        ...

    def encode_gray(self) -> Tensor:
        """Return picture features of one gray window."""
        ...

    def judge(self, sound: Tensor, picture: Tensor) -> Tensor:
        """Return calibrated logits."""
        ...


def collect(module: SoundAndPicture, data: HeldOut) -> Rows:
    """Return the logits of this rank's pairs, without those whose source is out of sight.

    `pairings`, the same `uncalibrated`, `audio_only` (the pictures are gray) and `video_only` (the sounds are silent) are (pairs, 4); `swapped` is (pairs, 2
    windows, swaps, 2): with other recordings' sounds, from about the window's own start and from about its partner's, nan where there
    is no other recording; `swapped_recording_id` is whose. `floors` (pairs, kinds, 4) are the correlations of motion and loudness.
    """
    parts = [_collect_block(module, block) for block in data.blocks(_BLOCK_PAIRS)]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def measure(rows: Rows) -> dict[str, float]:
    """Return the accuracies, the loss, and the accuracy less what shortcuts give."""
    found = {name: float(values.mean()) if values.size else np.nan for name, values in _right(rows).items()}
    best_shortcut = np.nanmax([0.5, *(found[name] for name in _SHORTCUTS)])
    net = found["sync_accuracy"] - (best_shortcut - 0.5)
    paired = {name: float(values.mean()) if len(values) else np.nan for name, values in _paired(rows).items()}
    loss = log_loss(rows["pairings"].ravel(), np.tile(TARGETS, len(rows["pairings"])))
    return {**found, **paired, "net_sync_accuracy": float(net), "loss": loss}


def answers(rows: Rows) -> Answers:
    """Return the logits of all pairings as the network gave them: what a calibration is fitted on."""
    targets = np.tile(TARGETS, len(rows["uncalibrated"])).astype(float)
    return Answers(rows["uncalibrated"].ravel(), targets, np.repeat(rows["recording_id"], 4))


def summarize(rows: Rows, *, intervals: bool = True) -> Findings:
    """Return the accuracies with intervals over recordings, by class and by shift."""
    right, values = _right(rows), measure(rows)
    asked = answers(rows)
    recordings = asked.recordings
    accuracy = functools.partial(mean_figure, chance=0.5, interval=intervals)
    known = np.isfinite(rows["swapped"]).all(axis=(1, 2, 3))
    figures = [
        accuracy("sync_accuracy", "sync accuracy", right["sync_accuracy"].ravel(), recordings),
        *_paired_figures(rows, accuracy),
        accuracy("audio_only_accuracy", "from sound alone", right["audio_only_accuracy"].ravel(), recordings),
        accuracy("video_only_accuracy", "from picture alone", right["video_only_accuracy"].ravel(), recordings),
        accuracy(
            "swapped_source_accuracy",
            "another recording's sound",
            right["swapped_source_accuracy"].ravel(),
            np.repeat(rows["recording_id"][known], 4 * _NUM_SWAPS),
            partners=rows["swapped_recording_id"][known].ravel(),
            note="above it, clocks are matched",
        ),
        Figure(
            name="net_sync_accuracy",
            title="sync accuracy less shortcuts",
            value=values["net_sync_accuracy"],
            chance=0.5,
            num_examples=len(recordings),
            num_groups=len(np.unique(recordings)),
        ),
        *calibration_figures(asked, rows["pairings"].ravel(), intervals=intervals),
    ]
    own = right["sync_accuracy"]
    return Findings(
        figures=tuple(figures),
        breakdowns={
            "class": _broken_down(own, rows, [name or "no label" for name in rows["label"]], accuracy),
            "shift": _broken_down(own, rows, _shift_bins(np.abs(rows["shift_seconds"])), accuracy),
        },
        reliability=reliability_curves(asked, rows["pairings"].ravel(), intervals=intervals),
    )


def _paired_figures(rows: Rows, accuracy: Any) -> list[Figure]:
    """Return the paired accuracies of the model and of each floor; the highest floor is what the model is read against."""
    paired, recordings = _paired(rows), rows["recording_id"]
    floors = [
        accuracy(
            f"{_FLOOR}{kind}", f"without learning: {title}", paired[f"{_FLOOR}{kind}"], recordings, is_reference=True
        )
        for kind, title in FLOORS.items()
    ]
    best = max(floors, key=lambda figure: figure.value)
    title = FLOORS[best.name.removeprefix(_FLOOR)]
    own = accuracy(
        "paired_accuracy", "paired accuracy", paired["paired_accuracy"], recordings, floor=best.value, floor_title=title
    )
    return [own, *floors]


def swapped_sounds(starts: np.ndarray, recordings: np.ndarray) -> np.ndarray:
    """Return, (windows, swaps, 2), windows of other recordings that begin nearest to each window's own and its partner's start.

    A network that matches clocks takes the first for in sync and the second for out of sync; one that listens and looks finds
    nothing in either. -1 where there is no other recording. Ties are broken by the window's number, so no window serves too often.
    """
    _, index = np.unique(recordings, return_inverse=True)
    chosen = np.full((len(starts), _NUM_SWAPS, 2), -1)
    numbers = np.arange(len(starts))
    for window, start in enumerate(starts):
        foreign = numbers[index != index[window]]
        if len(foreign):
            turned = np.roll(foreign, -(window % len(foreign)))
            for column, wanted in enumerate((start, starts[window ^ 1])):
                nearest = np.abs(starts[turned] - wanted).argsort(kind="stable")
                chosen[window, :, column] = np.resize(turned[nearest[:_NUM_SWAPS]], _NUM_SWAPS)
    return chosen


def _collect_block(module: SoundAndPicture, data: HeldOut) -> Rows:
    sounds, texts = [], {name: [] for name in _TEXTS}
    for batch in data.read_all((module.sound_column, *_TEXTS)):
        sounds.append(module.encode_sound(batch))
        for name in _TEXTS:
            texts[name] += batch[name]
    sound = torch.cat(sounds)
    # Windows of one pair show the same scene: both are in sight, or neither is.
    in_sight = np.flatnonzero([boxes is None or len(boxes) > 0 for boxes in texts["boxes"]])
    recordings, starts = np.asarray(texts["recording_id"], str), np.asarray(texts["start_seconds"], float)
    others = np.full((len(recordings), _NUM_SWAPS, 2), -1)
    if len(in_sight):
        found = swapped_sounds(starts[in_sight], recordings[in_sight])
        others[in_sight] = np.where(found >= 0, in_sight[found], -1)
    silence, gray = module.encode_silence(), module.encode_gray()
    parts: dict[str, list[np.ndarray]] = {
        name: [] for name in ("unit", "pairings", "uncalibrated", "audio_only", "video_only", "swapped", "floors")
    }
    for units, batch in data.read(("frames", "log_mel")):
        rows = np.stack([2 * (units - data.first_unit), 2 * (units - data.first_unit) + 1], axis=1)
        kept = np.isin(rows[:, 0], in_sight)
        if kept.any():
            windows = rows[kept].ravel()
            frames = batch["frames"][np.repeat(kept, 2)]
            picture = module.encode_picture({"frames": frames})
            parts["floors"].append(_correlate(frames, batch["log_mel"][np.repeat(kept, 2)]))
            parts["unit"].append(units[kept])
            for name, values in _judged(module, sound[windows], picture, silence, gray).items():
                parts[name].append(values)
            parts["swapped"].append(_judge_swaps(module, sound, picture, others[windows]))
    empty = {"unit": (0,), "swapped": (0, 2, _NUM_SWAPS, 2), "floors": (0, len(FLOORS), 4)}
    joined = {
        name: np.concatenate(values) if values else np.zeros(empty.get(name, (0, 4))) for name, values in parts.items()
    }
    first = (2 * (joined["unit"] - data.first_unit)).astype(int)
    pairs = np.stack([first, first + 1], axis=1)
    return {
        **joined,
        "recording_id": recordings[first],
        "swapped_recording_id": np.where(others[pairs] >= 0, recordings[others[pairs]], ""),
        "label": np.asarray([label or "" for label in texts["label"]], str)[first],
        "start_seconds": starts[first],
        "shift_seconds": np.asarray(texts["shift_seconds"], float)[first],
    }


def _judged(
    module: SoundAndPicture, sound: Tensor, picture: Tensor, silence: Tensor, gray: Tensor
) -> dict[str, np.ndarray]:
    """Return logits (pairs, 4) of the pairings, of the same before calibration, of sounds with a gray picture, of pictures with silence."""
    own = pairings(sound, picture)
    logits = _numpy(module.judge(own.audio_features, own.video_features)).reshape(-1, 4)
    audio = _numpy(module.judge(sound, gray.expand(len(picture), *gray.shape[1:]))).reshape(-1, 2)
    first, second = _numpy(module.judge(silence.expand(len(picture), *silence.shape[1:]), picture)).reshape(-1, 2).T
    return {
        "pairings": logits,
        "uncalibrated": module.calibration.undo(logits),
        "audio_only": np.tile(audio, 2),
        "video_only": np.stack([first, second, second, first], axis=1),
    }


def _correlate(frames: np.ndarray, log_mel: np.ndarray) -> np.ndarray:
    """Return correlations (pairs, kinds, 4) of motion and loudness in the four pairings."""
    motion = [cell_motion(clip) for clip in frames]
    sounds = [loudness(clip, steps=frames.shape[1] - 1) for clip in log_mel]
    found = [
        [correlations(sounds[first + heard], motion[first + seen]) for heard, seen in ((0, 0), (1, 1), (0, 1), (1, 0))]
        for first in range(0, len(motion), 2)
    ]
    return np.asarray(found).transpose(0, 2, 1)


def _judge_swaps(module: SoundAndPicture, sound: Tensor, picture: Tensor, others: np.ndarray) -> np.ndarray:
    """Return logits (pairs, 2 windows, swaps, 2) of pictures with the sounds of other windows; nan where there is none."""
    logits = np.stack(
        [
            np.stack([_numpy(module.judge(sound[others[:, swap, kind]], picture)) for kind in range(2)], axis=1)
            for swap in range(_NUM_SWAPS)
        ],
        axis=1,
    )
    return np.where(others >= 0, logits, np.nan).reshape(-1, 2, _NUM_SWAPS, 2)


def _right(rows: Rows) -> dict[str, np.ndarray]:
    """Return which examples are right, by the name of the accuracy."""
    known = np.isfinite(rows["swapped"]).all(axis=(1, 2, 3))
    return {
        "sync_accuracy": (rows["pairings"] > 0) == TARGETS,
        "audio_only_accuracy": (rows["audio_only"] > 0) == TARGETS,
        "video_only_accuracy": (rows["video_only"] > 0) == TARGETS,
        "swapped_source_accuracy": (rows["swapped"][known] > 0) == np.array([1, 0]),
    }


def _paired(rows: Rows) -> dict[str, np.ndarray]:
    """Return by pair whether the pairings in sync lie together above those out of sync, a tie half, by the name of the accuracy."""
    kinds = {"paired_accuracy": rows["pairings"]} | {
        f"{_FLOOR}{kind}": rows["floors"][:, number] for number, kind in enumerate(FLOORS)
    }
    return {
        name: (np.sign(values @ np.array([1, 1, -1, -1]).astype(values.dtype)) + 1) / 2
        for name, values in kinds.items()
    }


def _broken_down(right: np.ndarray, rows: Rows, names: list[str], accuracy: Any) -> tuple[Figure, ...]:
    found = []
    for name in sorted(set(names)):
        members = np.asarray([other == name for other in names])
        recordings = np.repeat(rows["recording_id"][members], 4)
        found.append(accuracy("sync_accuracy", name, right[members].ravel(), recordings))
    return tuple(found)


def _shift_bins(shifts: np.ndarray) -> list[str]:
    """Return the quarter of the shifts that each lies in, by its ends."""
    edges = np.quantile(shifts, [0, 0.25, 0.5, 0.75, 1]) if len(shifts) else np.zeros(5)
    bins = np.clip(np.searchsorted(edges, shifts, side="right") - 1, 0, 3)
    return [f"{edges[i]:.2f}-{edges[i + 1]:.2f} s" for i in bins]


def _numpy(values: Tensor) -> np.ndarray:
    return values.float().cpu().numpy()

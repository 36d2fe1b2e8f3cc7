"""Do sound and picture belong together: accuracy beside what one modality, or matching clocks, would have given."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from models.losses.synchronization import pairings
from models.metrics.binary import bootstrap_interval

Read = Callable[..., Iterable[Mapping[str, Any]]]
"""Gives the batches of pairs from the start; takes the columns to read."""

TARGETS = np.array([1, 1, 0, 0])
"""Labels of the four pairings of a pair: (A, A), (B, B), (A, B), (B, A)."""

_NUM_SWAPS = 4

TEXT_COLUMNS = ("video_id", "recording_id", "label", "start_seconds", "shift_seconds")


class SoundAndPicture(Protocol):
    """What a model must offer to be asked: encoders that run once per window, and the evidence of both together."""

    sound_column: str

    def encode_sound(self, batch: Mapping[str, Any]) -> Tensor:
        """Return sound features of all windows."""
        ...

    def encode_picture(self, batch: Mapping[str, Any]) -> Tensor:
        """Return picture features of all windows."""
        ...

    def encode_silence(self) -> Tensor:
        """Return sound features of one silent window."""
        ...

    def encode_grey(self) -> Tensor:
        """Return picture features of one grey window."""
        ...

    def judge(self, sound: Tensor, picture: Tensor) -> Tensor:
        """Return logits."""
        ...


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class PairScores:
    """Logits of all pairs, and which windows they are of; windows A and B of a pair follow each other."""

    pairings: np.ndarray
    """(pairs, 4)."""
    audio_only: np.ndarray
    """(pairs, 4): the pictures are grey."""
    video_only: np.ndarray
    """(pairs, 4): the sounds are silent."""
    swapped: np.ndarray
    """(windows, swaps, 2): with other recordings' sounds, from about the same start and from about the partner's."""
    swapped_windows: np.ndarray
    """(windows, swaps, 2): the windows that gave these sounds."""
    windows: dict[str, list[Any]]

    def accuracies(self) -> dict[str, np.ndarray]:
        """Return which examples are right, by the name of the accuracy."""
        return {
            "sync_accuracy": (self.pairings > 0) == TARGETS,
            "audio_only_accuracy": (self.audio_only > 0) == TARGETS,
            "video_only_accuracy": (self.video_only > 0) == TARGETS,
            "swapped_source_accuracy": (self.swapped > 0) == np.array([1, 0]),
        }


def score_pairs(model: SoundAndPicture, read: Read) -> PairScores:
    """Return the logits of all pairs that `read` gives.

    Sound features of all windows are held in memory, so that every picture can be judged with another recording's sound.
    """
    sounds, windows = [], {name: [] for name in TEXT_COLUMNS}
    for batch in read((model.sound_column, *TEXT_COLUMNS)):
        sounds.append(model.encode_sound(batch))
        for name in TEXT_COLUMNS:
            windows[name] += batch[name]
    if not sounds:
        empty = np.zeros((0, 4))
        swaps = np.zeros((0, _NUM_SWAPS, 2))
        return PairScores(
            pairings=empty, audio_only=empty, video_only=empty, swapped=swaps, swapped_windows=swaps, windows=windows
        )
    sound = torch.cat(sounds)
    others = swapped_sounds(windows)
    silence, grey = model.encode_silence(), model.encode_grey()
    rows: dict[str, list[np.ndarray]] = {name: [] for name in ("own", "audio", "video", "swapped")}
    begin = 0
    for batch in read(("frames",)):
        picture = model.encode_picture(batch)
        end = begin + len(picture)
        own = pairings(sound[begin:end], picture)
        rows["own"].append(_numpy(model.judge(own.audio_features, own.video_features)).reshape(-1, 4))
        audio = model.judge(sound[begin:end], grey.expand(len(picture), *grey.shape[1:]))
        rows["audio"].append(np.tile(_numpy(audio).reshape(-1, 2), 2))
        video = _numpy(model.judge(silence.expand(len(picture), *silence.shape[1:]), picture))
        first, second = video.reshape(-1, 2).T
        rows["video"].append(np.stack([first, second, second, first], axis=1))
        swapped = [
            [_numpy(model.judge(sound[chosen], picture)) for chosen in swap.T]
            for swap in others[begin:end].swapaxes(0, 1)
        ]
        rows["swapped"].append(np.moveaxis(np.array(swapped), -1, 0))
        begin = end
    joined = {name: np.concatenate(parts) for name, parts in rows.items()}
    known = (others >= 0).all(axis=(1, 2))
    return PairScores(
        pairings=joined["own"],
        audio_only=joined["audio"],
        video_only=joined["video"],
        swapped=joined["swapped"][known],
        swapped_windows=others[known],
        windows=windows | {"swapped_recording_id": list(np.array(windows["recording_id"])[known])},
    )


def swapped_sounds(windows: Mapping[str, list[Any]]) -> np.ndarray:
    """Return, (windows, swaps, 2), windows of other recordings that begin nearest to each window's own and its partner's start.

    A network that matches clocks takes the first for in sync and the second for out of sync; one that listens and looks finds
    nothing in either. -1 where there is no other recording. Ties are broken by the window's number, so no window serves too often.
    """
    starts = np.asarray(windows["start_seconds"])
    _, recordings = np.unique(np.asarray(windows["recording_id"]), return_inverse=True)
    chosen = np.full((len(starts), _NUM_SWAPS, 2), -1)
    numbers = np.arange(len(starts))
    for window, start in enumerate(starts):
        foreign = numbers[recordings != recordings[window]]
        if len(foreign):
            turned = np.roll(foreign, -(window % len(foreign)))
            for column, wanted in enumerate((start, starts[window ^ 1])):
                nearest = np.abs(starts[turned] - wanted).argsort(kind="stable")
                chosen[window, :, column] = np.resize(turned[nearest[:_NUM_SWAPS]], _NUM_SWAPS)
    return chosen


def summarize(scores: PairScores, *, seed: int = 0) -> dict[str, Any]:
    """Return the accuracies with 95 % intervals (over recordings), by class and by shift."""
    right = scores.accuracies()
    recordings = np.asarray(scores.windows["recording_id"])
    by_example = np.repeat(recordings[::2], 4)
    report: dict[str, Any] = {
        "num_pairs": len(scores.pairings),
        "num_videos": len(set(scores.windows["video_id"])),
        "num_recordings": len(set(recordings)),
        "chance": 0.5,
    }
    for name, values in right.items():
        report[name] = float(values.mean()) if values.size else float("nan")
    if len(recordings):
        report["sync_accuracy_ci95"] = list(
            bootstrap_interval(right["sync_accuracy"].ravel(), clusters=by_example, seed=seed)
        )
    swapped = right["swapped_source_accuracy"]
    if swapped.size:
        pictures = np.asarray(scores.windows["swapped_recording_id"])
        report["swapped_source_accuracy_ci95"] = list(
            bootstrap_interval(
                swapped.ravel(),
                clusters=np.repeat(pictures, swapped[0].size),
                partners=recordings[scores.swapped_windows].ravel(),
                seed=seed,
            )
        )
    own = right["sync_accuracy"]
    report["by_class"] = _table(own, by_example, [label or "" for label in scores.windows["label"][::2]], seed)
    shifts = np.abs(np.asarray(scores.windows["shift_seconds"][::2], float))
    edges = np.quantile(shifts, [0, 0.25, 0.5, 0.75, 1]) if len(shifts) else np.zeros(5)
    bins = np.clip(np.searchsorted(edges, shifts, side="right") - 1, 0, 3)
    names = [f"{edges[i]:.2f}-{edges[i + 1]:.2f} s" for i in bins]
    report["by_shift"] = _table(own, by_example, names, seed)
    return report


def _table(right: np.ndarray, clusters: np.ndarray, names: list[str], seed: int) -> dict[str, dict[str, Any]]:
    table = {}
    for name in sorted(set(names)):
        members = np.asarray([other == name for other in names])
        values = right[members].ravel()
        interval = bootstrap_interval(values, clusters=clusters[np.repeat(members, 4)], seed=seed)
        table[name] = {
            "accuracy": float(values.mean()),
            "ci95": list(interval),
            "num_pairs": int(members.sum()),
        }
    return table


def _numpy(values: Tensor) -> np.ndarray:
    return values.float().cpu().numpy()

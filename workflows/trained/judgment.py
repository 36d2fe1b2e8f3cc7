"""Judgment of a whole file: whether its sound and picture are in sync, where the sound comes from, or that nothing can be told.

A file is cut into windows as long as the clips that the model was trained on. Those that are silent or of one color throughout say nothing.
"""

import dataclasses
import itertools
import os
from typing import TYPE_CHECKING, Any

import numpy as np

from datasets.clips.at_moments import clips_at
from datasets.media import MediaError, Timeline, probe
from infra import storage
from infra.errors import InputError

if TYPE_CHECKING:
    from workflows.trained.serving import Predictor

_WINDOWS_AT_ONCE = 8
_INPUTS = ("video", "waveform")


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Judgment:
    """What a model says of a file."""

    probability: float
    """Calibrated probability that sound and picture are in sync, by the mean evidence of the windows; nan where nothing can be told."""
    map: np.ndarray | None
    """Mean signed map (rows, columns) of the windows: above zero where the sound comes from. None where nothing can be told."""
    seconds: np.ndarray
    """When each window begins."""
    probabilities: np.ndarray
    """Probability of each window; nan where nothing can be told of it."""
    reason: str = ""
    """Why nothing can be told; empty otherwise."""

    @property
    def can_tell(self) -> bool:
        """Whether the model says anything."""
        return not self.reason

    def __str__(self) -> str:
        """Return the judgment in words."""
        if not self.can_tell:
            return f"cannot tell: {self.reason}"
        told = int(np.isfinite(self.probabilities).sum())
        return f"in sync with probability {self.probability:.2f}, by {told} of {len(self.seconds)} windows"


def judge_file(predictor: "Predictor", path: str) -> Judgment:
    """Return what a model says of a file with picture and sound; holds a few windows of it at a time.

    A relative path is looked for below the working folder, then below the home folder.

    Raises:
        InputError: If there is no such file, or the model does not read picture and sound.
    """
    missing = [name for name in _INPUTS if name not in predictor.inputs]
    if missing:
        raise InputError(
            f"judge: one of the recipe {predictor.model.recipe} reads no {missing[0]}; give a model that reads both"
        )
    path = path if os.path.exists(path) else storage.resolve(path, field="judge")
    if not storage.exists(path):
        raise InputError(f"judge: '{path}' does not exist; give a file with picture and sound")
    try:
        line = probe(path)
        starts = _starts(line, predictor.model.preparation.clip_seconds)
        if not starts:
            return _untold(f"picture with sound lasts less than {predictor.model.preparation.clip_seconds:g} s")
        found = _predict_windows(predictor, path, line, starts)
    except MediaError as error:
        return _untold(f"{error.reason} {error.detail}".strip())
    told = found["can_tell"]
    if not told.any():
        return _untold("all of it is silent or of one color", starts)
    evidence = float(found["logits"][told].mean())
    return Judgment(
        probability=float(1 / (1 + np.exp(-np.clip(evidence, -500, 500)))),
        map=found["maps"][told].mean(axis=(0, 1)),
        seconds=np.asarray(starts),
        probabilities=found["probabilities"],
    )


def _untold(reason: str, starts: list[float] | None = None) -> Judgment:
    seconds = np.asarray(starts or [], float)
    return Judgment(
        probability=float("nan"), map=None, seconds=seconds, probabilities=np.full(len(seconds), np.nan), reason=reason
    )


def _starts(line: Timeline, length: float) -> list[float]:
    """Return when windows begin, one after another, in all that picture and sound both run through."""
    return [begin + k * length for begin, end in line.spans() for k in range(int((end - begin) / length + 1e-6))]


def _predict_windows(predictor: "Predictor", path: str, line: Timeline, starts: list[float]) -> dict[str, np.ndarray]:
    clips = clips_at(path, starts, line=line, preparation=predictor.model.preparation)
    parts: list[dict[str, Any]] = []
    for batch in iter(lambda: list(itertools.islice(clips, _WINDOWS_AT_ONCE)), []):
        video = np.stack([frames for _, frames, _, _ in batch])
        waveform = np.clip([sound for _, _, sound, _ in batch], -1, 1)
        parts.append(predictor.predict(video=video, waveform=waveform))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

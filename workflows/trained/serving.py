"""A trained model for others to call: from Python, and through MLflow by the code that is kept beside its weights.

    from workflows.trained.serving import load
    prediction = load("models:/multisensory@champion").predict(video, waveform)

    mlflow.pyfunc.load_model("models:/multisensory@champion").predict({"video": video, "waveform": waveform})

Loading runs no pickled code: weights are safetensors, the rest is JSON.
"""

import dataclasses
import os
import shutil
import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import mlflow.pyfunc
import numpy as np
import torch
from mlflow.models import ModelSignature
from mlflow.types import Schema, TensorSpec
from torch.nn import functional

from datasets.clips.spectrogram import log_mel
from infra.errors import InputError
from infra.version import ROOMS, ROOT, library_versions
from workflows.trained.model import Model, loaded

_NEEDED = ("torch", "numpy", "librosa", "mlflow", "pyarrow")
_ROOMS_WITHOUT_SWEEPS = tuple(room for room in ROOMS if room != "tune")


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Prediction:
    """What a model says of some clips."""

    logits: np.ndarray
    """(batch,): above zero, sound and picture belong together."""
    maps: np.ndarray
    """(batch, cells, rows, columns): the evidence of every place and moment; a clip's mean, plus the head's bias, is its logit."""


class Predictor:
    """A model that is asked about arrays.

    Args:
        model: a trained model.
    """

    def __init__(self, model: Model) -> None:
        self.model = model

    def predict(self, video: np.ndarray, waveform: np.ndarray) -> Prediction:
        """Return what the model says of clips of its own length, frame rate and sample rate (`model.preparation`).

        Args:
            video: uint8 (batch, frames, height, width, 3), or one clip without the batch; of any height and width, which are
                brought to the stored size as preparation does.
            waveform: (batch, samples), or one clip; float in [-1, 1] or int16.

        Raises:
            InputError: If shapes or types are others.
        """
        preparation = self.model.preparation
        video, waveform = np.asarray(video), np.asarray(waveform)
        video, waveform = video[None] if video.ndim == 4 else video, waveform[None] if waveform.ndim == 1 else waveform
        _check(video, waveform, num_frames=preparation.num_frames, num_samples=preparation.num_samples)
        if waveform.dtype == np.int16:
            waveform = waveform / 32768
        waveform = waveform.astype(np.float32)
        module = self.model.module
        if module.sound_column == "waveform":
            sound = waveform[:, None]
        else:
            rate, config = preparation.sample_rate, preparation.log_mel
            sound = np.stack([log_mel(clip, sample_rate=rate, config=config) for clip in waveform])
        batch = {"frames": _scaled(video, preparation.size), module.sound_column: sound}
        with torch.inference_mode():
            found = module.predict(batch)
        return Prediction(**{name: values.float().cpu().numpy() for name, values in found.items()})


def load(model: str) -> Predictor:
    """Return a trained model.

    Args:
        model: models:/NAME@champion, models:/NAME/VERSION, runs:/ID, or a folder.

    Raises:
        InputError: If there is none.
    """
    with loaded(model) as found:
        return Predictor(found)


def write_pyfunc(folder: str | os.PathLike[str]) -> None:
    """Add to a model's folder what MLflow needs to load it anywhere: its signature, its requirements, and this code."""
    signature = _signature(load(os.fspath(folder)))
    versions = library_versions()
    requirements = [f"{name}=={versions[name]}" for name in _NEEDED]
    requirements += ["safetensors", "boto3", "filelock", "jaxtyping"]
    with tempfile.TemporaryDirectory() as place:
        made = Path(place, "model")
        with warnings.catch_warnings(action="ignore"):  # there is no example of an input: it would be large
            mlflow.pyfunc.save_model(
                made,
                loader_module="workflows.trained.serving",
                code_paths=[str(ROOT / room) for room in _ROOMS_WITHOUT_SWEEPS],
                pip_requirements=requirements,
                signature=signature,
            )
        shutil.copytree(made, folder, dirs_exist_ok=True)


class _Pyfunc:
    """What MLflow calls."""

    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor

    def predict(self, model_input: Mapping[str, np.ndarray], params: Any = None) -> dict[str, np.ndarray]:
        found = self._predictor.predict(model_input["video"], model_input["waveform"])
        return {"logits": found.logits, "maps": found.maps}


def _load_pyfunc(path: str) -> _Pyfunc:
    return _Pyfunc(load(path))


def _signature(predictor: Predictor) -> ModelSignature:
    preparation = predictor.model.preparation
    frames, samples = preparation.num_frames, preparation.num_samples
    example = predictor.predict(
        np.zeros((1, frames, preparation.size, preparation.size, 3), np.uint8), np.zeros((1, samples), np.float32)
    )
    return ModelSignature(
        inputs=Schema(
            [
                TensorSpec(np.dtype(np.uint8), (-1, frames, -1, -1, 3), "video"),
                TensorSpec(np.dtype(np.float32), (-1, samples), "waveform"),
            ]
        ),
        outputs=Schema(
            [
                TensorSpec(np.dtype(np.float32), (-1,), "logits"),
                TensorSpec(np.dtype(np.float32), (-1, *example.maps.shape[1:]), "maps"),
            ]
        ),
    )


def _check(video: np.ndarray, waveform: np.ndarray, *, num_frames: int, num_samples: int) -> None:
    if video.dtype != np.uint8 or video.ndim != 5 or video.shape[1] != num_frames or video.shape[-1] != 3:
        raise InputError(
            f"video: {video.dtype} {video.shape} is not uint8 (batch, {num_frames}, height, width, 3); cut clips as the model reads them"
        )
    if waveform.ndim != 2 or waveform.shape[1] != num_samples or waveform.dtype.kind not in "fi":
        raise InputError(
            f"waveform: {waveform.dtype} {waveform.shape} is not (batch, {num_samples}) of floats in [-1, 1] or int16; "
            "resample and cut it as the model hears it"
        )
    if len(video) != len(waveform):
        raise InputError(
            f"video: {len(video)} clips against {len(waveform)} of waveform; give one sound to every picture"
        )


def _scaled(video: np.ndarray, size: int) -> np.ndarray:
    """Return the frames as squares of the stored size; swscale's bilinear scaling is torch's with antialiasing."""
    batch, frames, height, width, _ = video.shape
    if (height, width) == (size, size):
        return video
    planes = torch.from_numpy(np.ascontiguousarray(video)).flatten(0, 1).movedim(-1, 1)
    scaled = functional.interpolate(planes, size=(size, size), mode="bilinear", antialias=True)
    return scaled.movedim(1, -1).unflatten(0, (batch, frames)).contiguous().numpy()

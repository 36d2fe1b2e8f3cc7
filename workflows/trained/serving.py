"""Serving: a trained model for others to call, from Python, and through MLflow by the code that is kept beside its weights.

    from workflows.trained.serving import load
    found = load("models:/multisensory@champion").predict(video=video, waveform=waveform)
    print(load("models:/multisensory@champion").judge("my.mp4"))

    mlflow.pyfunc.load_model("models:/multisensory@champion").predict({"video": video, "waveform": waveform})

Inputs follow from the columns that the model's recipe reads, outputs are those of its module's `predict`. A model of a recipe that reads
clips of any length and frame rate is given them as they are: their length is that of the sound, the frame rate follows. Loading runs no
pickled code: weights are safetensors, the rest is JSON.
"""

import dataclasses
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import mlflow.pyfunc
import numpy as np
import torch
from mlflow.models import Model as PackagedModel
from mlflow.models import ModelSignature
from mlflow.types import Schema, TensorSpec
from torch.nn import functional

from datasets.clips.spectrogram import log_mel
from datasets.config import PreparationConfig
from infra.errors import InputError
from infra.version import ROOMS, ROOT, library_versions
from workflows.contract.registry import load_recipe, reads_any
from workflows.learners.learner import asking
from workflows.trained.clips import fit_to_clips
from workflows.trained.judgment import Judgment, judge_file
from workflows.trained.model import Model, loaded

_NEEDED = ("torch", "torchaudio", "numpy", "mlflow", "pyarrow", "av")
_UNPINNED = ("boto3", "filelock", "jaxtyping", "psutil", "safetensors")
_EXAMPLE_SIDE = 8
_SMALLEST_SOUND, _SMALLEST_CONTRAST = 2.0**-15, 4
"""Below the first, a step of 16 bits, a sound is silent; below the second, in bytes, a video is of one color, such as black."""
_ROOMS_WITHOUT_SWEEPS = tuple(room for room in ROOMS if room != "tune")


class _Input(NamedTuple):
    """An input of a model: its type, its shape without the batch (-1: any), and how it becomes the column that the network reads."""

    dtype: type
    shape: tuple[int, ...]
    convert: Callable[[np.ndarray, PreparationConfig], np.ndarray]


def _inputs(model: Model) -> dict[str, tuple[str, _Input]]:
    """Return the inputs of a model by name, each with the column that it becomes."""
    frames, samples = (-1, -1) if _reads_any_clip(model) else _clip_lengths(model)
    waveform = (np.float32, (samples,))
    known = {
        "frames": ("video", _Input(np.uint8, (frames, -1, -1, 3), _frames)),
        "image": ("image", _Input(np.uint8, (-1, -1, 3), _image)),
        "waveform": ("waveform", _Input(*waveform, _waveform)),
        "log_mel": ("waveform", _Input(*waveform, _log_mel)),
    }
    return {known[column][0]: (column, known[column][1]) for column in model.stream.columns if column in known}


def _reads_any_clip(model: Model) -> bool:
    """Return whether clips may be of any length and frame rate; the sound's length is then that of the clip."""
    free = {"clip_seconds", "frame_rate"} <= set(reads_any(load_recipe(model.recipe)))
    return free and not {"waveform", "log_mel"}.isdisjoint(model.stream.columns)


def _clip_lengths(model: Model) -> tuple[int, int]:
    """Return frames and samples of the clips that a model was trained on."""
    return model.preparation.num_frames, model.preparation.num_samples


class Predictor:
    """A model that is asked about arrays.

    Args:
        model: a trained model, whose module offers `predict`.
    """

    def __init__(self, model: Model) -> None:
        model.refuse_without(("predict",), verb="serving")
        self.model, self.inputs = model, _inputs(model)

    def predict(self, *values: np.ndarray, **named: np.ndarray) -> dict[str, np.ndarray]:
        """Return what the model says of clips of its own sample rate, and its own length and frame rate unless it reads any (`model.preparation`).

        `can_tell` (batch,) is False for a clip that is silent or of one color throughout; all else that is said of it is nan.

        Args:
            values: the inputs in the order of `inputs`.
            named: the inputs by name, each with a batch axis or without; `video` uint8 (batch, frames, height, width, 3) of any height and
                width, which are brought to the stored size as preparation does; `image` uint8 (batch, height, width, 3); `waveform` (batch, samples), float in [-1, 1] or int16.

        Raises:
            InputError: If an input is missing, shapes or types are others, or sound is beyond [-1, 1] or no number.
        """
        given = dict(zip(self.inputs, values, strict=False)) | named
        arrays, batch = {}, {}
        telling: list[np.ndarray] = []
        for name, (column, wanted) in self.inputs.items():
            if name not in given:
                raise InputError(f"{name}: missing; give {', '.join(self.inputs)}")
            array = np.asarray(given[name])
            array = array[None] if array.ndim == len(wanted.shape) else array
            _check(name, array, wanted)
            telling.append(_says_something(array))
            arrays[column], batch[column] = array, wanted.convert(array, self.model.preparation)
        sizes = {name: len(batch[column]) for name, (column, _) in self.inputs.items()}
        if len(set(sizes.values())) > 1:
            raise InputError(
                f"{', '.join(f'{name} {size}' for name, size in sizes.items())}: not equally many clips; give one of each"
            )
        with asking(self._fitted(arrays).module) as module:
            found = module.predict(batch)
        can_tell = np.logical_and.reduce(telling)
        told = torch.from_numpy(can_tell)
        answers = {name: _where_told(values.float().cpu(), told).numpy() for name, values in found.items()}
        return {**answers, "can_tell": can_tell}

    def judge(self, path: str | os.PathLike[str]) -> Judgment:
        """Return what the model says of a file with picture and sound: a probability and a map, or that it cannot tell.

        Raises:
            InputError: If there is no such file, or the model does not read both.
        """
        return judge_file(self, os.fspath(path))

    def _fitted(self, arrays: Mapping[str, np.ndarray]) -> Model:
        """Return the model for clips as long as these sounds, at the frame rate that their frames have then."""
        if not _reads_any_clip(self.model):
            return self.model
        preparation = self.model.preparation
        sound = arrays["waveform" if "waveform" in arrays else "log_mel"]
        seconds = sound.shape[-1] / preparation.sample_rate
        frame_rate = arrays["frames"].shape[1] / seconds if "frames" in arrays else preparation.frame_rate
        clips = dataclasses.replace(preparation, clip_seconds=seconds, frame_rate=frame_rate)
        return fit_to_clips(self.model, clips, given="waveform, video")


def load(model: str) -> Predictor:
    """Return a trained model.

    Args:
        model: models:/NAME@champion, models:/NAME/VERSION, runs:/ID, or a folder.

    Raises:
        InputError: If there is none.
    """
    with loaded(model) as found:
        return Predictor(found)


def write_pyfunc(folder: str | os.PathLike[str], *, model_id: str | None = None) -> None:
    """Add to a model's folder what MLflow needs to load it anywhere: its signature, an example, its requirements, and this code.

    Args:
        folder: folder of the model.
        model_id: id of the logged model that the folder becomes.
    """
    predictor = load(os.fspath(folder))
    example = _example(predictor)
    signature = _signature(predictor, example)
    versions = library_versions()
    requirements = [*(f"{name}=={versions[name]}" for name in _NEEDED), *_UNPINNED]
    with tempfile.TemporaryDirectory() as place:
        made = Path(place, "model")
        with warnings.catch_warnings(action="ignore"):  # of MLflow, on types of its own
            mlflow.pyfunc.save_model(
                made,
                mlflow_model=PackagedModel(model_id=model_id),
                input_example=example,
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
        return self._predictor.predict(**model_input)


def _load_pyfunc(path: str) -> _Pyfunc:
    return _Pyfunc(load(path))


def _example(predictor: Predictor) -> dict[str, np.ndarray]:
    """Return one clip of noise; its pictures are small, as an example is kept as text."""
    chance = np.random.default_rng(0)
    frames, samples = _clip_lengths(predictor.model)
    picture = (_EXAMPLE_SIDE, _EXAMPLE_SIDE, 3)
    shapes = {"video": (1, frames, *picture), "image": (1, *picture), "waveform": (1, samples)}
    found = {}
    for name, (_, wanted) in predictor.inputs.items():
        noise = chance.integers(0, 256, shapes[name])
        found[name] = noise.astype(np.uint8) if wanted.dtype is np.uint8 else (noise / 256 - 0.5).astype(np.float32)
    return found


def _signature(predictor: Predictor, example: Mapping[str, np.ndarray]) -> ModelSignature:
    found = predictor.predict(**example)
    inputs: list[Any] = [
        TensorSpec(np.dtype(wanted.dtype), (-1, *wanted.shape), name) for name, (_, wanted) in predictor.inputs.items()
    ]
    # The axis after the batch is time.
    lengths = {name: values.shape[1:] for name, values in found.items()}
    if _reads_any_clip(predictor.model):
        lengths = {name: (-1, *shape[1:]) if shape else shape for name, shape in lengths.items()}
    outputs: list[Any] = [TensorSpec(found[name].dtype, (-1, *shape), name) for name, shape in lengths.items()]
    return ModelSignature(inputs=Schema(inputs), outputs=Schema(outputs))


def _check(name: str, array: np.ndarray, wanted: _Input) -> None:
    fits = array.ndim == len(wanted.shape) + 1 and all(
        side in (-1, found) for side, found in zip(wanted.shape, array.shape[1:], strict=True)
    )
    integers = np.dtype(wanted.dtype) if wanted.dtype is np.uint8 else np.dtype(np.int16)
    if not fits or not (array.dtype == integers or (wanted.dtype is np.float32 and array.dtype.kind == "f")):
        shape = ", ".join("any" if side == -1 else str(side) for side in wanted.shape)
        kinds = "uint8" if wanted.dtype is np.uint8 else "floats in [-1, 1] or int16"
        raise InputError(
            f"{name}: {array.dtype} {array.shape} is not (batch, {shape}) of {kinds}; cut clips as the model reads them"
        )

    if array.dtype.kind == "f" and array.size and not np.abs(array).max() <= 1:  # also where it is nan
        worst = array.flat[int(np.argmax(~(np.abs(array) <= 1)))]
        raise InputError(f"{name}: {worst:g} is not in [-1, 1]; give floats in [-1, 1], or 16-bit integers as int16")


def _where_told(values: torch.Tensor, told: torch.Tensor) -> torch.Tensor:
    """Return values of clips, nan for those that nothing can be told of."""
    return values.masked_fill(~told.reshape(-1, *[1] * (values.ndim - 1)), torch.nan)


def _says_something(array: np.ndarray) -> np.ndarray:
    """Return for each clip whether it is neither silent nor of one color throughout."""
    clips = array.reshape(len(array), -1)
    if array.dtype == np.uint8:
        return np.asarray(clips.max(axis=1).astype(int) - clips.min(axis=1) >= _SMALLEST_CONTRAST)
    sound = clips / 32768 if array.dtype == np.int16 else clips
    return np.asarray(np.abs(sound).max(axis=1) >= _SMALLEST_SOUND)


def _frames(video: np.ndarray, preparation: PreparationConfig) -> np.ndarray:
    """Return the frames as squares of the stored size; swscale's bilinear scaling is torch's with antialiasing."""
    size = preparation.size
    batch, frames, height, width, _ = video.shape
    if (height, width) == (size, size):
        return video
    planes = torch.from_numpy(np.ascontiguousarray(video)).flatten(0, 1).movedim(-1, 1)
    scaled = functional.interpolate(planes, size=(size, size), mode="bilinear", antialias=True)
    return scaled.movedim(1, -1).unflatten(0, (batch, frames)).contiguous().numpy()


def _image(image: np.ndarray, preparation: PreparationConfig) -> np.ndarray:
    """Return still pictures as they are; networks of them scale what they see."""
    return image


def _waveform(waveform: np.ndarray, preparation: PreparationConfig) -> np.ndarray:
    """Return sound (batch, 1, samples) as floats in [-1, 1]."""
    scaled = waveform / 32768 if waveform.dtype == np.int16 else waveform
    return scaled.astype(np.float32)[:, None]


def _log_mel(waveform: np.ndarray, preparation: PreparationConfig) -> np.ndarray:
    rate, config = preparation.sample_rate, preparation.log_mel
    return np.stack([log_mel(clip, sample_rate=rate, config=config) for clip in _waveform(waveform, preparation)[:, 0]])

"""The small dataset's videos, a model trained on it, and scenes whose sound was moved: made once for all tests of the verbs."""

import itertools
from pathlib import Path

import numpy as np
import pytest

from datasets.media import write_video
from datasets.sources.synthetic import scene
from workflows.recipes import multisensory
from workflows.train.fit import fit
from workflows.train.job import Scaling

_RATE = 16000
_SECONDS = 8


@pytest.fixture(scope="session")
def scene_folder(small_dataset):
    """Videos of 4 s."""
    return Path(small_dataset, "videos")


@pytest.fixture(scope="session")
def trained(small_dataset, tracking_template, tmp_path_factory):
    """What a short training came to."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SENSORIUM_HOME", str(tmp_path_factory.mktemp("trained")))
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tracking_template}")
        return fit(
            "multisensory",
            multisensory.tiny(),
            data=small_dataset,
            run_name="shared",
            scaling=Scaling(num_workers=0),
        )


@pytest.fixture(scope="session")
def moved_scene(tmp_path_factory):
    """Return a function that writes a scene with its sound late by so much."""
    folder = tmp_path_factory.mktemp("moved")
    drawn = scene(3, seed=11, level="easy", seconds=_SECONDS + 2, frame_rate=30.0, size=64, sample_rate=_RATE)
    frames = list(drawn.frames())[30 : 30 * (_SECONDS + 1)]
    sound = drawn.waveform()

    def write(name, *, late, frame_rate=30, kind="", sound_begins=0.0):
        path = folder / f"{name}.mp4"
        if path.exists():
            return str(path)
        begin = round((1 - late) * _RATE)
        heard = sound[begin : begin + _SECONDS * _RATE]
        shown = frames
        if kind == "silent":
            heard = np.zeros_like(heard)
        if kind == "still":
            shown = itertools.repeat(frames[0], len(frames))
        write_video(path, shown, heard, frame_rate=frame_rate, sample_rate=_RATE)
        return str(path)

    return write

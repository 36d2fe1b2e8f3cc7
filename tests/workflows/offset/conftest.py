"""Drawn scenes whose sound was moved by known amounts."""

import itertools

import numpy as np
import pytest

from datasets.media import write_video
from datasets.sources.synthetic import scene

RATE = 16000
SECONDS = 8


@pytest.fixture(scope="session")
def moved_scene(tmp_path_factory):
    """Return a function that writes a scene with its sound late by so much."""
    folder = tmp_path_factory.mktemp("moved")
    drawn = scene(3, seed=11, level="easy", seconds=SECONDS + 2, frame_rate=30.0, size=64, sample_rate=RATE)
    frames = list(drawn.frames())[30 : 30 * (SECONDS + 1)]
    sound = drawn.waveform()

    def write(name, *, late, frame_rate=30, kind="", sound_begins=0.0):
        path = folder / f"{name}.mp4"
        if path.exists():
            return str(path)
        begin = round((1 - late) * RATE)
        heard = sound[begin : begin + SECONDS * RATE]
        shown = frames
        if kind == "silent":
            heard = np.zeros_like(heard)
        if kind == "still":
            shown = itertools.repeat(frames[0], len(frames))
        write_video(path, shown, heard, frame_rate=frame_rate, sample_rate=RATE)
        return str(path)

    return write

"""One cell, as a task of its own."""

from collections.abc import Sequence

import ray
import torch

from infra import storage
from workflows.study.cells import Cell
from workflows.study.clips import make_clips
from workflows.study.listening import cross_fit
from workflows.study.record import describe, result_file
from workflows.study.recordings import Recording, read_recordings, synthesize_recordings

SOUNDS = ("real", "synthetic")
_REAL_CLIPS, _SYNTHETIC_CLIPS = 8, 2
"""Clips of a recording: a real one lasts longer, and there are fewer."""


@ray.remote(num_cpus=1)
def run_cell(sound: str, cell: Cell, places: Sequence[str], output: str, *, num_scenes: int, seed: int) -> str:
    """Write a cell's result; return its name."""
    torch.set_num_threads(1)
    recordings = _recordings(sound, places, num_scenes, seed)
    clips = make_clips(cell, recordings, per_recording=_REAL_CLIPS if sound == "real" else _SYNTHETIC_CLIPS, seed=seed)
    answers = cross_fit(cell, clips, seed=seed)
    storage.write_json(result_file(output, sound, cell), describe(sound, cell, clips, answers))
    return f"{sound}: {cell.name}"


def _recordings(sound: str, places: Sequence[str], num_scenes: int, seed: int) -> list[Recording]:
    return read_recordings(places) if sound == "real" else synthesize_recordings(num_scenes, seed=seed)

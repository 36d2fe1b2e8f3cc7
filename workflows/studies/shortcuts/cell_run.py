"""One cell of the study, run as a Ray task."""

import dataclasses

import torch

from infra import storage
from workflows.studies.shortcuts.cells import LONG, Cell
from workflows.studies.shortcuts.clips import make_clips
from workflows.studies.shortcuts.listening import cross_fit
from workflows.studies.shortcuts.recordings import read_recordings, synthesize_recordings
from workflows.studies.shortcuts.results import describe, result_file

SOUNDS = ("real", "synthetic")
_REAL_CLIPS, _SYNTHETIC_CLIPS = 8, 2
"""Clips of a recording: a real one lasts longer, and there are fewer."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Study:
    """What all cells share."""

    places: tuple[str, ...]
    """Folders of real recordings."""
    output: str
    """Where results go."""
    num_scenes: int
    """Number of synthetic scenes."""
    steps: int
    """Steps of training, of 64 clips; long cells take three times as many."""
    seed: int
    """Seed of windows, labels and networks."""


def run_cell(study: Study, sound: str, cell: Cell) -> str:
    """Write a cell's result; return its name."""
    torch.set_num_threads(1)
    if sound == "real":
        recordings, per_recording = read_recordings(study.places), _REAL_CLIPS
    else:
        recordings, per_recording = synthesize_recordings(study.num_scenes, seed=study.seed), _SYNTHETIC_CLIPS
    clips = make_clips(cell, recordings, per_recording=per_recording, seed=study.seed)
    steps = study.steps * (LONG if cell.long else 1)
    answers = cross_fit(cell, clips, steps=steps, seed=study.seed)
    storage.write_json(result_file(study.output, sound, cell), describe(sound, cell, clips, answers))
    return f"{sound}: {cell.name}"

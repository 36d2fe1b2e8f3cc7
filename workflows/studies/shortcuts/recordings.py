"""The sounds of the study: real recordings in folds that share none, and synthetic scenes."""

import csv
import dataclasses
import os
from collections.abc import Sequence

import numpy as np

from datasets.media import SOUND, MediaError, probe, read_sound
from datasets.preparation.recordings import fingerprint
from datasets.preparation.recordings.duplicates import group_recordings
from datasets.sources import folder
from datasets.sources.synthetic import scene
from infra.errors import InputError
from infra.seeding import generator

SAMPLE_RATE = 44100
NUM_FOLDS = 5
_GUARD_SECONDS = 0.1
_LONGEST_SECONDS = 30.0
_SCENE_SECONDS = 5.0


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Recording:
    """One recording: its name, its fold, and its sound float32 (samples,) at 44.1 kHz."""

    name: str
    fold: int
    waveform: np.ndarray


def read_recordings(folders: Sequence[str]) -> list[Recording]:
    """Return the sounds of all media files below the folders, at most 30 s of each and without a tenth of a second at either end.

    Copies of a recording, told by their fingerprints, are left out. Folds are those of a `labels.csv` (columns path, fold) in a folder, else
    drawn. A file without readable sound is left out.

    Raises:
        InputError: If a folder has no media, or too little can be read for five folds.
    """
    official = {path: fold for place in folders for path, fold in _official_folds(place).items()}
    waveforms, codes = {}, {}
    for source in (source for place in folders for source in folder.index(place)[0]):
        try:
            line = probe(source.path, needs=(SOUND,))
            sound, heard = (
                read_sound(source.path, line=line, sample_rate=rate, longest_seconds=_LONGEST_SECONDS)
                for rate in (SAMPLE_RATE, fingerprint.SAMPLE_RATE)
            )
        except MediaError:
            continue
        waveforms[source.path], codes[source.path] = sound, fingerprint.fingerprint(heard)
    originals = [path for path, first in group_recordings(codes).items() if path == first]
    drawn = iter(_draw_folds(sum(path not in official for path in originals)))
    recordings = [
        Recording(name=path, fold=official[path] if path in official else next(drawn), waveform=_trim(waveforms[path]))
        for path in originals
    ]
    if {recording.fold for recording in recordings} != set(range(NUM_FOLDS)):
        raise InputError(
            f"--sounds: {len(recordings)} readable recordings are too few for {NUM_FOLDS} folds; give more"
        )
    return recordings


def synthesize_recordings(count: int, *, seed: int) -> list[Recording]:
    """Return the sounds of synthetic scenes, 5 s each."""
    folds = _draw_folds(count)
    return [
        Recording(
            name=f"scene {number}",
            fold=folds[number],
            waveform=_trim(
                scene(number, seed=seed, seconds=_SCENE_SECONDS, sample_rate=SAMPLE_RATE).waveform(),
            ),
        )
        for number in range(count)
    ]


def _official_folds(place: str) -> dict[str, int]:
    table = os.path.join(place, "labels.csv")
    if not os.path.exists(table):
        return {}
    with open(table, newline="") as file:
        rows = [row for row in csv.DictReader(file) if "fold" in row]
    return {os.path.join(place, row["path"]): int(row["fold"]) % NUM_FOLDS for row in rows}


def _draw_folds(count: int) -> list[int]:
    return (generator("study", "folds", count).permutation(count) % NUM_FOLDS).tolist()


def _trim(waveform: np.ndarray) -> np.ndarray:
    guard = round(_GUARD_SECONDS * SAMPLE_RATE)
    return np.ascontiguousarray(waveform[guard:-guard])

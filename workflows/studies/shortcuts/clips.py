"""The clips of a cell: windows of the recordings, their labels, and what was done to their sound."""

import dataclasses

import numpy as np

from datasets.clips.windows import WindowRule, draw_ordered_pair
from datasets.media import through_aac
from infra.seeding import generator
from workflows.studies.shortcuts.cells import Cell
from workflows.studies.shortcuts.recordings import SAMPLE_RATE, Recording

CLIP_SECONDS = 1.0
_NUM_SAMPLES = round(CLIP_SECONDS * SAMPLE_RATE)
_FADE_SAMPLES = 441
_TAIL_SAMPLES = 4096
"""An AAC file lasts longer than the clip that is read from its head."""
_MIN_LEVEL = 1e-3
_STARTS_PER_SECOND = 30.0
_TRIES = 4


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class _Window:
    """Samples where a clip and another slice begin, samples by which it would be rolled, and its label."""

    begin: int
    other: int
    shift: int
    in_sync: bool


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Clips:
    """Sounds int16 (clips, samples), whether each is in sync, and the recording and fold of each."""

    waveforms: np.ndarray
    targets: np.ndarray
    recordings: np.ndarray
    folds: np.ndarray


def make_clips(cell: Cell, recordings: list[Recording], *, per_recording: int, seed: int) -> Clips:
    """Return the clips of a cell, `per_recording` of each recording that has so many that are not silent.

    All cells have the same windows and, but for clips in twos, the same labels.
    """
    sounds, targets, names, folds = [], [], [], []
    for recording in recordings:
        for window in _draw(cell, recording, per_recording, seed):
            for sound, target in _examples(cell, recording.waveform, window):
                sounds.append(np.clip(np.rint(sound * 32767), -32768, 32767).astype(np.int16))
                targets.append(target)
                names.append(recording.name)
                folds.append(recording.fold)
    return Clips(
        waveforms=np.stack(sounds),
        targets=np.asarray(targets, np.int64),
        recordings=np.asarray(names),
        folds=np.asarray(folds),
    )


def roll_with_crossfade(waveform: np.ndarray, *, shift: int, fade: int) -> np.ndarray:
    """Return the first len - fade samples rolled in a circle, the last `fade` faded over into the first: no seam, no dip.

    Args:
        waveform: (samples + fade,).
        shift: samples by which to roll.
        fade: samples of the fade.
    """
    ring = waveform[:-fade].copy()
    rise = np.linspace(0, 1, fade, dtype=waveform.dtype)
    ring[:fade] = rise * ring[:fade] + (1 - rise) * waveform[-fade:]
    return np.roll(ring, shift)


def _draw(cell: Cell, recording: Recording, count: int, seed: int) -> list[_Window]:
    """Return at most `count` windows. Silence is looked for in both slices, whichever will be heard, before there is a label."""
    rule = WindowRule(
        clip_seconds=CLIP_SECONDS,
        frame_rate=_STARTS_PER_SECOND,
        min_shift_seconds=0.5,
        max_shift_seconds=3.0,
        pairs_per_video=1,
    )
    length = len(recording.waveform) - _TAIL_SAMPLES
    num_starts = int((length / SAMPLE_RATE - CLIP_SECONDS) * _STARTS_PER_SECOND) + 1
    if num_starts <= 0.5 * _STARTS_PER_SECOND:
        return []
    chance = generator("study", seed, recording.name)
    windows = []
    for _ in range(_TRIES * count):
        first, second = (
            round(start / _STARTS_PER_SECOND * SAMPLE_RATE)
            for start in draw_ordered_pair(rule, num_starts=num_starts, generator=chance)
        )
        shift = round(chance.uniform(0.25, 0.75) * _NUM_SAMPLES)
        in_sync = bool(chance.random() < 0.5)
        if all(_level(recording.waveform[begin : begin + _NUM_SAMPLES]) > _MIN_LEVEL for begin in (first, second)):
            windows.append(_Window(begin=first, other=second, shift=shift, in_sync=in_sync))
    if cell.clips_per_source == 2:
        windows = [dataclasses.replace(window, in_sync=bool(number % 2)) for number, window in enumerate(windows)]
    return windows[:count]


def _level(sound: np.ndarray) -> float:
    return float(np.sqrt((sound**2).mean()))


def _examples(cell: Cell, waveform: np.ndarray, window: _Window) -> list[tuple[np.ndarray, bool]]:
    """Return a window's sound with its label; of pairs, with either label, as each window of a pair occurs."""
    begin = window.other if cell.label_mode == "slice" and not window.in_sync else window.begin
    sound = waveform[begin : begin + _NUM_SAMPLES + _TAIL_SAMPLES]
    if cell.audio == "file start":
        sound = through_aac(sound, sample_rate=SAMPLE_RATE, container="adts")
    if cell.label_mode == "roll" and not window.in_sync:
        sound = _roll(sound, window.shift, crossfade=cell.crossfade)
    sound = sound[:_NUM_SAMPLES]
    if cell.audio == "aac after":
        sound = through_aac(sound, sample_rate=SAMPLE_RATE, container="mp4")
    return [(sound, True), (sound, False)] if cell.label_mode == "pairs" else [(sound, window.in_sync)]


def _roll(sound: np.ndarray, shift: int, *, crossfade: bool) -> np.ndarray:
    if crossfade:
        return roll_with_crossfade(sound[: _NUM_SAMPLES + _FADE_SAMPLES], shift=shift, fade=_FADE_SAMPLES)
    return np.roll(sound[:_NUM_SAMPLES], shift)

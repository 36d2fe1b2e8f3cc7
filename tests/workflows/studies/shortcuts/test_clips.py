"""The study's clips differ in what their cell says, and in nothing else."""

import dataclasses

import numpy as np
import pytest

from workflows.studies.shortcuts.cells import CELLS, LONG_CELLS, Cell
from workflows.studies.shortcuts.clips import make_clips, roll_with_crossfade
from workflows.studies.shortcuts.recordings import NUM_FOLDS, SAMPLE_RATE, Recording, synthesize_recordings

BASE = CELLS[0]


@pytest.fixture(scope="module")
def recordings():
    chance = np.random.default_rng(0)
    return [
        Recording(
            name=str(number),
            fold=number % NUM_FOLDS,
            waveform=(0.1 * chance.standard_normal(4 * SAMPLE_RATE)).astype(np.float32),
        )
        for number in range(10)
    ]


def made(cell, recordings, count=4):
    return make_clips(cell, recordings, per_recording=count, seed=0)


def test_cells_are_at_most_14_with_unique_names():
    assert len(CELLS) <= 14
    assert len({cell.name for cell in (*CELLS, *LONG_CELLS)}) == len(CELLS) + len(LONG_CELLS)


def test_rolled_clips_hold_the_same_samples(recordings):
    rolled, sliced = made(BASE, recordings), made(Cell(label_mode="pairs"), recordings)
    assert np.array_equal(np.sort(rolled.waveforms, axis=1), np.sort(sliced.waveforms[::2], axis=1))
    same = (rolled.waveforms == sliced.waveforms[::2]).all(axis=1)
    assert np.array_equal(same, rolled.targets == 1)


def test_pair_clips_occur_with_both_labels(recordings):
    clips = made(Cell(label_mode="pairs"), recordings)
    assert np.array_equal(clips.waveforms[::2], clips.waveforms[1::2])
    assert np.array_equal(clips.targets.reshape(-1, 2), np.tile([1, 0], (len(clips.targets) // 2, 1)))


def test_clips_in_twos_have_one_of_each_label(recordings):
    clips = made(dataclasses.replace(BASE, clips_per_source=2), recordings)
    assert np.array_equal(clips.targets.reshape(-1, 2).sum(axis=1), np.ones(len(clips.targets) // 2))


def test_file_start_clips_begin_with_priming_if_in_sync(recordings):
    clips = made(Cell(audio="file start"), recordings)
    level = np.sqrt((clips.waveforms[:, :512].astype(float) ** 2).mean(axis=1))
    assert level[clips.targets == 1].max() < 0.3 * level[clips.targets == 0].min()


def test_clips_of_all_cells_share_windows_and_labels(recordings):
    assert np.array_equal(made(BASE, recordings).targets, made(Cell(audio="aac after"), recordings).targets)


def test_clips_skip_recordings_too_short_for_two_slices(recordings):
    short = dataclasses.replace(recordings[0], waveform=recordings[0].waveform[: round(1.3 * SAMPLE_RATE)])
    assert set(made(BASE, [short, *recordings[1:]]).recordings) == {str(number) for number in range(1, 10)}


def test_clips_skip_windows_with_a_silent_slice(recordings):
    half = recordings[0].waveform.copy()
    half[: 2 * SAMPLE_RATE] = 0
    clips = made(Cell(label_mode="slice"), [dataclasses.replace(recordings[0], waveform=half), *recordings[1:]])
    assert (np.abs(clips.waveforms).max(axis=1) > 0).all()


def test_crossfade_leaves_no_seam():
    time = np.arange(4000)
    tone = np.sin(2 * np.pi * time / 1234).astype(np.float32)
    faded = roll_with_crossfade(tone, shift=777, fade=400)
    assert faded.shape == (3600,)
    assert np.abs(np.diff(faded)).max() < 3 * np.abs(np.diff(tone)).max()
    assert np.abs(np.diff(np.roll(tone[:3600], 777))).max() > 20 * np.abs(np.diff(tone)).max()


def test_synthetic_recordings_fill_all_folds():
    found = synthesize_recordings(10, seed=0)
    assert sorted(recording.fold for recording in found) == sorted(list(range(NUM_FOLDS)) * 2)

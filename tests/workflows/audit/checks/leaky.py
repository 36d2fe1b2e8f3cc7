"""Datasets on disk in which one thing is wrong: scenes, cut, labeled and written as preparation does, without the detour over MP4."""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from datasets.card import tally_markers, write_card
from datasets.clips.parquet import ClipFile
from datasets.clips.spectrogram import LogMelConfig
from datasets.clips.windows import LabelMode, PlannedWindow, draw_windows
from datasets.config import PreparationConfig
from datasets.media import Clip, probe, read_sound, write_video
from datasets.preparation.markers import read_markers
from datasets.preparation.operators import commit_shard
from datasets.preparation.recordings.fingerprint import fingerprint
from datasets.preparation.rows import add_log_mel, clip_row
from datasets.preparation.shards import SPLITS, PlannedShard, PlannedSource, clip_file
from datasets.schema import CLIP_SCHEMA
from datasets.sources.synthetic import scene
from datasets.tables.recordings import RECORDING_SCHEMA, recordings_file
from datasets.tables.table import write_table
from infra.seeding import digest, generator

PAIRS = PreparationConfig(
    clip_seconds=1.0,
    frame_rate=8.0,
    size=32,
    sample_rate=8000,
    min_shift_seconds=0.4,
    max_shift_seconds=2.0,
    storage="raw",
    log_mel=LogMelConfig(num_bins=8, window_ms=64, hop_ms=32),
)
"""The sound is at the rate of the fingerprints."""
SECONDS = 4.0
_CODEC_FRAME = 1024
NUM_COPIES = 4
_CLICK = 0.8


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Recording:
    """A video as arrays: frames uint8 (frames, height, width, 3), waveform float (samples,)."""

    name: str
    split: str
    frames: np.ndarray
    waveform: np.ndarray


Redraw = Callable[[PlannedWindow], PlannedWindow]
Retouch = Callable[[PlannedWindow, np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
"""From a window, its frames and its sound to other frames and sound."""


def labeled(label_mode: LabelMode, *, seed: int = 0) -> PreparationConfig:
    """The configuration with labels made one way; two windows a recording in each."""
    num = 1 if label_mode == "pairs" else 2
    return dataclasses.replace(PAIRS, label_mode=label_mode, pairs_per_video=num, seed=seed)


def record_scenes(num: int, *, seed: int) -> list[Recording]:
    """Scenes whose strikes are seen and heard; every fifth is for testing."""
    drawn = [
        scene(
            index,
            seed=seed,
            seconds=SECONDS,
            frame_rate=PAIRS.frame_rate,
            size=PAIRS.size,
            sample_rate=PAIRS.sample_rate,
        )
        for index in range(num)
    ]
    return [
        Recording(
            name=f"scene-{index:04d}",
            split="test" if index % 5 == 0 else "train",
            frames=np.stack(list(one.frames())),
            waveform=one.waveform(),
        )
        for index, one in enumerate(drawn)
    ]


def clean(folder: Path, recordings: Sequence[Recording], *, label_mode: LabelMode = "pairs", seed: int = 0) -> None:
    write_dataset(folder, recordings, labeled(label_mode, seed=seed))


def seam(folder: Path, recordings: Sequence[Recording]) -> None:
    """Out-of-sync sound is rolled, with a click where its end meets its beginning."""

    def click(window: PlannedWindow, frames: np.ndarray, sound: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        sound = sound.copy()
        if not window.in_sync:
            sound[0] += _CLICK
        return frames, sound

    write_dataset(folder, recordings, labeled("roll"), retouch=click)


def late_sound(folder: Path, recordings: Sequence[Recording]) -> None:
    """Out-of-sync sound always comes from later than the picture."""

    def later(window: PlannedWindow) -> PlannedWindow:
        first, second = sorted((window.start_seconds, window.sound_start_seconds))
        return dataclasses.replace(window, start_seconds=first, sound_start_seconds=second)

    write_dataset(folder, recordings, labeled("slice"), redraw=later)


def priming(folder: Path, recordings: Sequence[Recording]) -> None:
    """Out-of-sync sound went through a codec and begins with the silence that the codec puts in front."""

    def delay(window: PlannedWindow, frames: np.ndarray, sound: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return frames, sound if window.in_sync else np.pad(sound, (_CODEC_FRAME, 0))[: len(sound)]

    write_dataset(folder, recordings, labeled("slice"), retouch=delay)


def low_pass(folder: Path, recordings: Sequence[Recording]) -> None:
    """Out-of-sync sound went through a codec that leaves out what is high."""

    def dull(window: PlannedWindow, frames: np.ndarray, sound: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return frames, sound if window.in_sync else np.convolve(sound, np.ones(3) / 3, mode="same")

    write_dataset(folder, recordings, labeled("slice"), retouch=dull)


def gray(folder: Path, recordings: Sequence[Recording]) -> None:
    """Out-of-sync pictures lost their color."""

    def bleach(window: PlannedWindow, frames: np.ndarray, sound: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        mean = frames.mean(axis=3, keepdims=True).astype(np.uint8)
        return frames if window.in_sync else np.repeat(mean, 3, axis=3), sound

    write_dataset(folder, recordings, labeled("slice"), retouch=bleach)


def clocks(folder: Path, recordings: Sequence[Recording]) -> None:
    """A progress bar in the picture and a rising hum in the sound."""
    write_dataset(folder, [_with_clocks(recording) for recording in recordings], labeled("pairs"))


def duplicates(folder: Path, recordings: Sequence[Recording]) -> None:
    """Some recordings for training are, coded again and under another name, also for testing."""
    folder.mkdir(parents=True, exist_ok=True)
    chosen = [recording for recording in recordings if recording.split == "train"][:NUM_COPIES]
    copies = [_coded_again(folder, recording) for recording in chosen]
    write_dataset(folder, [*recordings, *copies], labeled("pairs"))


def write_dataset(
    folder: Path,
    recordings: Sequence[Recording],
    config: PreparationConfig,
    *,
    redraw: Redraw = lambda window: window,
    retouch: Retouch = lambda window, frames, sound: (frames, sound),
) -> None:
    """Write clips, markers, recordings and card; the first recording also as a file, whose coding can be looked at."""
    folder.mkdir(parents=True, exist_ok=True)
    make_source = functools.partial(_plan, config=config, redraw=redraw, folder=folder)
    sources = [make_source(recording) for recording in recordings]
    markers = []
    for split in SPLITS:
        rows = []
        for recording, source in zip(recordings, sources, strict=True):
            if recording.split == split:
                rows += _cut(recording, source, config, retouch)
        if not rows:
            continue
        shard = PlannedShard(shard_id=split, split=split, sources=())
        add_log_mel(rows, config)
        with ClipFile(clip_file(str(folder), shard), CLIP_SCHEMA.names) as file:
            for row in rows:
                file.add(row)
        commit_shard(shard, file, dataset=str(folder), errors=[], seconds={})
        markers += read_markers(str(folder), [split])
    _write(recordings[0], Path(sources[0].path))
    prints = [
        {
            **{name: getattr(source, name) for name in ("path", "video_id", "content_id", "recording_id")},
            "state": "",
            "fingerprint": fingerprint(recording.waveform).tobytes(),
        }
        for recording, source in zip(recordings, sources, strict=True)
    ]
    write_table(recordings_file(str(folder)), prints, RECORDING_SCHEMA)
    write_card(str(folder), config=config, tally=tally_markers(markers), num_errors=0, seconds={})


def _plan(recording: Recording, *, folder: Path, config: PreparationConfig, redraw: Redraw) -> PlannedSource:
    chance = generator(config.seed, "windows", recording.name)
    windows = draw_windows(config.window_rule, [(0.0, SECONDS)], generator=chance)
    return PlannedSource(
        path=str(folder / f"{recording.name}.mp4"),
        video_id=recording.name,
        content_id=digest(recording.frames.tobytes(), recording.waveform.tobytes()).hex(),
        recording_id=recording.name,
        label=None,
        windows=tuple(map(redraw, windows)),
    )


def _cut(recording: Recording, source: PlannedSource, config: PreparationConfig, retouch: Retouch) -> list[dict]:
    rows = []
    for index, window in enumerate(source.windows):
        first = round(window.start_seconds * config.frame_rate)
        begin = round(window.sound_start_seconds * config.sample_rate)
        frames = recording.frames[first : first + config.num_frames]
        sound = recording.waveform[begin : begin + config.num_samples]
        rows.append(clip_row(source, Clip(index, *retouch(window, frames, sound), 1.0), config))
    return rows


def _with_clocks(recording: Recording) -> Recording:
    frames = recording.frames.copy()
    for number, frame in enumerate(frames):
        frame[-4:, : round(PAIRS.size * (number + 1) / len(frames))] = 255
    seconds = np.arange(len(recording.waveform)) / PAIRS.sample_rate
    hum = 0.02 * seconds / SECONDS * np.sin(2 * np.pi * 200 * seconds)
    return dataclasses.replace(recording, frames=frames, waveform=recording.waveform + hum)


def _coded_again(folder: Path, recording: Recording) -> Recording:
    name = f"copy-of-{recording.name}"
    path = folder / f"{name}.mp4"
    _write(recording, path)
    sound = read_sound(str(path), line=probe(path), sample_rate=PAIRS.sample_rate, longest_seconds=SECONDS)
    sound = np.pad(sound, (0, len(recording.waveform) - len(sound)))
    return dataclasses.replace(recording, name=name, split="test", waveform=sound)


def _write(recording: Recording, path: Path) -> None:
    write_video(path, recording.frames, recording.waveform, frame_rate=PAIRS.frame_rate, sample_rate=PAIRS.sample_rate)

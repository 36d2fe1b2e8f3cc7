"""Prepares all sources at once, and measures of their clips how far they are from what was written."""

import dataclasses
import functools
import multiprocessing
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import av
import numpy as np
import pyarrow.dataset
import pyarrow.parquet as pq
from av.audio.resampler import AudioResampler

from datasets.clips.spectrogram import LogMelConfig
from datasets.config import PreparationConfig
from datasets.media import display_size, probe
from datasets.preparation.preparation import Preparation
from datasets.sources.listing import list_sources
from tests.formats import content
from tests.formats.cases import Case
from tests.formats.write import write

CONFIG = PreparationConfig(
    clip_seconds=2.0,
    frame_rate=240.0,  # twice the fastest source: a flash is found within a quarter of its frame
    size=24,
    sample_rate=48000,
    min_shift_seconds=0.5,
    max_shift_seconds=3.0,
    storage="raw",
    log_mel=LogMelConfig(num_bins=8, window_ms=64, hop_ms=32),
)
LEVEL_DB, COLOR = 0.1, 4.0
"""Limits; that of the offset is half a frame of the source."""
_LOSSLESS = ("pcm_s", "pcm_f", "pcm_b", "pcm_d", "flac", "alac", "wavpack", "tta")
_EVERY = 8
"""Samples between those that levels are told from: tones are low."""
_NEAR_SECONDS = 0.15
"""Longer than any fault that leaves the right click the nearest: events are 0.4 s apart or more."""
_EDGE_SECONDS = 0.2


@dataclasses.dataclass(frozen=True, kw_only=True)
class Finding:
    """What came of a source; figures are the worst of its clips, none where it has none."""

    num_windows: int
    num_events: int = 0
    offset_seconds: float | None = None
    """Click after flash."""
    level_db: float | None = None
    """Of a channel's tone against its share of the mean of the channels."""
    color: float | None = None
    """How far a corner is off, of 255."""
    shown: tuple[int, int] | None = None
    """Width and height as players show it."""
    left_out: float | None = None
    error: str = ""
    detail: str = ""

    def faults(self, case: Case) -> list[str]:
        """Return what is not as it should be."""
        found = []
        if (self.num_windows, self.error) != (case.num_windows, case.error):
            found.append(f"{self.num_windows} windows, {self.error or 'no error'}")
        if self.left_out is not None and case.left_out is not None and abs(self.left_out - case.left_out) > 0.1:
            found.append(f"{self.left_out:.2f} s left out")
        if not self.num_windows:
            return found
        if self.num_events < 2 * self.num_windows or abs(self.offset_seconds or 0) > 0.5 / case.frame_rate:
            found.append(f"{self.num_events} events, {1000 * (self.offset_seconds or 0):.1f} ms")
        if abs(self.level_db or 0) > LEVEL_DB:
            found.append(f"{self.level_db:.2f} dB")
        if (self.color or 0) > COLOR:
            found.append(f"colors off by {self.color:.0f}")
        return found + ([f"shown as {self.shown}"] if self.shown != case.shown else [])


def write_sources(cases: Sequence[Case], folder: Path) -> None:
    """Write the files of the cases."""
    folder.mkdir(parents=True)
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        list(pool.map(write, cases, [folder] * len(cases), chunksize=4))


def measure(cases: Sequence[Case], folder: Path) -> dict[str, Finding]:
    """Return what comes of each case, by its name; takes a cluster that runs."""
    write_sources(cases, folder / "sources")
    sources, missing = list_sources(str(folder / "sources"), video_root=None, classes=())
    preparation = Preparation(str(folder / "dataset"), CONFIG)
    preparation.plan(sources, missing=missing)
    preparation.run()
    return findings(cases, folder)


def findings(cases: Sequence[Case], folder: Path) -> dict[str, Finding]:
    """Return what has come of each case, by its name."""
    by_name = {case.name: case for case in cases}
    clips: dict[str, list[Finding]] = {name: [] for name in by_name}
    table = pyarrow.dataset.dataset(folder / "dataset" / "clips", partitioning="hive")
    for batch in table.to_batches(columns=["source", "start_seconds", "frames", "waveform"], batch_size=4):
        for row in batch.to_pylist():
            path = Path(row["source"])
            clips[path.name].append(measure_clip(row, path, by_name[path.name]))
    errors = {Path(row["source"]).name: row for row in pq.read_table(folder / "dataset" / "errors.parquet").to_pylist()}
    left_out = folder / "dataset" / "left_out.parquet"
    short = pq.read_table(left_out).to_pylist() if left_out.exists() else None
    return {name: _worst(name, found, errors.get(name), short) for name, found in clips.items()}


def measure_clip(row: dict[str, Any], path: Path, case: Case) -> Finding:
    """Return how far a row is off that was prepared of a file."""
    frames = np.frombuffer(row["frames"], np.uint8).reshape(-1, CONFIG.size, CONFIG.size, 3)
    waveform = np.frombuffer(row["waveform"], np.int16) / 32768
    clicks = _clicks(waveform)
    offsets = _offsets(_flashes(frames), clicks)
    return Finding(
        num_windows=1,
        num_events=len(offsets),
        offset_seconds=max(offsets, key=abs, default=np.inf),
        level_db=_level_error(waveform, clicks, case, path, row["start_seconds"]),
        color=_color_error(frames),
        shown=display_size(path),
    )


def _worst(
    name: str, clips: list[Finding], error: dict[str, Any] | None, short: list[dict[str, Any]] | None
) -> Finding:
    return Finding(
        num_windows=len(clips),
        num_events=sum(clip.num_events for clip in clips),
        offset_seconds=max((clip.offset_seconds for clip in clips), key=abs, default=None),
        level_db=max((clip.level_db for clip in clips), key=abs, default=None),
        color=max((clip.color for clip in clips), default=None),
        shown=clips[0].shown if clips else None,
        left_out=None if short is None else sum(row["seconds"] for row in short if Path(row["source"]).name == name),
        error=error["reason"] if error else "",
        detail=error["detail"] if error else "",
    )


def _flashes(frames: np.ndarray) -> np.ndarray:
    """Return the seconds at which the middle turns white."""
    third = CONFIG.size // 3
    middle = frames[:, third + 2 : -third - 2, third + 2 : -third - 2].mean(axis=(1, 2, 3))
    bright = middle > 0.5 * max(128.0, middle.max())
    return np.flatnonzero(bright[1:] & ~bright[:-1]) / CONFIG.frame_rate + 1 / CONFIG.frame_rate


def _clicks(waveform: np.ndarray) -> np.ndarray:
    """Return the seconds of the middles of clicks, by a filter of their form."""
    width = round(content.CLICK_SECONDS * CONFIG.sample_rate)
    t = (np.arange(width) - width // 2) / CONFIG.sample_rate
    form = np.exp(2j * np.pi * content.CLICK_HERTZ * t) * np.cos(np.pi * t / content.CLICK_SECONDS) ** 2
    strength = np.abs(np.convolve(waveform, form, mode="same"))
    found = []
    while (peak := int(np.argmax(strength))) and strength[peak] > 0.1 * form.real.clip(0).sum():
        found.append(peak / CONFIG.sample_rate)
        strength[max(0, peak - CONFIG.sample_rate // 10) : peak + CONFIG.sample_rate // 10] = 0
    return np.sort(found)


def _offsets(flashes: np.ndarray, clicks: np.ndarray) -> list[float]:
    """Return click minus flash for each event that is not at the edge; infinite where there is only one of the two."""
    offsets = []
    for here, there, sign in ((flashes, clicks, 1), (clicks, flashes, -1)):
        for at in here:
            if not _EDGE_SECONDS < at < CONFIG.clip_seconds - _EDGE_SECONDS:
                continue
            nearest = min(there - at, key=abs, default=np.inf)
            if abs(nearest) > _NEAR_SECONDS:
                offsets.append(np.inf)
            elif sign > 0:
                offsets.append(float(nearest))
    return offsets


def _level_error(waveform: np.ndarray, clicks: np.ndarray, case: Case, path: Path, start: float) -> float:
    """Return by how many dB the tone that is farthest off differs from its share of the mean of the channels.

    The channels are those that were written; of a coder that changes them, those that the file itself gives at that time.
    """
    (found,) = _amplitudes(waveform[:, None], clicks, case).T
    written = [amplitude for _, amplitude in content.tones(case.layout)]
    if not case.audio.startswith(_LOSSLESS) and len(case.clocks) == 1 and not case.skipped:
        sounds = [role for role in case.roles if role in ("sound", "silent", "foreign")]
        begin, own = _own_channels(path, sounds.index("sound"))
        first = max(0, round((start - begin) * CONFIG.sample_rate))
        written = _amplitudes(own[first : first + len(waveform)], clicks, case).diagonal()
    errors = [20 * np.log10(max(a, 1e-9) * len(found) / max(b, 1e-9)) for a, b in zip(found, written, strict=True)]
    return float(max(errors, key=abs))


@functools.lru_cache(maxsize=1)
def _own_channels(path: Path, track: int) -> tuple[float, np.ndarray]:
    """Return when the sound of a file begins, and its channels (samples, channels) as they come back."""
    resampler, pieces, begin = AudioResampler(format="flt", rate=CONFIG.sample_rate), [], None
    with av.open(str(path)) as container:
        audio = container.streams.audio[track]
        for frame in container.decode(audio):
            begin = frame.time if begin is None else begin
            frame.pts = None
            pieces += [piece.to_ndarray()[0] for piece in resampler.resample(frame)]
        num_channels = audio.layout.nb_channels
    return (begin or 0.0) - probe(path).origin_seconds, np.concatenate(pieces).reshape(-1, num_channels)


def _amplitudes(sound: np.ndarray, clicks: np.ndarray, case: Case) -> np.ndarray:
    """Return the amplitude of every tone in every channel of (samples, channels): the median of short stretches, clicks left out."""
    sound = sound[::_EVERY]
    time = np.arange(len(sound)) / CONFIG.sample_rate * _EVERY
    quiet = (np.abs(time[:, None] - clicks) > 0.03).all(axis=1)
    phases = 2 * np.pi * np.outer(time, [hertz for hertz, _ in content.tones(case.layout)])
    waves = np.hstack([np.sin(phases), np.cos(phases)])
    found = []
    for stretch in np.array_split(np.arange(len(time)), 8):
        near = waves[chosen := stretch[quiet[stretch]]]
        parts = np.linalg.solve(near.T @ near, near.T @ sound[chosen])
        found.append(np.hypot(*np.split(parts, 2)))
    return np.median(found, axis=0)


def _color_error(frames: np.ndarray) -> float:
    """Return by how much the corner that is farthest off differs from its color, on average over the clip."""
    near, far = slice(2, 6), slice(-6, -2)
    corners = [[frames[:, row, column].mean(axis=(0, 1, 2)) for column in (near, far)] for row in (near, far)]
    return float(np.abs(np.array(corners) - content.CORNERS).max())

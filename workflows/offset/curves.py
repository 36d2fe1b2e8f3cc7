"""Evidence at every lag of the windows of a video of any length, read in one pass of its sound and one of its picture."""

import dataclasses
import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch

from datasets.clips.spectrogram import LOG_FLOOR, LogMelConfig, log_mel
from datasets.media import PICTURE, SOUND, MediaError, Span, Timeline, Window, cut, frame_seconds, intersection, probe
from datasets.media import length as length_of
from datasets.media.fit import Fit
from infra.errors import InputError
from infra.progress import Progress, silent
from models.metrics.motion_loudness import cell_motion
from models.offset.features import OffsetFeatures, Slide

_WINDOW_SECONDS = 8.0
_FRAME_RATES = (20.0, 61.0)
"""Of files whose every frame is read once; others are read at a rate in between."""
_FRAME_RATE = 30.0
_MARGIN_SECONDS = 0.25
"""Of sound around what is compared, for the encoders' edges."""
_SHORTEST_SECONDS = 1.0
_CHUNK_HOPS = 625
_STILL = 3.0
"""Mean change of a cell's gray, of 255, below which a picture is still: its coding changes it less, a talking head in the distance more."""
_APART_SECONDS = 1 / 15
"""From one frame to that which it is compared with."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """How files are read for some features."""

    features: OffsetFeatures
    log_mel: LogMelConfig
    sample_rate: int
    size: int
    fit: Fit = "squeeze"
    fingerprint: str = ""
    """Digest of the weights behind the features; empty where nothing is learned."""


class WindowCurve(NamedTuple):
    """Evidence of one window at every lag, and whether it had anything to compare."""

    seconds: float
    """Its middle."""
    evidence: np.ndarray
    silent: bool
    still: bool


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Curves:
    """Evidence of all windows of a file; lags in seconds, above zero where the sound is late."""

    lags: np.ndarray
    windows: tuple[WindowCurve, ...]
    line: Timeline


def read_curves(path: str, reading: Reading, *, max_offset_seconds: float, progress: Progress = silent) -> Curves:
    """Return the evidence of a file's windows; holds one window of its picture at a time, and 16 kB of sound a second or less.

    Raises:
        InputError: If it cannot be read, or is shorter than a second.
    """
    try:
        line = probe(path)
        shown_seconds = frame_seconds(path) or 1 / _FRAME_RATE
        lowest, highest = _FRAME_RATES
        frame_rate = 1 / shown_seconds if lowest <= 1 / shown_seconds <= highest else _FRAME_RATE
        layout = _lay_windows(line, max_offset_seconds, frame_rate)
        if not layout.starts:
            raise InputError(f"--video: '{path}' has no second in which picture and sound both run; give a longer one")
        slide = Slide(
            reading.features,
            seconds=layout.length,
            max_offset_seconds=max_offset_seconds,
            shown_seconds=shown_seconds,
        )
        windows: list[WindowCurve] = []
        for window in _windows(_Sound(path, line, reading), path, reading, layout, slide):
            windows.append(window)
            progress("comparing", len(windows), len(layout.starts))
    except MediaError as error:
        what = ": ".join(filter(None, (error.reason, error.detail)))
        raise InputError(f"--video: '{path}': {what}; give a video with picture and sound") from None
    return Curves(lags=slide.lags, windows=tuple(windows), line=line)


class _Layout(NamedTuple):
    """The windows' common length, when each begins, and the frame rate at which they are read."""

    length: float
    starts: list[float]
    frame_rate: float


def _lay_windows(line: Timeline, max_offset_seconds: float, frame_rate: float) -> _Layout:
    """Return windows that lie end to end over the picture that meets sound at one of the lags; none where there is too little."""
    near = [(begin - max_offset_seconds, end + max_offset_seconds) for begin, end in line.sound]
    merged = intersection(line.picture, _joined(near))
    spans = [span for span in merged if span[1] - span[0] >= _SHORTEST_SECONDS]
    if not spans or length_of(line.spans()) < _SHORTEST_SECONDS:
        return _Layout(0.0, [], frame_rate)
    longest = max(end - begin for begin, end in spans)
    length = math.floor(longest / max(1, round(longest / _WINDOW_SECONDS)) * frame_rate + 1e-6) / frame_rate
    starts: list[float] = []
    for begin, end in spans:
        last = end - begin - length
        if last >= -1e-6:
            count = 1 + round(last / length)
            starts += [begin + at for at in np.linspace(0, max(0.0, last), count).tolist()]
    return _Layout(length, starts, frame_rate)


def _joined(spans: Sequence[Span]) -> list[Span]:
    """Return spans in order, those that overlap as one."""
    joined: list[Span] = []
    for begin, end in sorted(spans):
        if joined and begin <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((begin, end))
    return joined


class _Sound:
    """The log-mel spectrogram of a whole file."""

    def __init__(self, path: str, line: Timeline, reading: Reading) -> None:
        self.line, self.spans = line, line.sound
        rate, config = reading.sample_rate, reading.log_mel
        self.hop_seconds = config.hop_samples(rate) / rate
        self.window_seconds = config.window_samples(rate) / rate
        self.begin, end = line.sound[0][0], line.sound[-1][1]
        chunk_seconds = _CHUNK_HOPS * self.hop_seconds
        starts = [self.begin + chunk_seconds * n for n in range(max(1, math.ceil((end - self.begin) / chunk_seconds)))]
        samples = (_CHUNK_HOPS - 1) * config.hop_samples(rate) + config.window_samples(rate)
        seconds = samples / rate
        windows = [
            Window(start_seconds=at, sound_start_seconds=at, pad_seconds=max(0.0, at + seconds - end)) for at in starts
        ]
        pieces = [
            log_mel(clip.waveform, sample_rate=rate, config=config)
            for clip in cut(
                path,
                windows,
                line=line,
                clip_seconds=seconds,
                frame_rate=1.0,
                size=2,
                sample_rate=rate,
                needs=(SOUND,),
            )
        ]
        self._hops = np.concatenate(pieces, axis=1)

    def between(self, begin: float, end: float) -> tuple[float, np.ndarray]:
        """Return the hops between two times, and when the first of them begins."""
        low, high = (round((at - self.begin) / self.hop_seconds) for at in (begin, end))
        last = round((self.spans[-1][1] - self.begin - self.window_seconds) / self.hop_seconds)
        low, high = max(0, low), max(1, min(self._hops.shape[1], last, high))
        return self.begin + low * self.hop_seconds, self._hops[:, min(low, high - 1) : high]

    def is_known(self, seconds: np.ndarray) -> np.ndarray:
        """Return at which times there is sound."""
        edge = self.window_seconds / 2
        return np.any([(seconds >= begin + edge) & (seconds <= end - edge) for begin, end in self.spans], axis=0)


def _windows(sound: _Sound, path: str, reading: Reading, layout: _Layout, slide: Slide) -> Iterator[WindowCurve]:
    """Yield the evidence of each window."""
    length, starts, frame_rate = layout
    clips = cut(
        path,
        [Window(start_seconds=at, sound_start_seconds=at) for at in starts],
        line=sound.line,
        clip_seconds=length,
        frame_rate=frame_rate,
        size=reading.size,
        sample_rate=reading.sample_rate,
        fit=reading.fit,
        needs=(PICTURE,),
    )
    for index, frames, _, _ in clips:
        start = starts[index]
        heard = start + slide.heard
        begin, hops = sound.between(heard[0] - _MARGIN_SECONDS, heard[-1] + _MARGIN_SECONDS)
        silent = bool(hops.max() <= np.log(2 * LOG_FLOOR))
        still = bool(np.exp(cell_motion(frames, apart=max(1, round(frame_rate * _APART_SECONDS)))).max() < _STILL)
        evidence = np.zeros(len(slide.lags))
        if not (silent or still):
            with torch.inference_mode():
                picture = slide.see(frames, frame_rate=frame_rate)
                evidence = slide.evidence(picture, hops, begin=begin - start, known=sound.is_known(heard))
        yield WindowCurve(seconds=start + length / 2, evidence=evidence, silent=silent, still=still)

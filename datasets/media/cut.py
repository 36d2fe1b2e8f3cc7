"""Windows of picture and sound, decoded in one pass on one clock of presentation time stamps."""

import bisect
import dataclasses
import os
from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

import av
import av.error
import numpy as np

from datasets.media.convert import Converter, Pixels
from datasets.media.decode import Decoding
from datasets.media.fit import Fit
from datasets.media.mono import Mono, kind_of
from datasets.media.probe import MediaError, open_media, reading, said_by
from datasets.media.timeline import BOTH, PICTURE, SOUND, Timeline

_REANCHOR_SECONDS = 0.010
_LONGEST_HOLD_SECONDS = 0.25
_MISSING_TAIL_SECONDS = 0.05
_SAMPLES_AT_ONCE = 4096
"""Few: a window is complete only when the sound after it has been resampled too."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """Where a clip's picture and its sound begin."""

    start_seconds: float
    sound_start_seconds: float
    pad_seconds: float = 0.0
    """Silence at the end, where there is less sound than a clip takes."""


class Clip(NamedTuple):
    """A window with what it shows and sounds like."""

    window: int
    frames: np.ndarray
    """uint8 (frames, size, size, 3), or as planes (frames, 3 size / 2, size)."""
    waveform: np.ndarray
    """float32 (samples,)."""
    aspect: float | None
    """Width of the source's picture by its height, as players show it."""


def cut(
    path: str | os.PathLike[str],
    windows: Sequence[Window],
    *,
    line: Timeline,
    clip_seconds: float,
    frame_rate: float,
    size: int,
    sample_rate: int,
    pixels: Pixels = "rgb24",
    fit: Fit = "squeeze",
    needs: Collection[str] = BOTH,
) -> Iterator[Clip]:
    """Yield the windows as each is complete.

    `line` is what `probe` says of the file. With `pixels` "yuv420p" frames are (n, 3 size / 2, size). Of picture and sound, what is not among the needs is empty.

    One sequential pass. Frame i shows the source frame with the latest time stamp up to start + (i + 0.5) / frame_rate, so that
    every event lands within half an output frame of its time; sound is placed by its own time stamps, with zeros where there is none.

    Raises:
        MediaError: If a window cannot be completed.
    """
    num_frames = round(clip_seconds * frame_rate) if PICTURE in needs else 0
    num_samples = round(clip_seconds * sample_rate) if SOUND in needs else 0
    converter = Converter(size=size, pixels=pixels, fit=fit)
    pictures = _Pictures(windows, num_frames, frame_rate, converter)
    sounds = _Sounds(windows, num_samples, sample_rate)
    waiting = sorted(range(len(windows)), key=lambda index: -_end_of(windows[index]))

    def is_complete(index: int) -> bool:
        return pictures.missing[index] == 0 and sounds.has_heard(index)

    def complete() -> Iterator[Clip]:
        """Yield the windows that end next; where one is not complete, those after it are not looked at."""
        while waiting and is_complete(waiting[-1]):
            index = waiting.pop()
            yield Clip(index, pictures.take(index), sounds.take(index), converter.aspect)

    with reading("decode"), open_media(path, "decode") as container:
        decoding = Decoding(container, moments=pictures.moments, line=line, needs=needs)
        converter.pixel_aspect = decoding.pixel_aspect
        for frame, time in decoding.frames():
            if isinstance(frame, av.VideoFrame):
                pictures.add(frame, time)
            else:
                sounds.add(frame, time)
            yield from complete()
            if not waiting:
                return
        pictures.finish()
        sounds.finish()
        yield from complete()
    if waiting:
        index = min(index for index in waiting if not is_complete(index))
        stream = "picture" if pictures.missing[index] else "sound"
        raise _ends_early(stream, windows[index], decoding.damage)


def _ends_early(stream: str, window: Window, damage: str) -> MediaError:
    detail = f"window at {window.start_seconds:.2f} s is incomplete"
    return MediaError("decode", f"{stream} ends early", detail + (f"; damaged packets: {damage}" if damage else ""))


def _end_of(window: Window) -> float:
    """Return when the later of a window's picture and sound ends, but for the length of a clip."""
    return max(window.start_seconds, window.sound_start_seconds - window.pad_seconds)


class _Pictures:
    """Frames for all windows: each wanted moment takes the frame shown then, converted once."""

    def __init__(self, windows: Sequence[Window], num_frames: int, frame_rate: float, converter: Converter) -> None:
        self._wanted = sorted(
            (window.start_seconds + (i + 0.5) / frame_rate, index, i)
            for index, window in enumerate(windows)
            for i in range(num_frames)
        )
        self._next = 0
        self._held: tuple[av.VideoFrame, float] | None = None
        self._converter = converter
        self._sizes = (num_frames, *converter.shape)
        self._clips: dict[int, np.ndarray] = {}
        self.moments = [moment for moment, _, _ in self._wanted]
        self.missing = [num_frames] * len(windows)

    def add(self, frame: av.VideoFrame, time: float) -> None:
        if self._held is not None and time <= self._held[1]:
            return
        if self._held is not None:
            self._serve(self._held[0], until=time)
        self._held = (frame, time)

    def finish(self) -> None:
        if self._held is not None:
            frame, time = self._held
            shown = float((frame.duration or 0) * (frame.time_base or 0))
            self._serve(frame, until=time + max(shown, _LONGEST_HOLD_SECONDS))

    def take(self, index: int) -> np.ndarray:
        return self._clips.pop(index) if index in self._clips else np.empty(self._sizes, np.uint8)

    def _serve(self, frame: av.VideoFrame, *, until: float) -> None:
        """Give a frame to every wanted moment before `until`."""
        picture = None
        while self._next < len(self._wanted) and self._wanted[self._next][0] < until:
            _, index, i = self._wanted[self._next]
            if picture is None:
                picture = self._converter.convert(frame)
            if index not in self._clips:
                self._clips[index] = np.empty(self._sizes, np.uint8)
            self._clips[index][i] = picture
            self.missing[index] -= 1
            self._next += 1


class _Sounds:
    """Mono sound for all windows, each stretch placed by the time stamp it began with."""

    def __init__(self, windows: Sequence[Window], num_samples: int, sample_rate: int) -> None:
        self._starts = [window.sound_start_seconds for window in windows]
        self._ends = [start + num_samples / sample_rate for start in self._starts]
        self._in_order = sorted(range(len(windows)), key=self._starts.__getitem__)
        self.needed_until = [end - window.pad_seconds for end, window in zip(self._ends, windows, strict=True)]
        self._clips: dict[int, np.ndarray] = {}
        self._taken: set[int] = set()
        self._num_samples, self._rate = num_samples, sample_rate
        self._mono: Mono | None = None
        self._kind: tuple[str, str, int] | None = None
        self._begin = self._expected = 0.0
        self._written = 0
        self.heard_until = -np.inf

    def add(self, frame: av.AudioFrame, time: float) -> None:
        kind = kind_of(frame)
        if self._mono is None or self._kind != kind or abs(time - self._expected) > _REANCHOR_SECONDS:
            self._flush()
            self._mono, self._kind = Mono(self._rate, at_once=_SAMPLES_AT_ONCE), kind
            self._begin, self._expected, self._written = time, time, 0
        self._expected += frame.samples / frame.sample_rate
        try:
            pieces = self._mono.add(frame)
        except (av.error.FFmpegError, ValueError) as error:
            raise MediaError("decode", "cannot resample sound", said_by(error)) from None
        self._place(pieces)

    def has_heard(self, index: int) -> bool:
        return not self._num_samples or self.heard_until >= self.needed_until[index]

    def finish(self) -> None:
        self._flush()
        self.heard_until += _MISSING_TAIL_SECONDS

    def take(self, index: int) -> np.ndarray:
        self._taken.add(index)
        waveform = self._clips.pop(index, np.zeros(self._num_samples, np.float32))
        if not np.isfinite(waveform).all():
            raise MediaError("decode", "sound is not finite", "floating-point samples with NaN or infinity")
        padded = round((self._ends[index] - self.needed_until[index]) * self._rate)
        waveform[self._num_samples - padded :] = 0
        return waveform

    def _flush(self) -> None:
        if self._mono is not None:
            self._place(self._mono.finish())
            self._mono = None

    def _place(self, pieces: list[np.ndarray]) -> None:
        for samples in pieces:
            begin = self._begin + self._written / self._rate
            end = begin + len(samples) / self._rate
            for index in self._heard_between(begin, end):
                start = self._starts[index]
                if index not in self._clips:
                    self._clips[index] = np.zeros(self._num_samples, np.float32)
                offset = round((self._begin - start) * self._rate) + self._written
                low, high = max(0, offset), min(self._num_samples, offset + len(samples))
                if low < high:
                    self._clips[index][low:high] = samples[low - offset : high - offset]
            self._written += len(samples)
            self.heard_until = max(self.heard_until, end)

    def _heard_between(self, begin: float, end: float) -> list[int]:
        """Return the windows not taken yet that hear some of what lies between two times; all windows have one length."""
        low = bisect.bisect_right(self._in_order, begin, key=self._ends.__getitem__)
        high = bisect.bisect_left(self._in_order, end, key=self._starts.__getitem__)
        return [index for index in self._in_order[low:high] if index not in self._taken]


@reading("decode")
def read_sound(path: str | os.PathLike[str], *, line: Timeline, sample_rate: int, longest_seconds: float) -> np.ndarray:
    """Return mono sound float32 (samples,) from its first sample on, at most `longest_seconds` of it.

    Raises:
        MediaError: If the file cannot be opened or has no sound.
    """
    begin = line.sound[0][0] if line.sound else 0.0
    window = Window(start_seconds=begin, sound_start_seconds=begin)
    sounds = _Sounds([window], round(longest_seconds * sample_rate), sample_rate)
    with open_media(path, "decode") as container:
        for frame, time in Decoding(container, moments=(), line=line, needs=(SOUND,)).frames():
            if isinstance(frame, av.AudioFrame):
                sounds.add(frame, time)
            if sounds.heard_until >= begin + longest_seconds:
                break
        sounds.finish()
    length = max(0.0, min(sounds.heard_until - _MISSING_TAIL_SECONDS - begin, longest_seconds))
    return sounds.take(0)[: round(length * sample_rate)] if length > 0 else np.zeros(0, np.float32)

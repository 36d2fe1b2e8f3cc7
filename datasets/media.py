"""Demuxing, decoding and encoding on one clock of presentation time stamps; the only file that knows PyAV.

All times are seconds since `MediaInfo.origin_seconds`: the earliest presented time stamp of the two streams, as players count. Headers
are never trusted: durations come from packets, the rest from decoded frames.
"""

import dataclasses
import io
import os
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import av
import av.error
import numpy as np
from av.audio.resampler import AudioResampler
from av.container import InputContainer
from av.stream import Disposition
from av.video.reformatter import Interpolation, VideoReformatter

av.logging.set_level(av.logging.PANIC)

_REANCHOR_SECONDS = 0.010
_LONGEST_HOLD_SECONDS = 0.25
_MISSING_TAIL_SECONDS = 0.05


class MediaError(Exception):
    """A file that cannot be used: `stage` and `reason` are short fixed words, `detail` is free text."""

    def __init__(self, stage: str, reason: str, detail: str = "") -> None:
        super().__init__(stage, reason, detail)
        self.stage, self.reason, self.detail = stage, reason, detail


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class MediaInfo:
    """What the packets of a file say; width and height as displayed, spans in seconds from the origin."""

    container: str
    video_codec: str
    audio_codec: str
    width: int
    height: int
    frame_rate: float
    variable_frame_rate: bool
    num_frames: int
    audio_sample_rate: int
    origin_seconds: float
    video_start: float
    video_end: float
    audio_start: float
    audio_end: float


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """Where a clip's picture and its sound begin."""

    start_seconds: float
    sound_start_seconds: float


def _open(path: str | os.PathLike[str], stage: str) -> InputContainer:
    try:
        return av.open(os.fspath(path), metadata_errors="ignore")
    except (av.error.FFmpegError, OSError, ValueError, EOFError) as error:
        raise MediaError(stage, "cannot open", str(error)) from None


def _streams(container: InputContainer, stage: str):
    videos = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    if not videos:
        raise MediaError(stage, "no video stream")
    if not container.streams.audio:
        raise MediaError(stage, "no audio stream")
    video, audio = videos[0], container.streams.audio[0]
    for stream in (video, audio):
        if stream.codec_context is None:
            raise MediaError(stage, "unknown codec", f"{stream.type} stream {stream.index}")
        stream.codec_context.thread_count = 1
    return video, audio


def _packets(container: InputContainer, streams: Sequence[av.stream.Stream]):
    """Yield packets as far as the file can be read."""
    packets = container.demux(*streams)
    while True:
        try:
            yield next(packets)
        except (StopIteration, av.error.FFmpegError):
            return


def probe(path: str | os.PathLike[str]) -> MediaInfo:
    """Return what a file holds, by reading its packets without decoding.

    Raises:
        MediaError: If it cannot be opened or lacks a usable picture or sound.
    """
    with _open(path, "probe") as container:
        video, audio = _streams(container, "probe")
        times: dict[int, list[float]] = {video.index: [], audio.index: []}
        ends = {video.index: 0.0, audio.index: 0.0}
        for packet in _packets(container, (video, audio)):
            if packet.pts is None or packet.time_base is None:
                continue
            time = float(packet.pts * packet.time_base)
            index = packet.stream.index
            times[index].append(time)
            ends[index] = max(ends[index], time + float((packet.duration or 0) * packet.time_base))
        for stream in (video, audio):
            if not times[stream.index]:
                raise MediaError("probe", f"no {stream.type} packets")
        frames = np.sort(np.asarray(times[video.index]))
        steps = np.diff(frames)
        steps = steps[steps > 1e-6]
        if not len(steps):
            raise MediaError("probe", "a single picture", f"{len(frames)} frames")
        origin = max(0.0, min(frames[0], min(times[audio.index])))
        return MediaInfo(
            container=container.format.name,
            video_codec=video.codec_context.name,
            audio_codec=audio.codec_context.name,
            width=video.codec_context.width,
            height=video.codec_context.height,
            frame_rate=float(1 / steps.mean()),
            variable_frame_rate=bool(np.quantile(steps, 0.95) > 1.2 * np.quantile(steps, 0.05)),
            num_frames=len(frames),
            audio_sample_rate=audio.codec_context.sample_rate,
            origin_seconds=origin,
            video_start=max(0.0, float(frames[0] - origin)),
            video_end=float(max(ends[video.index], frames[-1] + np.median(steps)) - origin),
            audio_start=max(0.0, min(times[audio.index]) - origin),
            audio_end=ends[audio.index] - origin,
        )


def cut(
    path: str | os.PathLike[str],
    windows: Sequence[Window],
    *,
    origin_seconds: float,
    clip_seconds: float,
    frame_rate: float,
    size: int,
    sample_rate: int,
) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Yield (window index, frames uint8 (n, size, size, 3), waveform float32 (samples,)) as each is complete.

    One sequential pass. Frame i shows the source frame with the latest time stamp up to start + (i + 0.5) / frame_rate, so that
    every event lands within half an output frame of its time; sound is placed by its own time stamps, with zeros where there is none.

    Raises:
        MediaError: If a window cannot be completed.
    """
    pictures = _Pictures(windows, round(clip_seconds * frame_rate), frame_rate, size)
    sounds = _Sounds(windows, round(clip_seconds * sample_rate), sample_rate)
    waiting = set(range(len(windows)))

    def complete() -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
        for index in sorted(waiting):
            if pictures.missing[index] == 0 and sounds.heard_until >= sounds.ends[index]:
                waiting.discard(index)
                yield index, pictures.take(index), sounds.take(index)

    with _open(path, "decode") as container:
        video, audio = _streams(container, "decode")
        damage = ""
        for packet in _packets(container, (video, audio)):
            try:
                decoded = packet.decode()
            except (av.error.FFmpegError, ValueError) as error:
                damage = str(error)
                continue
            for frame in decoded:
                if frame.time is None:
                    continue
                if packet.stream is video:
                    pictures.add(frame, frame.time - origin_seconds)
                else:
                    sounds.add(frame, frame.time - origin_seconds)
            yield from complete()
            if not waiting:
                return
        pictures.finish()
        sounds.finish()
        yield from complete()
    if waiting:
        index = min(waiting)
        stream = "picture" if pictures.missing[index] else "sound"
        raise MediaError(
            "decode",
            f"{stream} ends early",
            f"window at {windows[index].start_seconds:.2f} s is incomplete"
            + (f"; damaged packets: {damage}" if damage else ""),
        )


class _Pictures:
    """Frames for all windows: each wanted moment takes the frame shown then, converted once."""

    def __init__(
        self, windows: Sequence[Window], num_frames: int, frame_rate: float, size: int
    ) -> None:
        self._wanted = sorted(
            (window.start_seconds + (i + 0.5) / frame_rate, index, i)
            for index, window in enumerate(windows)
            for i in range(num_frames)
        )
        self._next = 0
        self._held: tuple[av.VideoFrame, float] | None = None
        self._reformatter = VideoReformatter()
        self._shape = (num_frames, size, size, 3)
        self._clips: dict[int, np.ndarray] = {}
        self.missing = [num_frames] * len(windows)

    def add(self, frame: av.VideoFrame, time: float) -> None:
        if self._held is not None and time <= self._held[1]:
            return
        if self._held is not None:
            self._serve(until=time)
        self._held = (frame, time)

    def finish(self) -> None:
        if self._held is not None:
            self._serve(until=self._held[1] + _LONGEST_HOLD_SECONDS)

    def take(self, index: int) -> np.ndarray:
        return self._clips.pop(index)

    def _serve(self, *, until: float) -> None:
        """Give the held frame to every wanted moment before `until`."""
        picture = None
        while self._next < len(self._wanted) and self._wanted[self._next][0] < until:
            _, index, i = self._wanted[self._next]
            if picture is None:
                picture = self._convert()
            if index not in self._clips:
                self._clips[index] = np.empty(self._shape, np.uint8)
            self._clips[index][i] = picture
            self.missing[index] -= 1
            self._next += 1

    def _convert(self) -> np.ndarray:
        assert self._held is not None
        frame = self._held[0]
        side = self._shape[1]
        try:
            scaled = self._reformatter.reformat(
                frame, width=side, height=side, format="rgb24", interpolation=Interpolation.BILINEAR
            )
        except (av.error.FFmpegError, ValueError) as error:
            raise MediaError("decode", "cannot convert picture", str(error)) from None
        return np.rot90(scaled.to_ndarray(), k=round(frame.rotation / 90))


class _Sounds:
    """Mono sound for all windows, each stretch placed by the time stamp it began with."""

    def __init__(self, windows: Sequence[Window], num_samples: int, sample_rate: int) -> None:
        self._starts = [window.sound_start_seconds for window in windows]
        self.ends = [start + num_samples / sample_rate for start in self._starts]
        self._clips: dict[int, np.ndarray] = {}
        self._taken: set[int] = set()
        self._num_samples, self._rate = num_samples, sample_rate
        self._resampler: AudioResampler | None = None
        self._begin = self._expected = 0.0
        self._written = 0
        self.heard_until = -np.inf

    def add(self, frame: av.AudioFrame, time: float) -> None:
        if self._resampler is None or abs(time - self._expected) > _REANCHOR_SECONDS:
            self._flush()
            self._resampler = AudioResampler(format="flt", layout="mono", rate=self._rate)
            self._begin, self._expected, self._written = time, time, 0
        self._expected += frame.samples / frame.sample_rate
        try:
            pieces = self._resampler.resample(frame)
        except (av.error.FFmpegError, ValueError) as error:
            raise MediaError("decode", "cannot resample sound", str(error)) from None
        self._place(pieces)

    def finish(self) -> None:
        self._flush()
        self.heard_until += _MISSING_TAIL_SECONDS

    def take(self, index: int) -> np.ndarray:
        self._taken.add(index)
        return self._clips.pop(index, np.zeros(self._num_samples, np.float32))

    def _flush(self) -> None:
        if self._resampler is not None:
            self._place(self._resampler.resample(None))
            self._resampler = None

    def _place(self, pieces: list[av.AudioFrame]) -> None:
        for piece in pieces:
            samples = piece.to_ndarray()[0]
            begin = self._begin + self._written / self._rate
            end = begin + len(samples) / self._rate
            for index, start in enumerate(self._starts):
                if index in self._taken or end <= start or begin >= self.ends[index]:
                    continue
                if index not in self._clips:
                    self._clips[index] = np.zeros(self._num_samples, np.float32)
                offset = round((self._begin - start) * self._rate) + self._written
                low, high = max(0, offset), min(self._num_samples, offset + len(samples))
                if low < high:
                    self._clips[index][low:high] = samples[low - offset : high - offset]
            self._written += len(samples)
            self.heard_until = max(self.heard_until, end)


def read_sound(
    path: str | os.PathLike[str], *, origin_seconds: float, sample_rate: int, longest_seconds: float
) -> np.ndarray:
    """Return mono sound float32 (samples,) from the origin on, at most `longest_seconds` of it.

    Raises:
        MediaError: If the file cannot be opened or has no sound.
    """
    window = Window(start_seconds=0.0, sound_start_seconds=0.0)
    sounds = _Sounds([window], round(longest_seconds * sample_rate), sample_rate)
    with _open(path, "decode") as container:
        if not container.streams.audio:
            raise MediaError("decode", "no audio stream")
        for packet in _packets(container, container.streams.audio[:1]):
            try:
                decoded = packet.decode()
            except (av.error.FFmpegError, ValueError):
                continue
            for frame in decoded:
                if frame.time is not None:
                    sounds.add(frame, frame.time - origin_seconds)
            if sounds.heard_until >= longest_seconds:
                break
        sounds.finish()
    length = max(0.0, min(sounds.heard_until - _MISSING_TAIL_SECONDS, longest_seconds))
    return sounds.take(0)[: round(length * sample_rate)] if length > 0 else np.zeros(0, np.float32)


def encode_frames(frames: np.ndarray, *, frame_rate: float) -> bytes:
    """Return frames uint8 (n, height, width, 3) as an H.264 elementary stream: short closed groups, quick to decode."""
    codec = av.CodecContext.create("libx264", "w")
    codec.width, codec.height = frames.shape[2], frames.shape[1]
    codec.pix_fmt = "yuv420p"
    codec.time_base = Fraction(1, 1000)
    codec.framerate = Fraction(frame_rate).limit_denominator(1001)
    codec.thread_count = 1
    codec.options = {
        "preset": "veryfast",
        "tune": "fastdecode",
        "crf": "20",
        "g": "12",
        "bf": "0",
        "x264-params": "scenecut=0:open-gop=0:repeat-headers=1",
    }
    stream = io.BytesIO()
    for index, array in enumerate(frames):
        frame = av.VideoFrame.from_ndarray(array, format="rgb24")
        frame.pts = round(index * 1000 / frame_rate)
        for packet in codec.encode(frame):
            stream.write(bytes(packet))
    for packet in codec.encode(None):
        stream.write(bytes(packet))
    return stream.getvalue()


def decode_frames(data: bytes | memoryview) -> np.ndarray:
    """Return the frames uint8 (n, height, width, 3) of `encode_frames`."""
    codec = av.CodecContext.create("h264", "r")
    codec.thread_count = 1
    reformatter = VideoReformatter()
    packets = [*codec.parse(bytes(data)), *codec.parse(None), None]
    return np.stack(
        [
            reformatter.reformat(frame, format="rgb24").to_ndarray()
            for packet in packets
            for frame in codec.decode(packet)
        ]
    )


def write_video(
    path: str | os.PathLike[str],
    frames: Iterable[np.ndarray],
    waveform: np.ndarray | None,
    *,
    frame_rate: float,
    sample_rate: int,
    crf: int = 18,
) -> None:
    """Write an MP4 file (H.264, AAC) whose picture and sound start together; complete or not at all.

    Args:
        path: where; written under a temporary name first.
        frames: uint8 (height, width, 3) each, even sizes.
        waveform: float (samples,) in [-1, 1], or None for a silent file.
        frame_rate: frames per second.
        sample_rate: samples per second.
        crf: quality, 0 to 51, lower is better.
    """
    path = Path(path)
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with av.open(str(partial), "w", format="mp4") as container:
            rate = Fraction(frame_rate).limit_denominator(1001)
            video = container.add_stream("libx264", rate=rate)
            video.pix_fmt = "yuv420p"
            video.codec_context.thread_count = 1
            video.options = {"preset": "veryfast", "crf": str(crf)}
            audio = None if waveform is None else container.add_stream("aac", rate=sample_rate, layout="mono")
            for index, array in enumerate(frames):
                if index == 0:
                    video.height, video.width = array.shape[:2]
                container.mux(video.encode(av.VideoFrame.from_ndarray(array, format="rgb24")))
            container.mux(video.encode(None))
            if audio is not None and waveform is not None:
                sound = av.AudioFrame.from_ndarray(
                    np.ascontiguousarray(waveform, np.float32)[None], format="fltp", layout="mono"
                )
                sound.sample_rate, sound.pts = sample_rate, 0
                container.mux(audio.encode(sound))
                container.mux(audio.encode(None))
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)

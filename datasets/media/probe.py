"""What a file holds, told by its packets: headers are never trusted."""

import contextlib
import dataclasses
import os
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

import av
import av.error
import numpy as np
from av import logging as av_logging
from av.container import InputContainer
from av.stream import Disposition
from av.video.reformatter import ColorTrc

av_logging.set_level(av_logging.PANIC)


PICTURE, SOUND = "picture", "sound"
BOTH = (PICTURE, SOUND)
_HIGH_DYNAMIC_RANGE = {ColorTrc.SMPTE2084: "PQ", ColorTrc.ARIB_STD_B67: "HLG"}


class MediaError(Exception):
    """A file that cannot be used: `stage` and `reason` are short fixed words, `detail` is free text."""

    def __init__(self, stage: str, reason: str, detail: str = "") -> None:
        super().__init__(stage, reason, detail)
        self.stage, self.reason, self.detail = stage, reason, detail


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class MediaInfo:
    """What the packets of a file say; width and height as stored, spans in seconds from the origin, none of a stream that is not there."""

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
    video_start: float | None
    video_end: float | None
    audio_start: float | None
    audio_end: float | None

    def span(self, needs: Collection[str] = BOTH) -> tuple[float, float]:
        """Return when picture and sound, or the one that is needed, have both begun and when the first of them ends."""
        spans = {PICTURE: (self.video_start, self.video_end), SOUND: (self.audio_start, self.audio_end)}
        begins, ends = zip(*(spans[name] for name in BOTH if name in needs), strict=True)
        return max(begin or 0.0 for begin in begins), min(end or 0.0 for end in ends)


def open_media(path: str | os.PathLike[str], stage: str) -> InputContainer:
    """Return an open file.

    Raises:
        MediaError: If it is none that can be read.
    """
    try:
        return av.open(os.fspath(path), metadata_errors="ignore")
    except (av.error.FFmpegError, OSError, ValueError, EOFError) as error:
        raise MediaError(stage, "cannot open", str(error)) from None


def streams(container: InputContainer, stage: str):
    """Return the picture and the sound of a file, each decoded on one thread.

    Raises:
        MediaError: If one of them is missing.
    """
    found = find_streams(container, stage, needs=BOTH)
    return found[PICTURE], found[SOUND]


def find_streams(container: InputContainer, stage: str, *, needs: Collection[str]) -> dict[str, Any]:
    """Return those of picture and sound that a file has, each decoded on one thread; cover art is no picture.

    Raises:
        MediaError: If one that is needed is missing.
    """
    found: dict[str, Any] = {}
    for name, members in ((PICTURE, container.streams.video), (SOUND, container.streams.audio)):
        stream = next((s for s in members if not s.disposition & Disposition.attached_pic), None)
        if stream is not None and stream.codec_context is not None:
            stream.codec_context.thread_count = 1
            found[name] = stream
        elif name in needs:
            if stream is None:
                raise MediaError(stage, "no video stream" if name == PICTURE else "no audio stream")
            raise MediaError(stage, "unknown codec", f"{stream.type} stream {stream.index}")
    return found


@contextlib.contextmanager
def reading(stage: str) -> Iterator[None]:
    """Turn whatever goes wrong while one file is read into a named error of that file, but for a lack of memory.

    Raises:
        MediaError: If the block raises anything that has no name yet.
    """
    try:
        yield
    except Exception as error:
        if isinstance(error, MediaError) or _out_of_memory(error):
            raise
        raise MediaError(stage, "cannot be read", f"{type(error).__name__}: {error}") from error


def packets(container: InputContainer, chosen: Sequence[av.stream.Stream]) -> Iterator[av.Packet]:
    """Yield packets as far as the file can be read.

    Where a damaged table announces further streams, PyAV raises an IndexError of its own after the last packet.
    """
    found = container.demux(*chosen)
    while True:
        try:
            packet = next(found, None)
        except Exception as error:
            if _out_of_memory(error):
                raise
            return
        if packet is None:
            return
        yield packet


def decoded(packet: av.Packet) -> tuple[Sequence[av.frame.Frame], str]:
    """Return the frames of a packet and no message, or no frames and what was said against it."""
    try:
        return [frame for frame in packet.decode() if isinstance(frame, av.VideoFrame | av.AudioFrame)], ""
    except Exception as error:
        if _out_of_memory(error):
            raise
        return [], str(error)


def _out_of_memory(error: Exception) -> bool:
    """Return whether this process lacks memory; FFmpeg also says so of a damaged file that asks for too much."""
    return isinstance(error, MemoryError) and not isinstance(error, av.error.FFmpegError)


@reading("probe")
def probe(
    path: str | os.PathLike[str], *, needs: Collection[str] = BOTH, hear: Callable[[av.Packet], None] | None = None
) -> MediaInfo:
    """Return what a file holds, by reading its packets without decoding; `hear` is given those of the sound.

    Raises:
        MediaError: If it cannot be opened, lacks a usable picture or sound that it needs, or its picture has high dynamic range.
    """
    with open_media(path, "probe") as container:
        found = find_streams(container, "probe", needs=needs)
        if PICTURE in needs:
            _refuse_high_dynamic_range(found[PICTURE])
        times: dict[int, list[float]] = {stream.index: [] for stream in found.values()}
        ends = dict.fromkeys(times, 0.0)
        # As whole numbers: a fraction for every packet takes half the time of a probe.
        clocks = {s.index: (s.time_base.numerator, s.time_base.denominator) for s in found.values() if s.time_base}
        for packet in packets(container, tuple(found.values())) if found else ():
            if hear is not None and packet.stream is found.get(SOUND):
                hear(packet)
            index = packet.stream.index
            if packet.pts is None or index not in clocks:
                continue
            ticks, per = clocks[index]
            time = packet.pts * ticks / per
            times[index].append(time)
            ends[index] = max(ends[index], time + (packet.duration or 0) * ticks / per)
        for name, stream in list(found.items()):
            lack = _lack(name, stream.type, times[stream.index])
            if lack and name in needs:
                raise MediaError("probe", *lack)
            if lack:
                del found[name]
        origin = max(0.0, min((min(times[stream.index]) for stream in found.values()), default=0.0))
        spans = {name: (times[stream.index], ends[stream.index]) for name, stream in found.items()}
        return MediaInfo(
            container=container.format.name,
            origin_seconds=origin,
            **_picture(found.get(PICTURE), *spans.get(PICTURE, ([], 0.0)), origin),
            **_sound(found.get(SOUND), *spans.get(SOUND, ([], 0.0)), origin),
        )


def _refuse_high_dynamic_range(stream: Any) -> None:
    """Refuse colors that are gray and dark without the tone mapping of a player."""
    transfer = _HIGH_DYNAMIC_RANGE.get(stream.codec_context.color_trc)
    if transfer:
        raise MediaError(
            "probe",
            "high dynamic range",
            f"{transfer} colors; give a copy in standard dynamic range (tone-mapped to BT.709)",
        )


def _lack(name: str, kind: str, times: Sequence[float]) -> tuple[str, ...]:
    """Return why a stream cannot be used; nothing if it can."""
    if not times:
        return (f"no {kind} packets",)
    if name == PICTURE and not len(_steps(times)):
        return "a single picture", f"{len(times)} frames"
    return ()


def _steps(times: Sequence[float]) -> np.ndarray:
    steps = np.diff(np.sort(np.asarray(times)))
    return steps[steps > 1e-6]


def _picture(stream: Any, times: Sequence[float], end: float, origin: float) -> dict[str, Any]:
    if stream is None:
        nothing = {"width": 0, "height": 0, "frame_rate": 0.0, "variable_frame_rate": False, "num_frames": 0}
        return {"video_codec": "", **nothing, "video_start": None, "video_end": None}
    steps = _steps(times)
    return {
        "video_codec": stream.codec_context.name,
        "width": stream.codec_context.width,
        "height": stream.codec_context.height,
        "frame_rate": float(1 / steps.mean()),
        "variable_frame_rate": bool(np.quantile(steps, 0.95) > 1.2 * np.quantile(steps, 0.05)),
        "num_frames": len(times),
        "video_start": max(0.0, float(min(times) - origin)),
        "video_end": float(max(end, max(times) + np.median(steps)) - origin),
    }


def _sound(stream: Any, times: Sequence[float], end: float, origin: float) -> dict[str, Any]:
    if stream is None:
        return {"audio_codec": "", "audio_sample_rate": 0, "audio_start": None, "audio_end": None}
    return {
        "audio_codec": stream.codec_context.name,
        "audio_sample_rate": stream.codec_context.sample_rate,
        "audio_start": max(0.0, min(times) - origin),
        "audio_end": end - origin,
    }


@reading("probe")
def sound_origin(path: str | os.PathLike[str]) -> float:
    """Return the time stamp of a file's first sound, in seconds; for files that need have no picture.

    Raises:
        MediaError: If it cannot be opened or has no sound.
    """
    with open_media(path, "probe") as container:
        for packet in packets(container, container.streams.audio[:1]) if container.streams.audio else ():
            if packet.pts is not None and packet.time_base is not None:
                return float(packet.pts * packet.time_base)
    raise MediaError("probe", "no audio stream")


@reading("decode")
def display_size(path: str | os.PathLike[str]) -> tuple[int, int]:
    """Return width and height as players show them: turned as the file says, with its pixels' own shape.

    Raises:
        MediaError: If no frame can be decoded.
    """
    with open_media(path, "decode") as container:
        video, _ = streams(container, "decode")
        for packet in packets(container, (video,)):
            for frame in decoded(packet)[0]:
                if isinstance(frame, av.VideoFrame):
                    width = round(frame.width * float(video.sample_aspect_ratio or 1))
                    turned = round(frame.rotation / 90) % 2
                    return (frame.height, width) if turned else (width, frame.height)
    raise MediaError("decode", "no picture")

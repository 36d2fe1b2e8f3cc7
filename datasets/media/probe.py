"""What a file holds, told by its packets: headers are never trusted."""

import contextlib
import dataclasses
import os
from collections.abc import Iterator, Sequence

import av
import av.error
import numpy as np
from av import logging as av_logging
from av.container import InputContainer
from av.stream import Disposition

av_logging.set_level(av_logging.PANIC)


class MediaError(Exception):
    """A file that cannot be used: `stage` and `reason` are short fixed words, `detail` is free text."""

    def __init__(self, stage: str, reason: str, detail: str = "") -> None:
        super().__init__(stage, reason, detail)
        self.stage, self.reason, self.detail = stage, reason, detail


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class MediaInfo:
    """What the packets of a file say; width and height as stored, spans in seconds from the origin."""

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
    """Return the picture and the sound of a file, each decoded on one thread; cover art is no picture.

    Raises:
        MediaError: If one of them is missing.
    """
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
def probe(path: str | os.PathLike[str]) -> MediaInfo:
    """Return what a file holds, by reading its packets without decoding.

    Raises:
        MediaError: If it cannot be opened or lacks a usable picture or sound.
    """
    with open_media(path, "probe") as container:
        video, audio = streams(container, "probe")
        times: dict[int, list[float]] = {video.index: [], audio.index: []}
        ends = {video.index: 0.0, audio.index: 0.0}
        for packet in packets(container, (video, audio)):
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

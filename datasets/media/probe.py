"""What a file holds, told by its packets: headers are never trusted."""

import contextlib
import dataclasses
import os
import struct
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, Literal

import av
import av.error
import numpy as np
from av import logging as av_logging
from av.container import InputContainer
from av.stream import Disposition
from av.video.reformatter import ColorTrc

from datasets.media.orientation import orientation_of
from datasets.media.timeline import BOTH, PICTURE, SOUND, Packet, Timeline, measure_timeline

av_logging.set_level(av_logging.PANIC)


_LISTS = ("concat", "dash", "hls", "imf", "lavfi", "rtp", "rtsp", "sap", "sdp", "webm_dash_manifest")
"""Formats that name other files or addresses, which whoever made the file could choose."""
_FORMATS = ",".join(sorted(av.formats_available.difference(_LISTS)))
_LONG_SOUND_SECONDS = 0.1
_HIGH_DYNAMIC_RANGE = {ColorTrc.SMPTE2084: "PQ", ColorTrc.ARIB_STD_B67: "HLG"}


class MediaError(Exception):
    """A file that cannot be used: `stage` and `reason` are short fixed words, `detail` is free text."""

    def __init__(self, stage: str, reason: str, detail: str = "") -> None:
        super().__init__(stage, reason, detail)
        self.stage, self.reason, self.detail = stage, reason, detail


def said_by(error: Exception) -> str:
    """Return what an error says, without the numbers, paths and log lines that PyAV adds to FFmpeg's words."""
    return getattr(error, "strerror", None) or str(error)


_KINDS: tuple[tuple[str, Literal["video", "audio"]], ...] = ((PICTURE, "video"), (SOUND, "audio"))


def open_media(path: str | os.PathLike[str], stage: str) -> InputContainer:
    """Return an open file; lists of other files are not followed.

    Raises:
        MediaError: If it is none that can be read.
    """
    try:
        return av.open(os.fspath(path), metadata_errors="ignore", options={"format_whitelist": _FORMATS})
    except (av.error.FFmpegError, OSError, ValueError, EOFError) as error:
        raise MediaError(stage, "cannot open", said_by(error)) from None


def find_streams(
    container: InputContainer, stage: str, *, needs: Collection[str], audio_track: int | None = None
) -> dict[str, Any]:
    """Return those of picture and sound that a file has, as players choose them; each is decoded on one thread.

    Of several, FFmpeg prefers those that are flagged as the default and not made for the visually or hearing impaired. Cover art is
    no picture. `audio_track` asks for a sound by its number among the file's sounds, from 1 on.

    Raises:
        MediaError: If one that is needed is missing.
    """
    found: dict[str, Any] = {}
    for name, kind in _KINDS:
        members = [s for s in getattr(container.streams, kind) if not s.disposition & Disposition.attached_pic]
        if name == SOUND and audio_track is not None and members:
            if audio_track > len(members):
                raise MediaError(stage, f"no audio track {audio_track}", f"it has {len(members)}")
            members = members[audio_track - 1 : audio_track]
        best = container.streams.best(kind, related=found.get(PICTURE))
        stream = best if best in members else next(iter(members), None)
        if stream is not None and stream.codec_context is not None:
            stream.codec_context.thread_count = 1
            found[name] = stream
        elif name in needs:
            if stream is None:
                raise MediaError(stage, f"no {kind} stream")
            raise MediaError(stage, "unknown codec", f"{kind} stream {stream.index}")
    return found


def streams_of(container: InputContainer, stage: str, line: Timeline, *, needs: Collection[str]) -> dict[str, Any]:
    """Return the picture and the sound of an open file that a time line chose, those of them that are needed.

    Raises:
        MediaError: If one is missing.
    """
    found: dict[str, Any] = {}
    for name, index in ((PICTURE, line.picture_stream), (SOUND, line.sound_stream)):
        if name not in needs:
            continue
        if index is None or index >= len(container.streams) or container.streams[index].codec_context is None:
            raise MediaError(stage, f"no {'video' if name == PICTURE else 'audio'} stream")
        found[name] = container.streams[index]
        found[name].codec_context.thread_count = 1
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
        raise MediaError(stage, "cannot be read", f"{type(error).__name__}: {said_by(error)}") from error


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
        return [], said_by(error)


def _out_of_memory(error: Exception) -> bool:
    """Return whether this process lacks memory; FFmpeg also says so of a damaged file that asks for too much."""
    return isinstance(error, MemoryError) and not isinstance(error, av.error.FFmpegError)


@reading("probe")
def probe(
    path: str | os.PathLike[str],
    *,
    needs: Collection[str] = BOTH,
    audio_track: int | None = None,
    hear: Callable[[av.Packet], None] | None = None,
) -> Timeline:
    """Return when picture and sound of a file run, by reading its packets without decoding; `hear` is given those of the sound.

    Raises:
        MediaError: If it cannot be opened, lacks a usable picture or sound that it needs, or its picture has high dynamic range.
    """
    with open_media(path, "probe") as container:
        found = find_streams(container, "probe", needs=needs, audio_track=audio_track)
        if PICTURE in needs:
            _refuse_high_dynamic_range(found[PICTURE])
        shown = _shown_packets(container, found, hear)
        for name, stream in list(found.items()):
            lack = _lack(name, stream.type, shown[name])
            if lack and name in needs:
                raise MediaError("probe", *lack)
            if lack:
                del found[name], shown[name]
        if not shown:
            return Timeline()
        if PICTURE in shown:
            shown[PICTURE] = _held_pictures(shown[PICTURE])
        if SOUND in shown:
            shown[SOUND] = _held_sounds(shown[SOUND])
        sound = found.get(SOUND)
        return dataclasses.replace(
            measure_timeline(shown),
            picture_stream=found[PICTURE].index if PICTURE in found else None,
            sound_stream=sound.index if sound else None,
            first_sound=sound is None or sound.index == container.streams.audio[0].index,
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


def _shown_packets(
    container: InputContainer, found: dict[str, Any], hear: Callable[[av.Packet], None] | None
) -> dict[str, list[Packet]]:
    """Return the packets of each stream that have a time and are shown: coders' priming and what edit lists cut off is not."""
    shown: dict[str, list[Packet]] = {name: [] for name in found}
    names = {stream.index: name for name, stream in found.items()}
    numbers = dict.fromkeys(names, -1)
    # As whole numbers: a fraction for every packet takes half the time of a probe.
    clocks = {s.index: (s.time_base.numerator, s.time_base.denominator) for s in found.values() if s.time_base}
    rates = {s.index: s.codec_context.sample_rate for name, s in found.items() if name == SOUND}
    for packet in packets(container, tuple(found.values())) if found else ():
        index = packet.stream.index
        numbers[index] += 1
        if hear is not None and index in rates:
            hear(packet)
        if packet.pts is None or index not in clocks or packet.is_discard:
            continue
        ticks, per = clocks[index]
        begin = packet.pts * ticks / per
        end = begin + (packet.duration or 0) * ticks / per
        decoded_at = begin if packet.dts is None else packet.dts * ticks / per
        if index in rates and rates[index] and packet.has_sidedata("skip_samples"):
            before, after = _skipped(packet)
            begin, end = begin + before / rates[index], end - after / rates[index]
            if end <= begin:
                continue
        shown[names[index]].append(Packet(numbers[index], decoded_at, begin, end))
    return shown


def _skipped(packet: av.Packet) -> tuple[int, int]:
    """Return how many samples at a packet's begin and at its end are not played (AV_PKT_DATA_SKIP_SAMPLES)."""
    data = packet.get_sidedata("skip_samples")
    return struct.unpack_from("<II", bytes(data))


def _held_pictures(shown: Sequence[Packet]) -> list[Packet]:
    """Return pictures of which each is held for a usual step at least: some containers know no durations."""
    usual = float(np.median(_steps(shown)))
    return [packet._replace(end=max(packet.end, packet.begin + usual)) for packet in shown]


def _held_sounds(shown: Sequence[Packet]) -> list[Packet]:
    """Return sounds of which none lasts much longer than usual: MP4 has a hole as a long duration before it."""
    longest = max(_LONG_SOUND_SECONDS, 4 * float(np.median([packet.end - packet.begin for packet in shown])))
    return [packet._replace(end=min(packet.end, packet.begin + longest)) for packet in shown]


def _lack(name: str, kind: str, shown: Sequence[Packet]) -> tuple[str, ...]:
    """Return why a stream cannot be used; nothing if it can."""
    if not shown:
        return (f"no {kind} packets",)
    if name == PICTURE and not len(_steps(shown)):
        return "a single picture", f"{len(shown)} frames"
    return ()


def _steps(shown: Sequence[Packet]) -> np.ndarray:
    steps = np.diff(np.sort(np.array([packet.begin for packet in shown])))
    return steps[steps > 1e-6]


@reading("decode")
def display_size(path: str | os.PathLike[str]) -> tuple[int, int]:
    """Return width and height as players show them: turned as the file says, with its pixels' own shape.

    Raises:
        MediaError: If no frame can be decoded.
    """
    with open_media(path, "decode") as container:
        video = find_streams(container, "decode", needs=(PICTURE,))[PICTURE]
        for packet in packets(container, (video,)):
            for frame in decoded(packet)[0]:
                if isinstance(frame, av.VideoFrame):
                    width = round(frame.width * float(video.sample_aspect_ratio or 1))
                    return (frame.height, width) if orientation_of(frame).exchanged else (width, frame.height)
    raise MediaError("decode", "no picture")


@reading("probe")
def coded_size(path: str | os.PathLike[str]) -> tuple[int, int]:
    """Return width and height of a picture as the file's headers say, without decoding it.

    Raises:
        MediaError: If there is no picture.
    """
    with open_media(path, "probe") as container:
        codec = find_streams(container, "probe", needs=(PICTURE,))[PICTURE].codec_context
        return codec.width, codec.height


@reading("probe")
def frame_seconds(path: str | os.PathLike[str]) -> float:
    """Return for how long a picture is shown, on average, by what the file says of its frame rate; 0 where it says nothing.

    Raises:
        MediaError: If there is no picture.
    """
    with open_media(path, "probe") as container:
        video = find_streams(container, "probe", needs=(PICTURE,))[PICTURE]
        rate = video.average_rate or video.guessed_rate
        return float(1 / rate) if rate else 0.0

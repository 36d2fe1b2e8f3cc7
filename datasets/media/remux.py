"""Remuxing with the sound moved: every packet of a file is copied, none is decoded or encoded again.

The sound is late where its time stamps lie behind those of the picture. It is moved to an earlier time where that is not before the
file begins; otherwise all but the sound begins later, so that no packet is left out.
"""

import os
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import av
import av.error
from av.container import InputContainer, OutputContainer
from av.stream import Disposition, Stream

from datasets.media.probe import MediaError, open_media, packets, probe, said_by
from infra import storage

CONTAINERS: Mapping[str, str] = {
    "mov": "mov",
    "mp4": "mp4",
    "m4v": "mp4",
    "mkv": "matroska",
    "webm": "webm",
    "ts": "mpegts",
}
"""Endings of the files whose time stamps can be moved, and FFmpeg's names for their muxers."""

_OWN_TAGS = ("major_brand", "minor_version", "compatible_brands", "encoder")
"""Written by muxers themselves."""
_USUAL_TAGS = (
    *("title", "artist", "album", "album_artist", "composer", "comment", "copyright", "date", "description", "genre"),
    *("grouping", "keywords", "lyrics", "synopsis", "show", "network", "track", "disc", "location", "creation_time"),
)
"""That MP4 has names of its own for."""


def move_sound(source: str | os.PathLike[str], target: str | os.PathLike[str], *, late_seconds: float) -> None:
    """Write a copy of a file whose sound comes earlier by so much; complete or not at all.

    Args:
        source: a file with picture and sound.
        target: where; its ending names the container.
        late_seconds: how late the sound is; below zero where it is early.

    Raises:
        MediaError: If it cannot be read, or moving packets cannot mend it.
    """
    ending = os.path.splitext(target)[1][1:].lower()
    if ending not in CONTAINERS:
        raise MediaError("remux", "container without movable time stamps", f"give one of {', '.join(CONTAINERS)}")
    line = probe(source)
    if line.restarts or line.strays:
        raise MediaError(
            "remux", "time stamps that jump", "the file has more than one clock; join its parts anew first"
        )
    sound, others = (-late_seconds, 0.0) if late_seconds <= line.sound[0][0] else (0.0, late_seconds)
    with open_media(source, "remux") as opened, storage.staged(os.fspath(target)) as partial:
        try:
            with av.open(partial, "w", format=CONTAINERS[ending], options=_options(opened, ending)) as output:
                _copy(opened, output, sound=sound, others=others)
        except (av.error.FFmpegError, ValueError, TypeError, NotImplementedError) as error:
            raise MediaError("remux", "cannot be copied", said_by(error)) from None


def _options(source: InputContainer, ending: str) -> dict[str, str]:
    """Return the muxer's options: MP4 and MOV hold either tags of any name or cover art with the usual tags."""
    if CONTAINERS[ending] not in ("mp4", "mov") or set(source.metadata) <= {*_USUAL_TAGS, *_OWN_TAGS}:
        return {}
    if any(stream.disposition & Disposition.attached_pic for stream in source.streams):
        unusual = sorted(set(source.metadata) - {*_USUAL_TAGS, *_OWN_TAGS})
        raise MediaError(
            "remux", "cover art beside unusual tags", f"a copy would lose one of them: {', '.join(unusual)}"
        )
    return {"movflags": "use_metadata_tags"}


def _copy(source: InputContainer, target: OutputContainer, *, sound: float, others: float) -> None:
    target.metadata.update({name: value for name, value in source.metadata.items() if name not in _OWN_TAGS})
    target.set_chapters([_moved_chapter(chapter, others) for chapter in source.chapters()])
    streams = {}
    for stream in source.streams:
        if _is_written_by_muxers(stream, len(source.chapters())):
            continue
        copy = streams[stream.index] = target.add_stream_from_template(stream, opaque=True)
        copy.metadata.update(stream.metadata)
        copy.disposition = stream.disposition
    for packet in packets(source, [source.streams[index] for index in streams]):
        if not packet.size:
            continue  # the end of a stream
        if packet.is_discard and packet.stream.type == "video":
            raise MediaError("remux", "pictures hidden by an edit list", "a copy of the packets would show them")
        seconds = sound if packet.stream.type == "audio" else others
        ticks = round(Fraction(seconds).limit_denominator(10**9) / packet.time_base)
        packet.pts = None if packet.pts is None else packet.pts + ticks
        packet.dts = None if packet.dts is None else packet.dts + ticks
        packet.stream = streams[packet.stream.index]
        target.mux_one(packet)


def _is_written_by_muxers(stream: Stream, num_chapters: int) -> bool:
    """Return whether a stream is MP4's track of chapter titles, or of the time code that the metadata has: muxers write them anew."""
    titles = num_chapters > 0 and stream.frames == num_chapters
    return stream.type == "data" and (titles or "timecode" in stream.metadata)


def _moved_chapter(chapter: Any, seconds: float) -> Any:
    ticks = round(seconds / float(chapter["time_base"]))
    return {**chapter, "start": chapter["start"] + ticks, "end": chapter["end"] + ticks}

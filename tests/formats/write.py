"""Writes the sources that are tried, with the encoders that PyAV brings."""

import os
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

os.environ.setdefault("SVT_LOG", "0")

import av
import av.logging
import numpy as np
from av.stream import Disposition
from av.video.reformatter import ColorPrimaries, ColorRange

from tests.formats import content
from tests.formats.cases import Case
from tests.formats.edit_list import leave_out

av.logging.set_level(av.logging.PANIC)

_FORMATS = {"ts": "mpegts", "m2ts": "mpegts", "mpg": "mpeg", "mkv": "matroska", "wmv": "asf"}
_FINE = Fraction(1, 90000)
_PICTURE_OPTIONS = {
    "libx264": {"preset": "ultrafast", "crf": "12"},
    "libx264rgb": {"preset": "ultrafast", "crf": "12"},
    "libx265": {"preset": "ultrafast", "crf": "12", "x265-params": "log-level=none:pools=none"},
    "libvpx": {"deadline": "realtime", "cpu-used": "8", "crf": "8"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8", "crf": "12"},
    "libsvtav1": {
        "preset": "12",
        "crf": "20",
        "svtav1-params": "lp=1",
    },  # more threads may wait for each other for ever
    "dnxhd": {"profile": "dnxhr_hq"},
    "snow": {"strict": "experimental", "qscale": "2"},
}
_PICTURE_BITS = 4_000_000
_SOUND_BITS = {"libmp3lame": 160_000, "mp2": 256_000, "wmav1": 192_000, "wmav2": 192_000, "libopus": 192_000}
_SAMPLES = {"wavpack": "s16p", "tta": "s16"}
_MATRICES = {"bt709": 1, "bt601": 6, "bt2020": 9}
_TRANSFERS = {"pq": 16, "hlg": 18}


def write(case: Case, folder: Path) -> None:
    """Write the file of a case."""
    path = folder / case.name
    if case.joined:
        parts = []
        for part in range(len(case.clocks)):
            _write(case, path, part)
            parts.append(path.read_bytes())
        path.write_bytes(b"".join(parts))
    else:
        _write(case, path, None)
    if case.skipped:
        path.write_bytes(leave_out(path.read_bytes(), *case.skipped))


def _write(case: Case, path: Path, part: int | None) -> None:
    """Write one part, or all of them in one file whose clock jumps."""
    times = content.frame_times(case.frame_rate, case.seconds(case.picture, part), variable=case.variable)
    flashes = content.event_frames(times)
    clicks = [times[index] for index in flashes]
    with av.open(str(path), "w", format=_FORMATS.get(path.suffix[1:]), options=dict(case.muxer)) as container:
        packets: list[av.Packet] = []
        streams = [(role, _add_stream(container, role, case)) for role in case.roles]
        for role, stream in streams:
            if role in ("sound", "silent", "foreign"):
                samples = content.sound(case.layout, case.sample_rate, case.seconds(case.sound, part), clicks, role)
                packets += _sounds(stream, samples, case, case.seconds(case.sound, part)[0])
            else:
                shown = times[:1] if role == "cover" else times
                packets += _pictures(stream, case, shown, set(flashes), role)
        for packet in sorted(packets, key=lambda p: p.dts * p.time_base):
            clock = case.clock_at(float(packet.pts * packet.time_base), part)
            packet.pts += round(clock / packet.time_base)
            packet.dts += round(clock / packet.time_base)
            container.mux(packet)


def _add_stream(container, role: str, case: Case):
    if role in ("sound", "silent", "foreign"):
        stream = container.add_stream(
            case.audio, rate=case.sample_rate, layout=case.layout, options={"strict": "experimental"}
        )
        stream.bit_rate = _SOUND_BITS.get(case.audio, 128_000 * len(av.AudioLayout(case.layout).channels))
        if case.audio in _SAMPLES:
            stream.format = _SAMPLES[case.audio]
    else:
        stream = _add_picture(container, "png" if role == "cover" else case.video, case)
    if case.tracks:
        flags = {"sound": Disposition.default, "picture": Disposition.default, "cover": Disposition.attached_pic}
        stream.disposition = flags.get(role, Disposition(0))
    return stream


def _add_picture(container, codec: str, case: Case):
    options = {"threads": "1", **_PICTURE_OPTIONS.get(codec, {}), **case.encoder}
    video = container.add_stream(codec, rate=case.frame_rate, options=options)
    video.width, video.height = case.size
    video.pix_fmt = "rgb24" if codec == "png" and case.video != "png" else case.pixels
    if "crf" not in options:
        video.bit_rate = _PICTURE_BITS
    context = video.codec_context
    context.thread_count = 1
    context.gop_size = 12
    context.sample_aspect_ratio = case.pixel_aspect
    if case.variable:
        context.time_base = _FINE
    if case.matrix:
        context.colorspace = _MATRICES[case.matrix]
    if case.full_range:
        context.color_range = ColorRange.JPEG
    if case.transfer:
        context.color_trc, context.color_primaries = _TRANSFERS[case.transfer], ColorPrimaries.BT2020
    if case.rotation or case.mirrored:
        video.set_display_rotation(case.rotation, hflip=case.mirrored)
    return video


def _pictures(video, case: Case, times: Sequence[float], flashes: set[int], role: str) -> Iterator[av.Packet]:
    corners = content.CORNERS if role == "picture" else np.full_like(content.CORNERS, 128)
    stored = np.rot90(corners[:, ::-1] if case.mirrored else corners, -case.rotation // 90)
    options: dict[str, Any] = {
        "size": case.size,
        "pixels": video.pix_fmt,
        "matrix": case.matrix or ("bt709" if case.size[1] >= 720 else "bt601"),
        "full_range": case.full_range,
    }
    dark, bright = (content.paint(stored, flash=flash, **options) for flash in (False, True))
    base = _FINE if case.variable else 1 / case.frame_rate
    for index, time in enumerate(times):
        frame = bright if index in flashes and role == "picture" else dark
        frame.pts, frame.time_base = round(time / base), base
        yield from video.encode(frame)
    yield from video.encode(None)


def _sounds(audio, samples: np.ndarray, case: Case, begin: float) -> Iterator[av.Packet]:
    for first in range(0, len(samples), 4096):
        piece = np.ascontiguousarray(samples[first : first + 4096]).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(piece, format="flt", layout=case.layout)
        frame.sample_rate, frame.time_base = case.sample_rate, Fraction(1, case.sample_rate)
        frame.pts = round(begin * case.sample_rate) + first
        yield from audio.encode(frame)
    yield from audio.encode(None)

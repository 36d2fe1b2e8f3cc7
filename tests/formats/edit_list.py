"""Leaves a piece out of an MP4 or MOV file by its edit lists alone: what is coded stays as it is."""

import struct
from collections.abc import Iterator


def leave_out(file: bytes, begin: float, end: float) -> bytes:
    """Return the file, whose index stands at its end, with edit lists that show only what lies before `begin` and after `end`."""
    at = next(at for name, at, _ in _boxes(file) if name == b"moov")
    movie = file[at + 8 :]
    ticks = struct.unpack_from(">I", _find(movie, b"mvhd"), 12)[0]
    boxes = [
        _box(name, _edited(movie[at + 8 : past], ticks, begin, end) if name == b"trak" else movie[at + 8 : past])
        for name, at, past in _boxes(movie)
    ]
    return file[:at] + _box(b"moov", b"".join(boxes))


def _edited(track: bytes, movie_ticks: int, begin: float, end: float) -> bytes:
    media_ticks = struct.unpack_from(">I", _find(track, b"mdia", b"mdhd"), 12)[0]
    length, first = struct.unpack_from(">Ii", _find(track, b"edts", b"elst"), 8)
    pieces = [(round(begin * movie_ticks), first)] if begin else []
    pieces.append((length - round(end * movie_ticks), first + round(end * media_ticks)))
    entries = b"".join(struct.pack(">IiI", *piece, 1 << 16) for piece in pieces)
    edits = _box(b"edts", _box(b"elst", struct.pack(">II", 0, len(pieces)) + entries))
    return b"".join(edits if name == b"edts" else track[at:past] for name, at, past in _boxes(track))


def _boxes(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield name, begin and end of each box."""
    at = 0
    while at < len(data):
        size = struct.unpack_from(">I", data, at)[0]
        yield data[at + 4 : at + 8], at, at + size
        at += size


def _find(data: bytes, *names: bytes) -> bytes:
    """Return what is in the box of a path."""
    for name in names:
        data = next(data[at + 8 : past] for found, at, past in _boxes(data) if found == name)
    return data


def _box(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content) + 8) + name + content

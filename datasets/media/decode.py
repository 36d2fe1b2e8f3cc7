"""Sound and picture of a file, decoded in one pass; pictures far from those that are wanted are read but not decoded.

Pictures come in groups: a key frame and what follows up to the next one. Only pictures shown before their key frame need an earlier
group. So a group is decoded if a wanted moment lies in it, or in the one before, whose last picture may still have to be ended by a next one.
"""

import bisect
import math
from collections.abc import Collection, Iterator, Sequence
from fractions import Fraction

import av
from av.container import InputContainer

from datasets.media.probe import decoded, packets, streams_of
from datasets.media.timeline import BOTH, PICTURE, SOUND, Timeline

_LONG_AGO = 2**40
"""In ticks of any clock."""
_WITHOUT_PRESENTATION_TIMES = ("avi",)
"""Containers that only say when a packet is to be decoded: it cannot be told which pictures its group shows."""


class Decoding:
    """One pass over a file; `damage` is what the last packet that could not be decoded said, `pixel_aspect` the width of pixels by their height.

    Args:
        container: the open file.
        moments: when pictures are wanted, in seconds from the origin, ascending.
        line: what `probe` says of the file.
        needs: picture, sound, or both: what is decoded.
    """

    def __init__(
        self,
        container: InputContainer,
        *,
        moments: Sequence[float],
        line: Timeline,
        needs: Collection[str] = BOTH,
    ) -> None:
        self.damage = ""
        self._container, self._origin = container, line.origin_seconds
        found = streams_of(container, "decode", line, needs=needs)
        self._streams = [found[name] for name in (PICTURE, SOUND) if name in found]
        self.pixel_aspect = float(getattr(found.get(PICTURE), "sample_aspect_ratio", None) or 1)
        self._groups = _Groups(moments)
        # As whole numbers: a fraction for every packet takes longer than reading it.
        self._clocks = {s.index: (s.time_base.numerator, s.time_base.denominator) for s in self._streams if s.time_base}
        self._mending = {
            stream.index: _Mending(line, name, stream.time_base)
            for name, stream in found.items()
            if (line.restarts or line.strays) and stream.time_base
        }

    def frames(self) -> Iterator[tuple[av.VideoFrame | av.AudioFrame, float]]:
        """Yield frames and their times in seconds from the origin, each stream in its order.

        Raises:
            MediaError: If picture or sound is missing.
        """
        for packet in packets(self._container, self._streams):
            if packet.stream.index in self._mending:
                self._mending[packet.stream.index].mend(packet)
            if packet.stream.type == "audio":
                yield from self._decoded(packet)
                continue
            for one in self._groups.needed(packet, self._shown_at(packet)):
                if one is None:
                    yield from self._decoded(_flush_packet(self._streams[0]))
                    self._streams[0].codec_context.flush_buffers()
                else:
                    yield from self._decoded(one)

    def _shown_at(self, packet: av.Packet) -> float | None:
        if packet.pts is None or self._container.format.name in _WITHOUT_PRESENTATION_TIMES:
            return None
        ticks, per = self._clocks[packet.stream.index]
        return packet.pts * ticks / per - self._origin

    def _decoded(self, packet: av.Packet) -> Iterator[tuple[av.VideoFrame | av.AudioFrame, float]]:
        frames, damage = decoded(packet)
        self.damage = damage or self.damage
        for frame in frames:
            if frame.time is not None:
                yield frame, frame.time - self._origin


class _Mending:
    """Gives the packets of a stream the times of one clock, before a decoder or anything else sees them."""

    def __init__(self, line: Timeline, name: str, time_base: Fraction) -> None:
        self._restarts = [restart for restart in line.restarts if restart.stream == name]
        self._strays = {number for stream, number in line.strays if stream == name}
        self._time_base = time_base
        self._number, self._shift = -1, 0

    def mend(self, packet: av.Packet) -> None:
        """Take the next packet."""
        self._number += 1
        if self._restarts and self._number == self._restarts[0].packet:
            self._shift = round(self._restarts.pop(0).shift_seconds / self._time_base)
        # A wrong time becomes one before everything, where no window is.
        shift = -_LONG_AGO if self._number in self._strays else self._shift
        packet.pts = None if packet.pts is None else packet.pts + shift
        packet.dts = None if packet.dts is None else packet.dts + shift


class _Groups:
    """Holds the packets of a group of pictures until it is known whether a picture of it is wanted."""

    def __init__(self, moments: Sequence[float]) -> None:
        self._moments = moments
        self._held: list[av.Packet] = []
        self._before = self._begin = -math.inf
        self._open = self._passed_by = self._began = False

    def needed(self, packet: av.Packet, time: float | None) -> Iterator[av.Packet | None]:
        """Yield the packets that are now known to be needed; None where packets before were left out."""
        if time is None:  # the end, or a file that does not say when its pictures are shown
            yield from self._release()
            yield packet
            return
        if packet.is_keyframe:
            if self._is_wanted(until=time):
                yield from self._release()
            self._passed_by |= bool(self._held)
            self._held, self._open = [], False
            self._before, self._begin = self._begin, time
        self._held.append(packet)
        if self._open or self._is_wanted(until=time):
            yield from self._release()

    def _is_wanted(self, *, until: float) -> bool:
        place = bisect.bisect_left(self._moments, self._before)
        return place < len(self._moments) and self._moments[place] <= until

    def _release(self) -> Iterator[av.Packet | None]:
        if self._passed_by and self._began:
            yield None
        self._began, self._open, self._passed_by = True, True, False
        yield from self._held
        self._held = []


def _flush_packet(stream: av.VideoStream) -> av.Packet:
    packet = av.Packet()
    packet.stream, packet.time_base = stream, stream.time_base
    return packet

"""Sound is moved by copying packets: flashes and clicks come back together, and nothing else changes."""

import math
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from datasets.media import MediaError, Window, cut, display_size, move_sound, probe
from datasets.media.encode import sound_frame
from tests.formats.cases import CASES as CASES_OF_FORMATS
from tests.formats.edit_list import leave_out
from tests.formats.write import write as write_case

RATE, FRAME_RATE = 48000, 30
EVENTS = (1.0, 2.2, 3.4, 4.6)
CASES = {
    "aac.mp4": ("mp4", "libx264", "aac"),
    "aac.mov": ("mov", "libx264", "aac"),
    "aac.mkv": ("matroska", "libx264", "aac"),
    "opus.webm": ("webm", "libvpx", "libopus"),
    "mp2.ts": ("mpegts", "libx264", "mp2"),
}


def write(path: Path, *, late: float, chapters: bool = True) -> Path:
    """Flashes, and clicks that much later; a title and a chapter."""
    container, video, audio = CASES[path.name]
    with av.open(str(path), "w", format=container) as output:
        output.metadata["title"] = "clicks"
        pictures = output.add_stream(video, rate=FRAME_RATE)
        pictures.width, pictures.height, pictures.pix_fmt = 64, 48, "yuv420p"
        sounds = output.add_stream(audio, rate=RATE, layout="mono")
        sounds.metadata["language"] = "fra"
        if chapters and container != "mpegts":
            chapter = {
                "id": 1,
                "start": 1000,
                "end": 3000,
                "time_base": Fraction(1, 1000),
                "metadata": {"title": "second"},
            }
            output.set_chapters([chapter])
        waveform = np.zeros(6 * RATE, np.float32)
        for at in EVENTS:
            first = round((at + late) * RATE)
            waveform[first : first + 200] = 0.8
        flashes = {round(at * FRAME_RATE) for at in EVENTS}
        packets = []
        for number in range(6 * FRAME_RATE):
            picture = np.full((48, 64, 3), 255 * (number in flashes), np.uint8)
            packets += pictures.encode(av.VideoFrame.from_ndarray(picture, format="rgb24"))
        packets += pictures.encode(None)
        packets += sounds.encode(sound_frame(waveform, RATE, 0))
        packets += sounds.encode(None)
        for packet in sorted(packets, key=lambda each: each.dts * each.time_base):
            output.mux(packet)
    return path


def delays(path: Path) -> list[float]:
    """How late each click is behind its flash."""
    line = probe(path)
    begin, end = line.spans()[0]
    window = Window(start_seconds=begin, sound_start_seconds=begin)
    length = math.floor((end - begin) * 240 - 1) / 240
    ((_, frames, sound, _),) = cut(
        path, [window], line=line, clip_seconds=length, frame_rate=240, size=16, sample_rate=RATE
    )
    bright = frames.mean(axis=(1, 2, 3)) > 128
    seen = np.flatnonzero(bright[1:] & ~bright[:-1]) / 240
    loud = np.flatnonzero(np.abs(sound) > 0.3 * np.abs(sound).max())
    heard = loud[[True, *(later - earlier > 4800 for earlier, later in pairwise(loud))]] / RATE
    return [float(heard[np.argmin(np.abs(heard - at))] - at) for at in seen]


def contents(path: Path) -> dict[str, list[bytes]]:
    """The bytes of every stream's packets."""
    found: dict[str, list[bytes]] = {}
    with av.open(str(path)) as container:
        for packet in container.demux():
            if packet.size:
                found.setdefault(packet.stream.type, []).append(bytes(packet))
    return found


@pytest.mark.parametrize("late", [0.24, -0.31])
@pytest.mark.parametrize("name", CASES)
def test_moved_sound_is_in_step_and_all_packets_are_the_same(tmp_path, name, late):
    path, target = write(tmp_path / name, late=late), tmp_path / f"moved-{name}"
    assert np.abs(np.array(delays(path)) - late).max() < 0.5 / FRAME_RATE
    move_sound(path, target, late_seconds=late)
    found = delays(target)
    assert len(found) == len(EVENTS)
    assert np.abs(found).max() < 0.5 / FRAME_RATE
    assert contents(target) == contents(path)


def test_moved_sound_keeps_title_language_and_chapters(tmp_path):
    path = write(tmp_path / "aac.mkv", late=0.24)
    move_sound(path, tmp_path / "moved.mkv", late_seconds=0.24)
    with av.open(str(tmp_path / "moved.mkv")) as moved:
        assert moved.metadata["title"] == "clicks"
        assert moved.streams.audio[0].language == "fra"
        (chapter,) = moved.chapters()
    # The picture begins later by as much, and so does its chapter.
    assert float(chapter["start"] * chapter["time_base"]) == pytest.approx(1.24, abs=0.002)
    assert chapter["metadata"]["title"] == "second"


def test_moved_sound_leaves_a_turned_picture_turned(tmp_path):
    path = write(tmp_path / "aac.mp4", late=-0.1)
    turned = tmp_path / "turned.mp4"
    turned.write_bytes(turn(path.read_bytes()))
    assert display_size(turned) == (48, 64)
    move_sound(turned, tmp_path / "moved.mp4", late_seconds=-0.1)
    assert display_size(tmp_path / "moved.mp4") == (48, 64)


def turn(data: bytes) -> bytes:
    """The file with the matrix of its first track, the picture, turned by a quarter."""
    plain, quarter = (
        b"".join(value.to_bytes(4, "big", signed=True) for value in matrix)
        for matrix in (
            (65536, 0, 0, 0, 65536, 0, 0, 0, 1 << 30),
            (0, 65536, 0, -65536, 0, 0, 48 << 16, 0, 1 << 30),
        )
    )
    place = data.index(plain, data.index(b"tkhd"))
    return data[:place] + quarter + data[place + len(plain) :]


@pytest.mark.parametrize("ending", ["mp4", "mov"])
def test_moved_sound_keeps_tags_of_any_name(tmp_path, ending):
    path = tmp_path / f"tagged.{ending}"
    with (
        av.open(str(write(tmp_path / "aac.mp4", late=0.1))) as source,
        av.open(str(path), "w", options={"movflags": "use_metadata_tags"}) as output,
    ):
        output.metadata.update({"title": "clicks", "camera": "left"})
        streams = {index: output.add_stream_from_template(source.streams[index], opaque=True) for index in (0, 1)}
        for packet in source.demux([source.streams[index] for index in streams]):
            if packet.size:
                packet.stream = streams[packet.stream.index]
                output.mux(packet)
    move_sound(path, tmp_path / f"moved.{ending}", late_seconds=0.1)
    with av.open(str(tmp_path / f"moved.{ending}")) as moved:
        assert moved.metadata["title"] == "clicks"
        assert moved.metadata["camera"] == "left"


def test_moved_sound_leaves_the_cover_art(tmp_path):
    (case,) = [case for case in CASES_OF_FORMATS if case.name == "cover_first.mp4"]
    write_case(case, tmp_path)
    move_sound(tmp_path / case.name, tmp_path / "moved.mp4", late_seconds=0.1)
    first, second = (covers(tmp_path / name) for name in (case.name, "moved.mp4"))
    assert len(first) == 1
    assert second == first


def covers(path: Path) -> list[bytes]:
    """The still pictures that a file carries."""
    with av.open(str(path)) as container:
        still = [s.index for s in container.streams.video if s.disposition & av.stream.Disposition.attached_pic]
        return [bytes(packet) for packet in container.demux() if packet.stream.index in still and packet.size]


def test_moved_sound_is_refused_where_an_edit_list_hides_pictures(tmp_path):
    path = write(tmp_path / "aac.mp4", late=0.1, chapters=False)
    path.write_bytes(leave_out(path.read_bytes(), 1.5, 3.0))
    with pytest.raises(MediaError, match="hidden by an edit list"):
        move_sound(path, tmp_path / "moved.mp4", late_seconds=0.1)
    assert not (tmp_path / "moved.mp4").exists()


def test_moved_sound_moves_subtitles_with_the_picture(tmp_path):
    path = tmp_path / "titled.mkv"
    with av.open(str(write(tmp_path / "aac.mkv", late=0.24))) as source, av.open(str(path), "w") as output:
        streams = [output.add_stream_from_template(stream, opaque=True) for stream in source.streams]
        titles = output.add_mux_stream("subrip")
        titles.time_base = Fraction(1, 1000)
        for packet in source.demux():
            if packet.size:
                packet.stream = streams[packet.stream.index]
                output.mux(packet)
        title = av.Packet(b"here")
        title.pts, title.dts, title.duration, title.time_base = 2200, 2200, 500, Fraction(1, 1000)
        title.stream = titles
        output.mux(title)
    move_sound(path, tmp_path / "moved.mkv", late_seconds=0.24)
    with av.open(str(tmp_path / "moved.mkv")) as moved:
        (title,) = [packet for packet in moved.demux(subtitles=0) if packet.size]
    assert bytes(title) == b"here"
    assert float(title.pts * title.time_base) == pytest.approx(2.44, abs=0.002)


def test_moved_sound_is_refused_in_containers_without_movable_time_stamps(tmp_path):
    path = write(tmp_path / "aac.mp4", late=0.1)
    with pytest.raises(MediaError, match="container without movable time stamps"):
        move_sound(path, tmp_path / "moved.avi", late_seconds=0.1)
    assert not (tmp_path / "moved.avi").exists()


def test_moved_sound_is_refused_where_streams_do_not_fit_the_container(tmp_path):
    path = write(tmp_path / "aac.mp4", late=0.1)
    with pytest.raises(MediaError, match="cannot be copied"):
        move_sound(path, tmp_path / "moved.webm", late_seconds=0.1)
    assert [found.name for found in tmp_path.iterdir()] == ["aac.mp4"]

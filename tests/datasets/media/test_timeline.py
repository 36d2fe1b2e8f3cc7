"""Time lines: where picture and sound run, over holes, restarts, times below zero, priming and wrong time stamps."""

import dataclasses
import json

import av
import numpy as np
import pytest

from datasets.media import MediaError, Window, cut, probe, read_sound, timeline_from_dict
from datasets.media.encode import sound_frame
from datasets.media.timeline import PICTURE, SOUND, Packet, intersection, length, measure_timeline
from tests.datasets.media.test_cut import click_and_flash

RATE = 16000
TICKS = 90000


def steady(begin, end, *, step=0.04, first=0):
    """Packets of one length, one after the other."""
    times = begin + step * np.arange(round((end - begin) / step))
    return [Packet(first + number, time, time, time + step) for number, time in enumerate(times)]


def test_timeline_of_late_sound_begins_with_the_picture():
    line = measure_timeline({PICTURE: steady(10, 20), SOUND: steady(11.6, 22)})
    assert line.origin_seconds == 10
    assert line.spans() == [pytest.approx((1.6, 10.0))]
    assert line.extent() == pytest.approx((0.0, 12.0))


def test_timeline_below_zero_begins_with_the_first_packet():
    line = measure_timeline({PICTURE: steady(-5, 3), SOUND: steady(-5, 3)})
    assert line.origin_seconds == -5
    assert line.spans() == [pytest.approx((0.0, 8.0))]


def test_timeline_ends_a_span_at_a_hole_of_more_than_two_seconds():
    whole = measure_timeline({PICTURE: steady(0, 9), SOUND: [*steady(0, 4), *steady(5.96, 9, first=100)]})
    assert whole.spans() == [pytest.approx((0.0, 9.0))]
    parted = measure_timeline({PICTURE: steady(0, 9), SOUND: [*steady(0, 4), *steady(6.08, 9, first=100)]})
    assert parted.spans() == [pytest.approx((0.0, 4.0)), pytest.approx((6.08, 9.0))]
    assert not parted.restarts


def test_timeline_goes_on_where_both_clocks_restart():
    pictures = [*steady(3, 9), *steady(3, 8, first=150)]
    sounds = [*steady(3, 9.2), *steady(3.12, 8, first=155)]
    line = measure_timeline({PICTURE: pictures, SOUND: sounds})
    assert line.spans() == [pytest.approx((0.0, 6.0)), pytest.approx((6.32, 11.2))]
    assert [(r.stream, r.packet) for r in line.restarts] == [(PICTURE, 150), (SOUND, 155)]
    assert {round(r.shift_seconds, 6) for r in line.restarts} == {6.2}


def test_timeline_leaves_out_what_follows_a_restart_of_one_stream():
    line = measure_timeline({PICTURE: [*steady(0, 6), *steady(0, 5, first=150)], SOUND: steady(0, 11)})
    assert line.spans() == [pytest.approx((0.0, 6.0))]
    assert line.unplaced_seconds == pytest.approx(5.0)


@pytest.mark.parametrize("wrong", [-3.0, 1.0, 80.0, 1e6])
def test_timeline_leaves_one_wrong_time_out(wrong):
    pictures = steady(0, 5)
    pictures[50] = Packet(50, wrong, wrong, wrong + 0.04)
    line = measure_timeline({PICTURE: pictures, SOUND: steady(0, 5)})
    assert line.spans() == [pytest.approx((0.0, 5.0))]
    assert line.strays == ((PICTURE, 50),)
    assert not line.restarts


@pytest.mark.parametrize(("place", "wrong"), [(0, -30.0), (0, 80.0), (124, -30.0), (124, 80.0)])
def test_timeline_with_a_wrong_time_at_an_end_keeps_its_span(place, wrong):
    pictures = steady(0, 5)
    pictures[place] = Packet(place, wrong, wrong, wrong + 0.04)
    line = measure_timeline({PICTURE: pictures, SOUND: steady(0, 5)})
    assert [end - begin for begin, end in line.spans()] == pytest.approx([5.0], abs=0.05)
    assert not line.restarts


def test_timeline_of_pictures_out_of_order_has_no_restart():
    order = np.concatenate([[0], *([3 * i + 3, 3 * i + 1, 3 * i + 2] for i in range(20))])
    pictures = [Packet(n, 5.0 * n - 10, 5.0 * shown, 5.0 * shown + 5) for n, shown in enumerate(order)]
    line = measure_timeline({PICTURE: pictures})
    assert line.picture == (pytest.approx((0.0, 305.0)),)
    assert not line.strays
    assert not line.restarts


def test_timeline_comes_back_from_its_plain_values():
    line = measure_timeline({PICTURE: [*steady(3, 9), *steady(3, 8, first=150)], SOUND: steady(3, 9)})
    assert timeline_from_dict(json.loads(json.dumps(dataclasses.asdict(line)))) == line


def test_lengths_and_intersections_of_spans():
    assert length([(0, 2), (1, 3), (5, 6)]) == 4
    assert intersection([(0, 4), (4, 9)], [(1, 5), (8, 10)]) == [(1, 4), (4, 5), (8, 9)]


def moved(path, target, *, by):
    """Copy a file with all its time stamps moved by some seconds."""
    with av.open(str(path)) as source, av.open(str(target), "w", format="mpegts") as copy:
        streams = {stream.index: copy.add_stream_from_template(stream) for stream in source.streams}
        for packet in source.demux():
            if packet.dts is None:
                continue
            ticks = round(by / packet.time_base)
            packet.pts, packet.dts = packet.pts + ticks, packet.dts + ticks
            packet.stream = streams[packet.stream.index]
            copy.mux(packet)
    return target


@pytest.fixture
def part(tmp_path):
    """Six seconds with a click and a flash at 2.0 and 4.0."""
    click_and_flash(tmp_path / "part.mp4", frame_times=np.arange(180) / 30, events=(2.0, 4.0))
    return tmp_path / "part.mp4"


def heard_and_seen(path, line, start):
    """When the click and the flash of a window of 3 s come, in seconds after its start."""
    window = Window(start_seconds=start, sound_start_seconds=start)
    ((_, frames, sound, _),) = cut(
        path, [window], line=line, clip_seconds=3.0, frame_rate=30, size=32, sample_rate=RATE
    )
    return np.argmax(np.abs(sound) > 0.3) / RATE, np.argmax(frames.mean(axis=(1, 2, 3)) > 128) / 30


@pytest.mark.parametrize("by", [1000.0, 0.0], ids=["jumps", "restarts"])
def test_windows_of_joined_parts_lie_in_the_parts(part, tmp_path, by):
    parts = [moved(part, tmp_path / "a.ts", by=0.0), moved(part, tmp_path / "b.ts", by=by)]
    path = tmp_path / "joined.ts"
    path.write_bytes(b"".join(p.read_bytes() for p in parts))
    line = probe(path)
    assert [end - begin for begin, end in line.spans()] == pytest.approx([6.0, 6.0], abs=0.1)
    for begin, _ in line.spans():
        assert heard_and_seen(path, line, begin + 0.8) == pytest.approx((1.2, 1.2), abs=0.05)


def test_windows_before_and_across_the_wrap_of_a_transport_clock(part, tmp_path):
    for before in (20.0, 3.0):
        path = moved(part, tmp_path / f"{before}.ts", by=2**33 / TICKS - before)
        line = probe(path)
        assert length(line.spans()) == pytest.approx(6.0, abs=0.1)
        heard, seen = heard_and_seen(path, line, 0.8)
        assert heard == pytest.approx(seen, abs=0.02)
        assert seen == pytest.approx(1.2 + 1024 / RATE, abs=0.05)  # the sound begins with the coder's priming


def test_a_picture_with_a_wrong_time_is_not_shown(part):
    line = probe(part)
    wrong = dataclasses.replace(line, strays=((PICTURE, 60),))
    window = Window(start_seconds=1.0, sound_start_seconds=1.0)
    options = {"clip_seconds": 2.0, "frame_rate": 30, "size": 32, "sample_rate": RATE}
    found = [next(cut(part, [window], line=each, **options))[1].mean(axis=(1, 2, 3)) for each in (line, wrong)]
    changed = np.flatnonzero(np.abs(found[0] - found[1]) > 9)
    assert changed.tolist() == [30]
    assert found[0][30] > 200 > 99 > found[1][30]


def two_sounds(path, levels, *, default):
    """Write two seconds of picture with several sounds of which one is flagged as the default."""
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=15)
        video.width = video.height = 32
        video.pix_fmt = "yuv420p"
        sounds = [container.add_stream("aac", rate=RATE, layout="mono") for _ in levels]
        for number, stream in enumerate(sounds):
            stream.disposition = av.stream.Disposition.default if number == default else 0
        for number in range(30):
            picture = np.full((32, 32, 3), 8 * number, np.uint8)
            container.mux(video.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(video.encode(None))
        for stream, level in zip(sounds, levels, strict=True):
            tone = level * np.sin(2 * np.pi * 440 * np.arange(2 * RATE) / RATE)
            container.mux(stream.encode(sound_frame(tone, RATE, 0)))
            container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("ending", ["mkv", "mp4"])
def test_sound_is_that_of_the_default_track_or_of_the_one_that_is_asked_for(tmp_path, ending):
    path = two_sounds(tmp_path / f"a.{ending}", (0.0, 0.5), default=1)
    line = probe(path)
    assert (line.sound_stream, line.first_sound) == (2, False)
    assert np.abs(read_sound(path, line=line, sample_rate=RATE, longest_seconds=9)).max() > 0.4
    line = probe(path, audio_track=1)
    assert (line.sound_stream, line.first_sound) == (1, True)
    assert not read_sound(path, line=line, sample_rate=RATE, longest_seconds=9).round(3).any()
    with pytest.raises(MediaError, match="no audio track 3"):
        probe(path, audio_track=3)

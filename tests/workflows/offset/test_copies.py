"""Copies of a video at other frame rates, in other containers and codecs, and with sound that begins later have the same offset."""

import av
import pytest

from datasets.media import move_sound, write_video
from datasets.sources.synthetic import scene
from workflows.offset.answer import Tolerance, answer_about
from workflows.offset.reading import reading_for

LATE, RATE, SECONDS = 0.2, 16000, 8
HALF_A_FRAME = 0.5 / 30


def offset_of(path):
    with reading_for(None) as (reading, method):
        answer = answer_about(str(path), reading, method=method, tolerance=Tolerance(), max_offset_seconds=1.0)
    return answer.found.offset_seconds


def write(path, frame_rate):
    drawn = scene(1, seed=21, level="easy", seconds=SECONDS + 1, frame_rate=frame_rate, size=64, sample_rate=RATE)
    first = round(frame_rate)
    begin = round((first / frame_rate - LATE) * RATE)
    frames = list(drawn.frames())[first:]
    write_video(path, frames, drawn.waveform()[begin : begin + SECONDS * RATE], frame_rate=frame_rate, sample_rate=RATE)


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    path = tmp_path_factory.mktemp("copies") / "original.mp4"
    write(path, 30.0)
    return path, offset_of(path)


@pytest.mark.parametrize("frame_rate", [25.0, 30000 / 1001, 60000 / 1001])
def test_offset_is_the_same_at_other_frame_rates(original, tmp_path, frame_rate):
    write(tmp_path / "copy.mp4", frame_rate)
    assert offset_of(tmp_path / "copy.mp4") == pytest.approx(original[1], abs=HALF_A_FRAME)


@pytest.mark.parametrize("ending", ["mkv", "ts", "mov"])
def test_offset_is_the_same_in_other_containers(original, tmp_path, ending):
    move_sound(original[0], tmp_path / f"copy.{ending}", late_seconds=0.0)
    assert offset_of(tmp_path / f"copy.{ending}") == pytest.approx(original[1], abs=0.002)


def test_offset_is_the_same_where_the_sound_begins_later(original, tmp_path):
    with av.open(str(original[0])) as source, av.open(str(tmp_path / "copy.mkv"), "w") as copy:
        streams = [copy.add_stream_from_template(stream, opaque=True) for stream in source.streams]
        for packet in source.demux():
            if packet.size and not (packet.stream.type == "audio" and packet.pts * packet.time_base < 1):
                packet.stream = streams[packet.stream.index]
                copy.mux(packet)
    assert offset_of(tmp_path / "copy.mkv") == pytest.approx(original[1], abs=HALF_A_FRAME)


def test_offset_is_the_same_when_picture_and_sound_are_coded_again(original, tmp_path):
    with av.open(str(original[0])) as source, av.open(str(tmp_path / "copy.webm"), "w") as copy:
        picture = copy.add_stream("libvpx", rate=30, options={"deadline": "realtime", "cpu-used": "8"})
        picture.width, picture.height, picture.pix_fmt, picture.bit_rate = 64, 64, "yuv420p", 150_000
        sound = copy.add_stream("libopus", rate=48000, layout="mono")
        for frame in source.decode(video=0, audio=0):
            stream = picture if isinstance(frame, av.VideoFrame) else sound
            copy.mux(stream.encode(frame))
        copy.mux(picture.encode(None))
        copy.mux(sound.encode(None))
    assert offset_of(tmp_path / "copy.webm") == pytest.approx(original[1], abs=HALF_A_FRAME)

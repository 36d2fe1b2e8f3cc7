from fractions import Fraction

import av
import numpy as np
import pytest

from datasets.media import Window, cut, decode_frames, encode_frames, probe
from datasets.media.decode import Decoding
from datasets.media.fit import square
from datasets.media.probe import open_media

RATE, FRAME_RATE, SIZE = 16000, 20, 32
OPTIONS = {"clip_seconds": 1.0, "frame_rate": float(FRAME_RATE), "size": SIZE}
GROUPS = {
    "short groups": "keyint=10:bframes=0",
    "pictures out of order": "keyint=24:bframes=3",
    "open groups": "keyint=24:bframes=3:open-gop=1",
    "one group": "keyint=1000:bframes=2",
    "key frames alone": "keyint=1",
}


def write(path, pictures, *, pixels="yuv420p", space=2, span=0, **options):
    """Write silent pictures, one after the other, to a file."""
    with av.open(str(path), "w") as container:
        video, audio = container.add_stream("libx264", rate=FRAME_RATE), container.add_stream("aac", rate=RATE)
        video.height, video.width = pictures[0].shape[:2]
        video.pix_fmt, video.options = pixels, options
        video.codec_context.colorspace, video.codec_context.color_range = space, span
        for picture in pictures:
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            colors = {"dst_colorspace": 6 if space == 2 else space, "dst_color_range": span or 1}
            container.mux(video.encode(frame.reformat(format=pixels, **colors)))
        container.mux(video.encode(None))
        num_samples = len(pictures) * RATE // FRAME_RATE
        frame = av.AudioFrame.from_ndarray(np.zeros((1, num_samples), np.float32), format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE, 0, Fraction(1, RATE)
        container.mux(audio.encode(frame))
        container.mux(audio.encode(None))


def write_noise(path, groups):
    """Write 12 s in which every picture is another one."""
    noise = np.random.default_rng(0).integers(0, 255, (12 * FRAME_RATE, 4, 4, 3), np.uint8)
    write(path, noise.repeat(8, 1).repeat(8, 2), **{"x264-params": f"scenecut=0:{groups}"})


def decoded(path, moments):
    """Return the times of the pictures that are decoded."""
    with open_media(path, "decode") as container:
        decoding = Decoding(container, moments=moments, line=probe(path))
        return [time for frame, time in decoding.frames() if isinstance(frame, av.VideoFrame)]


@pytest.mark.parametrize("container", ["mp4", "mkv", "ts", "avi"])
@pytest.mark.parametrize("groups", GROUPS.values(), ids=GROUPS)
def test_windows_far_apart_have_the_pictures_that_a_whole_pass_finds(tmp_path, groups, container):
    path = tmp_path / f"noise.{container}"
    write_noise(path, groups)
    windows = [Window(start_seconds=s, sound_start_seconds=s) for s in (10.9, 2.13, 6.0)]
    everything = [Window(start_seconds=s / 2, sound_start_seconds=s / 2) for s in range(20)]
    options = {**OPTIONS, "line": probe(path), "sample_rate": RATE}
    apart = {index: frames for index, frames, _, _ in cut(path, windows, **options)}
    whole = {index: frames for index, frames, _, _ in cut(path, windows + everything, **options)}
    for index in range(len(windows)):
        np.testing.assert_array_equal(apart[index], whole[index])


def test_pictures_between_the_wanted_ones_are_not_decoded(tmp_path):
    path = tmp_path / "noise.mp4"
    write_noise(path, GROUPS["pictures out of order"])
    times = decoded(path, [4.0, 4.1, 10.0])
    assert len(times) <= 5 * 24
    assert not [time for time in times if time < 4.0 - 24 / FRAME_RATE or 6.5 < time < 10.0 - 24 / FRAME_RATE]
    assert {round(time, 2) for time in times} >= {4.0, 4.05, 4.1, 10.0}


def test_of_a_file_without_key_frames_between_all_is_decoded_from_the_first(tmp_path):
    path = tmp_path / "noise.mp4"
    write_noise(path, GROUPS["one group"])
    assert len(decoded(path, [10.0])) == 12 * FRAME_RATE


COLORS = {
    "unspecified": ("yuv420p", 2, 0),
    "BT.709": ("yuv420p", 1, 1),
    "BT.709, full range": ("yuv420p", 1, 2),
    "BT.601, full range": ("yuvj420p", 6, 2),
    "BT.709, 4:4:4": ("yuv444p", 1, 1),
}


@pytest.mark.parametrize("color", COLORS.values(), ids=COLORS)
def test_planes_that_are_stored_have_the_colors_of_the_pictures(tmp_path, color):
    pixels, space, span = color
    path = tmp_path / "colors.mp4"
    across, down = np.meshgrid(np.linspace(0, 1, 128), np.linspace(0, 1, 96))
    picture = np.stack([200 * across + 20, 200 * down + 20, 230 - 180 * across], -1).astype(np.uint8)
    write(path, [picture] * 2 * FRAME_RATE, pixels=pixels, space=space, span=span, crf="1")
    window = [Window(start_seconds=0.5, sound_start_seconds=0.5)]
    ((_, pictures, _, _),) = cut(path, window, **OPTIONS, line=probe(path), sample_rate=RATE)
    ((_, planes, _, _),) = cut(path, window, **OPTIONS, line=probe(path), sample_rate=RATE, pixels="yuv420p")
    assert planes.shape == (FRAME_RATE, SIZE * 3 // 2, SIZE)
    stored = decode_frames(encode_frames(planes, frame_rate=FRAME_RATE))
    assert np.abs(stored.astype(int) - pictures).mean() < 4
    corners = pictures[0, [2, 2, -3, -3], [2, -3, 2, -3]].astype(int)
    assert np.abs(corners - picture[[8, 8, -9, -9], [8, -9, 8, -9]]).max() < 16


def test_planes_are_turned_like_the_picture_of_which_they_are():
    ramp = np.arange(64, dtype=np.uint8).reshape(8, 8)
    picture = np.stack([3 * ramp, 2 * ramp, 255 - 3 * ramp], -1).repeat(4, 0).repeat(4, 1)
    for quarters in (-1, 1, 2):
        planes, turned = (
            av.VideoFrame.from_ndarray(np.ascontiguousarray(one), format="rgb24")
            .reformat(format="yuv420p")
            .to_ndarray()
            for one in (picture, np.rot90(picture, k=quarters))
        )
        assert np.abs(square(planes, 32, height=32, quarters=quarters).astype(int) - turned).max() < 5

"""Pictures of any shape as squares: what is seen of them, where, and with which bars."""

from fractions import Fraction

import av
import numpy as np
import pytest

from datasets.media import Window, cut, probe
from datasets.media.encode import sound_frame
from datasets.media.fit import Scales, scales_of, size_before, square

RATE = 8000
COLORS = np.array([[200, 30, 30], [30, 180, 30], [30, 30, 200], [200, 200, 30]])
"""Of the quarters: left and right above, left and right below."""


def write(path, *, width, height, pixel_aspect=(1, 1)):
    """Write two seconds of a picture of four colors."""
    picture = np.empty((height, width, 3), np.uint8)
    picture[: height // 2, : width // 2] = COLORS[0]
    picture[: height // 2, width // 2 :] = COLORS[1]
    picture[height // 2 :, : width // 2] = COLORS[2]
    picture[height // 2 :, width // 2 :] = COLORS[3]
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=8, options={"crf": "5"})
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        video.codec_context.sample_aspect_ratio = Fraction(*pixel_aspect)
        audio = container.add_stream("aac", rate=RATE, layout="mono")
        for _ in range(16):
            container.mux(video.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(video.encode(None))
        container.mux(audio.encode(sound_frame(np.zeros(2 * RATE), RATE, 0)))
        container.mux(audio.encode(None))
    return path


def first_clip(path, fit, pixels="rgb24"):
    window = Window(start_seconds=0.5, sound_start_seconds=0.5)
    options = {"clip_seconds": 1.0, "frame_rate": 8, "size": 48, "sample_rate": RATE, "pixels": pixels, "fit": fit}
    return next(cut(path, [window], line=probe(path), **options))


@pytest.mark.parametrize(("width", "height", "pixel_aspect"), [(128, 64, (1, 1)), (64, 128, (1, 1)), (64, 64, (2, 1))])
@pytest.mark.parametrize("fit", ["squeeze", "crop", "pad"])
def test_fit_shows_what_it_says_of_the_picture(tmp_path, fit, width, height, pixel_aspect):
    clip = first_clip(write(tmp_path / "a.mp4", width=width, height=height, pixel_aspect=pixel_aspect), fit)
    aspect = width * pixel_aspect[0] / pixel_aspect[1] / height
    assert clip.aspect == pytest.approx(aspect)
    picture, scales = clip.frames[0].astype(int), scales_of(fit, aspect)
    if fit == "pad":
        bar = picture[:10] if aspect > 1 else picture[:, :10]
        assert bar.max() < 6
    for color, (down, across) in zip(COLORS, ((-1, -1), (-1, 1), (1, -1), (1, 1)), strict=True):
        # A quarter of the way from the center to the corner of the picture, or of what is seen of it.
        y, x = (
            round(48 * (0.5 + side * 0.25 / max(scale, 1)))
            for side, scale in ((down, scales.down), (across, scales.across))
        )
        assert np.abs(picture[y, x] - color).max() < 12


def test_fit_of_planes_is_that_of_pixels(tmp_path):
    path = write(tmp_path / "a.mp4", width=112, height=64)
    for fit in ("crop", "pad"):
        planes = first_clip(path, fit, "yuv420p").frames[0]
        frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
        shown = frame.reformat(format="rgb24", src_colorspace=5, src_color_range=1).to_ndarray().astype(int)
        wanted = first_clip(path, fit).frames[0].astype(int)
        assert np.median(np.abs(shown - wanted)) <= 4


def test_scales_of_a_square_are_one_whatever_the_fit():
    assert {scales_of(fit, 1.0) for fit in ("squeeze", "crop", "pad")} == {Scales(1.0, 1.0)}
    assert scales_of("crop", 2.0) == Scales(0.5, 1.0)
    assert scales_of("pad", 0.5) == Scales(2.0, 1.0)
    assert scales_of("crop", None) == Scales(1.0, 1.0)


def test_size_before_is_even_and_covers_or_fits_the_square():
    assert size_before("squeeze", 16 / 9, 64) == (64, 64)
    assert size_before("crop", 16 / 9, 64) == (114, 64)
    assert size_before("pad", 16 / 9, 64) == (64, 36)


def test_square_keeps_the_middle_at_every_turn():
    picture = np.zeros((20, 40, 3), np.uint8)
    picture[9:11, 19:21] = 255
    for quarters in range(4):
        for size in (20, 40):
            rows, columns = np.nonzero(square(picture, size, height=20, quarters=quarters)[..., 0])
            assert (rows.mean() + 0.5, columns.mean() + 0.5) == (size / 2, size / 2)

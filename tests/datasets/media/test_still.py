import io
import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image

from datasets.media import MediaError, decode_image, image_size, read_image


@pytest.fixture
def save(tmp_path):
    """Saves a picture; returns its path."""

    def run(name, picture, **options):
        picture.save(tmp_path / name, **options)
        return tmp_path / name

    return run


def two_colors():
    """A picture 40 wide and 20 high, red on the left, blue on the right."""
    pixels = np.zeros((20, 40, 3), np.uint8)
    pixels[:, :20, 0] = pixels[:, 20:, 2] = 255
    return Image.fromarray(pixels)


def bomb(side):
    """A PNG whose header declares a large picture, and holds none."""
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    parts = [(b"IHDR", header), (b"IDAT", zlib.compress(b"")), (b"IEND", b"")]
    chunks = [struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in parts]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def test_still_pictures_are_stored_as_given(save):
    path = save("a.png", two_colors())
    assert image_size(path) == (40, 20)
    assert read_image(path, size=None) == path.read_bytes()
    np.testing.assert_array_equal(decode_image(path.read_bytes()), np.asarray(two_colors()))


@pytest.mark.parametrize(
    ("name", "stored"), [("a.png", "PNG"), ("a.jpg", "JPEG"), ("a.webp", "JPEG"), ("a.bmp", "PNG")]
)
def test_still_pictures_are_squeezed_to_a_square(save, name, stored):
    data = read_image(save(name, two_colors()), size=16)
    assert Image.open(io.BytesIO(data)).format == stored
    pixels = decode_image(data)
    assert pixels.shape == (16, 16, 3)
    assert pixels[:, :6, 0].min() > 240 and pixels[:, 10:, 2].min() > 240


@pytest.mark.parametrize("size", [None, 16])
def test_still_pictures_are_turned_as_exif_says(save, size):
    exif = Image.Exif()
    exif[0x0112] = 6  # shown a quarter turn clockwise
    pixels = decode_image(read_image(save("a.jpg", two_colors(), exif=exif, quality=95), size=size))
    assert pixels.shape == ((40, 20, 3) if size is None else (16, 16, 3))
    assert pixels[0, :, 0].min() > 200 and pixels[-1, :, 2].min() > 200


@pytest.mark.parametrize("side", [7_100, 12_000, 60_000])
def test_still_bombs_are_refused_by_their_declared_size(tmp_path, side):
    path = tmp_path / "bomb.png"
    path.write_bytes(bomb(side))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for refused in (lambda: image_size(path), lambda: read_image(path, size=16), lambda: decode_image(bomb(side))):
            with pytest.raises(MediaError) as caught:
                refused()
            assert caught.value.reason == "picture too large"


def test_still_pictures_that_are_broken_are_named_errors(save, tmp_path):
    whole = save("a.png", Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)))
    (tmp_path / "cut.png").write_bytes(whole.read_bytes()[:3000])
    (tmp_path / "no.png").write_text("%!PS-Adobe-3.0 EPSF-3.0\n")
    assert image_size(tmp_path / "cut.png") == (64, 64)
    for size in (None, 16):
        with pytest.raises(MediaError, match="cannot be read"):
            read_image(tmp_path / "cut.png", size=size)
    with pytest.raises(MediaError, match="cannot open"):
        image_size(tmp_path / "no.png")


def test_still_pictures_of_other_modes_become_rgb(save):
    gray = Image.fromarray(np.full((4, 4), 128 * 256, np.uint16))
    assert decode_image(save("deep.png", gray).read_bytes()).tolist() == [[[128] * 3] * 4] * 4
    clear = Image.new("RGBA", (4, 4), (0, 0, 0, 0))
    assert decode_image(save("clear.png", clear).read_bytes()).min() == 255
    assert decode_image(save("plain.png", Image.new("L", (4, 4), 7)).read_bytes()).shape == (4, 4, 3)
    assert decode_image(save("print.jpg", Image.new("CMYK", (4, 4))).read_bytes()).shape == (4, 4, 3)

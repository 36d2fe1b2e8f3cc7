"""Still pictures: their declared size is checked before anything is decoded, EXIF rotation is honored, and files become arrays.

Only raster formats are opened: Pillow hands others, such as EPS, to programs outside.
"""

import contextlib
import io
import os
import warnings
from collections.abc import Iterator
from typing import IO

import numpy as np
from PIL import Image, ImageOps

from datasets.media.probe import MediaError, reading

MOST_PIXELS = 50_000_000
"""150 MB in memory; twice what the cameras of most telephones give."""
MOST_BYTES = 64 * 2**20

_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")
_LOSSY = ("JPEG", "MPO", "WEBP")


@reading("probe")
def image_size(path: str | os.PathLike[str]) -> tuple[int, int]:
    """Return width and height of a still picture as its header declares them; nothing is decoded.

    Raises:
        MediaError: If it is no picture, or too large.
    """
    _refuse_large_file(path)
    with _opened(path, "probe") as image:
        return image.size


@reading("decode")
def read_image(path: str | os.PathLike[str], *, size: int | None) -> bytes:
    """Return a still picture as it is stored: the file as given, or squeezed to a square as JPEG, or PNG where it was lossless.

    Raises:
        MediaError: If it cannot be decoded whole, or is too large.
    """
    _refuse_large_file(path)
    with _opened(path, "decode") as image:
        if size is None:
            image.load()
            with open(path, "rb") as file:
                return file.read()
        lossy = image.format in _LOSSY
        image.draft(None, (2 * size, 2 * size))
        squeezed = _upright(image).resize((size, size), Image.Resampling.BICUBIC)
    stored = io.BytesIO()
    squeezed.save(stored, "JPEG" if lossy else "PNG", **({"quality": 95} if lossy else {}))
    return stored.getvalue()


@reading("decode")
def decode_image(data: bytes) -> np.ndarray:
    """Return a stored still picture as uint8 (height, width, 3), upright.

    Raises:
        MediaError: If it cannot be decoded, or is too large.
    """
    with _opened(io.BytesIO(data), "decode") as image:
        return np.asarray(_upright(image))


@contextlib.contextmanager
def _opened(file: str | os.PathLike[str] | IO[bytes], stage: str) -> Iterator[Image.Image]:
    """Give an opened picture of bounded size; only its header has been read."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(file, formats=_FORMATS)
    except Image.DecompressionBombError as error:
        raise MediaError(stage, "picture too large", str(error)) from None
    except (OSError, ValueError, SyntaxError) as error:
        raise MediaError(stage, "cannot open", str(error)) from None
    with image:
        if image.width * image.height > MOST_PIXELS:
            detail = f"{image.width} x {image.height} pixels are declared, {MOST_PIXELS} are taken"
            raise MediaError(stage, "picture too large", detail)
        yield image


def _refuse_large_file(path: str | os.PathLike[str]) -> None:
    num_bytes = os.path.getsize(path)
    if num_bytes > MOST_BYTES:
        raise MediaError("probe", "picture too large", f"{num_bytes} bytes, {MOST_BYTES} are taken")


def _upright(image: Image.Image) -> Image.Image:
    """Return a picture in RGB, turned as its EXIF says, on white where it is transparent."""
    turned = ImageOps.exif_transpose(image)
    if turned.mode.startswith("I"):  # 16 bits: Pillow would cut off all above 255
        return Image.fromarray((np.asarray(turned) >> 8).clip(0, 255).astype(np.uint8)).convert("RGB")
    if turned.has_transparency_data:
        turned = turned.convert("RGBA")
        turned = Image.alpha_composite(Image.new("RGBA", turned.size, "white"), turned)
    return turned.convert("RGB")

"""Frames of any shape, turn and color as squares in memory."""

from typing import Literal

import av
import av.error
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter

from datasets.media.fit import Fit, size_before, square
from datasets.media.probe import MediaError

Pixels = Literal["rgb24", "yuv420p"]
"""How a picture lies in memory: (height, width, 3), or planes of BT.601 below each other, (3 height / 2, width), as H.264 is fed."""

_STORED_COLORS = {"dst_colorspace": Colorspace.ITU601, "dst_color_range": ColorRange.MPEG}


class Converter:
    """Turns frames into squares of some size.

    `shape` is that of a square in memory. `pixel_aspect` is the width of the source's pixels by their height. `aspect` is the width of
    the last picture by its height, as players show it.
    """

    def __init__(self, *, size: int, pixels: Pixels, fit: Fit) -> None:
        self._size, self._pixels = size, pixels
        self._fit: Fit = fit
        self._reformatter = VideoReformatter()
        self.shape = (size, size, 3) if pixels == "rgb24" else (size * 3 // 2, size)
        self.pixel_aspect = 1.0
        self.aspect: float | None = None

    def convert(self, frame: av.VideoFrame) -> np.ndarray:
        """Return a frame as a square picture.

        Raises:
            MediaError: If it cannot be converted.
        """
        quarters = round(frame.rotation / 90)
        aspect = frame.width * self.pixel_aspect / frame.height
        self.aspect = 1 / aspect if quarters % 2 else aspect
        width, height = size_before(self._fit, self.aspect, self._size)
        if quarters % 2:
            width, height = height, width
        colors = {} if self._pixels == "rgb24" else _STORED_COLORS
        try:
            scaled = self._reformatter.reformat(
                frame,
                width=width,
                height=height,
                format=self._pixels,
                interpolation=Interpolation.BILINEAR,
                threads=1,  # more cost more than a small picture takes
                **colors,
            )
        except (av.error.FFmpegError, ValueError) as error:
            raise MediaError("decode", "cannot convert picture", str(error)) from None
        return square(scaled.to_ndarray(), self._size, height=height, quarters=quarters)

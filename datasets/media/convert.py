"""Frames of any shape, turn and color as squares in memory."""

from typing import Any, Literal

import av
import av.error
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter

from datasets.media.fit import Fit, size_before, square
from datasets.media.orientation import orientation_of
from datasets.media.probe import MediaError, said_by

Pixels = Literal["rgb24", "yuv420p"]
"""How a picture lies in memory: (height, width, 3), or planes of BT.601 below each other, (3 height / 2, width), as H.264 is fed."""

_UNTAGGED, _BT601 = 2, (5, 6)
"""Of FFmpeg's AVColorSpace: UNSPECIFIED; BT470BG and SMPTE170M."""
_LARGEST_BT601 = (1279, 576)
"""Width and height up to which players take colors that no tag describes for BT.601; larger ones are BT.709 (as mpv and VLC do)."""
_STORED_COLORS: dict[str, Any] = {"dst_colorspace": Colorspace.ITU601, "dst_color_range": ColorRange.MPEG}


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
        orientation = orientation_of(frame)
        aspect = frame.width * self.pixel_aspect / frame.height
        self.aspect = 1 / aspect if orientation.exchanged else aspect
        width, height = size_before(self._fit, self.aspect, self._size)
        if orientation.exchanged:
            width, height = height, width
        try:
            scaled = self._reformatter.reformat(
                frame,
                width=width,
                height=height,
                format=self._pixels,
                threads=1,  # more cost more than a small picture takes
                **_colors(frame, self._pixels),
            )
        except (av.error.FFmpegError, ValueError) as error:
            raise MediaError("decode", "cannot convert picture", said_by(error)) from None
        return square(scaled.to_ndarray(), self._size, height=height, orientation=orientation)


def _colors(frame: av.VideoFrame, pixels: str) -> dict[str, Any]:
    """Return how the colors of a frame are converted and scaled."""
    large = frame.width > _LARGEST_BT601[0] or frame.height > _LARGEST_BT601[1]
    how: dict[str, Any] = {"interpolation": Interpolation.BILINEAR}
    if large and frame.colorspace == _UNTAGGED and not frame.format.is_rgb:
        how["src_colorspace"] = Colorspace.ITU709
    if pixels == "rgb24":
        return how
    if "src_colorspace" in how or frame.colorspace not in {_UNTAGGED, *_BT601}:
        # Otherwise a large picture that becomes a small one of another matrix is darker by up to 11 of 255.
        how["interpolation"] |= Interpolation.ACCURATE_RND
    return how | _STORED_COLORS

"""How a picture of any shape becomes a square: squeezed, its middle cut out, with bars, or a mouth alone; and where things in it lie then."""

from typing import Literal, NamedTuple

import numpy as np

from datasets.media.orientation import Orientation, oriented

Fit = Literal["squeeze", "crop", "pad", "mouth"]
_BLACK = (16, 128, 128)
"""Of the planes of BT.601."""


class Scales(NamedTuple):
    """How much of a picture's width and height the square shows, about its center: below 1 where it is cut, above 1 where it has bars."""

    across: float
    down: float


def scales_of(fit: Fit, aspect: float | None) -> Scales:
    """Return what a square shows of a picture of some aspect (width by height, as players show it); all of an unknown one."""
    if fit == "squeeze" or aspect is None:
        return Scales(1.0, 1.0)
    longest = max(aspect, 1 / aspect)
    if fit == "crop":
        return Scales(1 / longest, 1.0) if aspect > 1 else Scales(1.0, 1 / longest)
    return Scales(1.0, longest) if aspect > 1 else Scales(longest, 1.0)


def size_before(fit: Fit, aspect: float, size: int) -> tuple[int, int]:
    """Return even width and height of a picture from which the square of some size is cut, or to which its bars are added."""
    scales = scales_of(fit, aspect)
    return max(2, 2 * round(size / scales.across / 2)), max(2, 2 * round(size / scales.down / 2))


def square(picture: np.ndarray, size: int, *, height: int, orientation: Orientation = Orientation()) -> np.ndarray:
    """Return a picture as it is shown, its middle cut out or bars added up to a square.

    Args:
        picture: uint8 (height, width, 3), or its planes of YUV 4:2:0 below each other (3 height / 2, width).
        size: height and width of what comes out.
        height: of the picture as it is given.
        orientation: how it is shown.
    """
    if picture.ndim == 3:
        return _centered(oriented(picture, orientation), size, 0)
    width = picture.shape[1]
    chroma = picture[height:].reshape(2, height // 2, width // 2)
    sides = (size, size // 2, size // 2)
    planes = [
        _centered(oriented(plane, orientation), side, black, step=step)
        for plane, side, black, step in zip((picture[:height], *chroma), sides, _BLACK, (2, 1, 1), strict=True)
    ]
    return np.concatenate([plane.ravel() for plane in planes]).reshape(size * 3 // 2, size)


def _centered(plane: np.ndarray, size: int, black: int, *, step: int = 2) -> np.ndarray:
    """Return the middle of a plane, in the middle of a square."""
    if plane.shape[:2] == (size, size):
        return plane
    filled = np.full((size, size, *plane.shape[2:]), black, np.uint8)
    (to_y, from_y), (to_x, from_x) = (_overlap(side, size, step) for side in plane.shape[:2])
    filled[to_y, to_x] = plane[from_y, from_x]
    return filled


def _overlap(side: int, size: int, step: int) -> tuple[slice, slice]:
    """Return where the middle of a side goes in a square, and where it is taken from, in whole steps: planes of color are half as large."""
    taken = min(side, size)
    to, begin = ((longer - taken) // (2 * step) * step for longer in (size, side))
    return slice(to, to + taken), slice(begin, begin + taken)

"""Rotation and mirroring: pictures turned as the display matrix of their file says."""

from typing import NamedTuple

import av
import numpy as np


class Orientation(NamedTuple):
    """What makes the shown picture of the stored one: rows and columns are exchanged first, then reversed."""

    exchanged: bool = False
    rows_reversed: bool = False
    columns_reversed: bool = False


def orientation_of(frame: av.VideoFrame) -> Orientation:
    """Return how a frame is shown, to the nearest quarter turn."""
    found = frame.side_data.get("DISPLAYMATRIX")
    if found is None:
        return Orientation()
    (xx, xy), (yx, yy) = np.frombuffer(bytes(found), np.int32).reshape(3, 3)[:2, :2].tolist()
    if abs(xy) + abs(yx) > abs(xx) + abs(yy):
        return Orientation(exchanged=True, rows_reversed=xy < 0, columns_reversed=yx < 0)
    return Orientation(rows_reversed=yy < 0, columns_reversed=xx < 0)


def oriented(plane: np.ndarray, orientation: Orientation) -> np.ndarray:
    """Return a picture (height, width, ...) as it is shown."""
    moved = plane.swapaxes(0, 1) if orientation.exchanged else plane
    return moved[:: -1 if orientation.rows_reversed else 1, :: -1 if orientation.columns_reversed else 1]

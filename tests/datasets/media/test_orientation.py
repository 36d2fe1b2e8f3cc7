import itertools

import av
import numpy as np

from datasets.media.fit import square
from datasets.media.orientation import Orientation, oriented


def test_planes_are_oriented_like_the_picture_of_which_they_are():
    ramp = np.arange(64, dtype=np.uint8).reshape(8, 8)
    picture = np.stack([3 * ramp, 2 * ramp, 255 - 3 * ramp], -1).repeat(4, 0).repeat(4, 1)
    for orientation in itertools.starmap(Orientation, itertools.product((False, True), repeat=3)):
        planes, shown = (
            av.VideoFrame.from_ndarray(np.ascontiguousarray(one), format="rgb24")
            .reformat(format="yuv420p")
            .to_ndarray()
            for one in (picture, oriented(picture, orientation))
        )
        assert np.abs(square(planes, 32, height=32, orientation=orientation).astype(int) - shown).max() < 5

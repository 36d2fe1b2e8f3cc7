"""Overlays of videos that cannot be read are refused in one line, with nothing written."""

import numpy as np
import pytest

from datasets.media import Timeline
from datasets.media.fit import Scales
from infra.errors import InputError
from workflows.localize import overlay
from workflows.localize.maps import VideoMaps

MAPS = VideoMaps(
    signed=np.zeros((8, 2, 2)),
    contrast=None,
    logits=np.zeros(8),
    frame_rate=8.0,
    seconds=np.arange(8) / 8,
    parts=(0,),
    line=Timeline(),
    left_out={},
    aspect=1.0,
    view=Scales(1.0, 1.0),
    rows=(0.25, 0.75),
    columns=(0.25, 0.75),
)


def write(path, folder):
    return overlay.write_outputs(MAPS, str(path), str(folder), stem="video")


def test_overlay_of_an_unreadable_video_is_refused_and_leaves_no_file(tmp_path):
    (tmp_path / "video.mp4").write_text("no video")
    with pytest.raises(InputError, match=r"^--video: .*cannot open.*; give a video"):
        write(tmp_path / "video.mp4", tmp_path / "maps")
    assert not list((tmp_path / "maps").iterdir())

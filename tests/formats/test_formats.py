"""Formats: of every container, codec, layout, rate and time line that PyAV can write, the clips are in sync, as loud and of the colors as written."""

import re

import numpy as np
import pytest

from datasets.media import MediaError, Window, cut, decode_frames, encode_frames, probe
from tests.formats.__main__ import PAGE
from tests.formats.cases import CASES
from tests.formats.measure import COLOR, CONFIG, measure, measure_clip
from tests.formats.write import write

H264_COLOR = 1.0
"""What storage as H.264 may add."""


@pytest.mark.ray
@pytest.mark.slow
def test_formats_give_sync_level_and_colors_as_written(ray_cluster, tmp_path):
    found = measure(CASES, tmp_path)
    assert {case.name: told for case in CASES if (told := found[case.name].faults(case))} == {}


@pytest.mark.parametrize(
    "name",
    [
        "libx264_pcm_s16le.avi",
        "b_frames.avi",
        "b_frames_mpeg4.avi",
        "mirrored.mp4",
        "rotated_mirrored.mp4",
        "hd_untagged.mp4",
    ],
)
def test_formats_with_few_tags_keep_sync_and_colors(name, tmp_path):
    (case,) = (case for case in CASES if case.name == name)
    write(case, tmp_path)
    for start, pixels, color in ((0.7, "rgb24", COLOR), (2.55, "yuv420p", COLOR + H264_COLOR)):
        found = measure_clip(cut_row(tmp_path / name, start, pixels), tmp_path / name, case)
        assert abs(found.offset_seconds) <= 0.5 / case.frame_rate
        assert found.color <= color


@pytest.mark.parametrize(("name", "transfer"), [("pq.mp4", "PQ"), ("hlg.ts", "HLG")])
def test_high_dynamic_range_is_refused_for_its_picture_only(name, transfer, tmp_path):
    (case,) = (case for case in CASES if case.name == name)
    write(case, tmp_path)
    with pytest.raises(MediaError, match=f"high dynamic range.*{transfer} colors; give a copy") as raised:
        probe(tmp_path / name)
    assert raised.value.reason == "high dynamic range"
    assert probe(tmp_path / name, needs=["sound"]).sound


def cut_row(path, start, pixels):
    """Return what is measured of a row that begins at a time, stored raw or as H.264."""
    ((_, frames, waveform, _),) = cut(
        path,
        [Window(start_seconds=start, sound_start_seconds=start)],
        line=probe(path),
        clip_seconds=CONFIG.clip_seconds,
        frame_rate=CONFIG.frame_rate,
        size=CONFIG.size,
        sample_rate=CONFIG.sample_rate,
        pixels=pixels,
    )
    if pixels == "yuv420p":
        frames = decode_frames(encode_frames(frames, frame_rate=CONFIG.frame_rate))
    sound = np.rint(waveform * 32767).astype(np.int16)
    return {"frames": frames.tobytes(), "waveform": sound.tobytes(), "start_seconds": start}


def test_formats_page_lists_every_case():
    assert re.findall(r"^\| `(\S+)` \|", PAGE.read_text(), re.M) == [case.name for case in CASES], "run make formats"


def test_formats_have_names_of_their_own():
    names = [case.name for case in CASES]
    assert len(set(names)) == len(names) >= 120

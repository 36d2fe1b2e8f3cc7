"""A face is followed through a clip, and its mouth is cut out; without a face there is one clear reason."""

import importlib.util

import numpy as np
import pytest

from datasets.clips import mouths
from datasets.clips.at_moments import clips_at
from datasets.clips.mouths import Face, longest_track, mouth_frames, place_in_time, refuse_without_detector
from datasets.config import PreparationConfig
from datasets.media import MediaError, probe
from infra.errors import InputError

needs_detector = pytest.mark.skipif(importlib.util.find_spec("dlib") is None, reason="dlib-bin is not installed")


def face(x, *, width=40.0, score=1.0):
    return Face(x=x, y=60.0, width=width, score=score)


def test_the_face_seen_longest_is_followed():
    looks = [(at, [face(50 + at), face(200, width=90)] if at < 12 else [face(50 + at)]) for at in range(0, 30, 4)]
    track = longest_track(looks)
    assert [at for at, _ in track] == list(range(0, 30, 4))
    assert {found.width for _, found in track} == {40}


def test_of_faces_seen_equally_long_the_largest_is_followed():
    track = longest_track([(at, [face(50), face(200, width=90)]) for at in range(0, 12, 4)])
    assert {found.x for _, found in track} == {200}


def test_a_face_elsewhere_is_another_one():
    assert len(longest_track([(0, [face(50)]), (4, [face(150)])])) == 1


def test_places_are_between_the_detections_and_of_one_width():
    track = [(0, face(50, width=38)), (10, face(60)), (20, face(70, width=44))]
    places = place_in_time(track, num_frames=25, frame_rate=10.0)
    assert places[10] == pytest.approx([60, 60, 40], abs=0.01)
    assert np.all(np.diff(places[:, 0]) >= -1e-9)
    assert set(places[:, 2]) == {40}


def test_the_square_is_below_the_middle_of_the_face_and_moves_with_it(monkeypatch):
    frames = np.zeros((9, 120, 200, 3), np.uint8)
    for at, frame in enumerate(frames):
        frame[70:74, 58 + 4 * at : 62 + 4 * at] = 255  # the mouth, 12 pixels below the center of a face of 40
    seen = iter(range(0, 9, 2))
    monkeypatch.setattr(mouths, "_detect", lambda frame, larger: [face(60 + 4 * next(seen))])
    cut = mouth_frames(frames, frame_rate=8.0, size=32)
    rows, columns = np.nonzero(cut[4, :, :, 0] > 100)
    assert (rows.mean(), columns.mean()) == pytest.approx((15.5, 15.5), abs=0.6)


@needs_detector
def test_a_clip_without_a_face_says_so():
    with pytest.raises(MediaError, match="no face"):
        mouth_frames(np.full((8, 120, 160, 3), 90, np.uint8), frame_rate=8.0, size=32)


@needs_detector
def test_the_mouth_of_a_talking_face_is_cut_out(real_data):
    path = real_data / "faces" / "grid_bbaf2n.mpg"
    config = PreparationConfig(
        clip_seconds=1.0, frame_rate=12.0, size=48, fit="mouth", storage="raw", sample_rate=16000
    )
    (clip,) = clips_at(path, [0.5], line=probe(path), preparation=config)
    assert clip.frames.shape == (12, 48, 48, 3)
    skin = clip.frames[:, 4:44, 4:44].astype(int)
    assert (skin[..., 0] > skin[..., 2]).mean() > 0.9  # the wall behind the head is blue


def test_a_missing_detector_is_one_line(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="fit: mouth needs the face detector of dlib"):
        refuse_without_detector("mouth")
    refuse_without_detector("squeeze")


def test_mouths_in_h264_are_refused():
    with pytest.raises(InputError, match="fit: mouth needs storage raw"):
        PreparationConfig(fit="mouth")

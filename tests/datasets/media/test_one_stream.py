"""Files of which only the picture or only the sound is wanted, or there."""

import numpy as np
import pytest

from datasets.media import BOTH, MediaError, Window, cut, probe, write_video

RATE = 8000
OPTIONS = {"clip_seconds": 1.0, "frame_rate": 8, "size": 32, "sample_rate": RATE}


@pytest.fixture
def videos(tmp_path):
    """The same two seconds with sound and without."""
    frames = np.random.default_rng(0).integers(0, 255, (16, 32, 32, 3), np.uint8)
    sound = 0.5 * np.sin(2 * np.pi * 440 * np.arange(2 * RATE) / RATE)
    for name, waveform in (("both.mp4", sound), ("silent.mp4", None)):
        write_video(tmp_path / name, frames, waveform, frame_rate=8, sample_rate=RATE)
    return tmp_path


def window(start, pad=0.0):
    return [Window(start_seconds=start, sound_start_seconds=start, pad_seconds=pad)]


def clips(path, windows, **options):
    return cut(path, windows, line=probe(path, needs=options.get("needs", BOTH)), **OPTIONS, **options)


def test_probe_of_a_silent_video_needs_the_picture_only(videos):
    info = probe(videos / "silent.mp4", needs=["picture", "image"])
    assert (info.sound_stream, info.sound) == (None, ())
    assert info.spans(["picture"]) == [pytest.approx((0.0, 2.0), abs=0.01)]
    for needs in (["sound"], ["picture", "sound"]):
        with pytest.raises(MediaError, match="no audio stream"):
            probe(videos / "silent.mp4", needs=needs)


def test_cut_of_one_modality_is_that_of_both(videos):
    ((_, frames, sound, _),) = clips(videos / "both.mp4", window(0.5))
    ((_, only_frames, nothing, _),) = clips(videos / "both.mp4", window(0.5), needs=["picture"])
    np.testing.assert_array_equal(only_frames, frames)
    assert nothing.size == 0
    ((_, nothing, only_sound, _),) = clips(videos / "both.mp4", window(0.5), needs=["sound", "text"])
    np.testing.assert_array_equal(only_sound, sound)
    assert nothing.size == 0
    ((_, frames, _, _),) = clips(videos / "silent.mp4", window(0.5), needs=["picture"])
    np.testing.assert_array_equal(frames, only_frames)


def test_cut_fills_a_short_sound_with_silence_as_told(videos):
    ((_, end),) = probe(videos / "both.mp4").sound
    lacking = 1.5 + 1.0 - end
    ((_, _, sound, _),) = clips(videos / "both.mp4", window(1.5, lacking), needs=["sound"])
    begin = RATE - round(lacking * RATE)
    assert np.abs(sound[begin - 200 : begin]).max() > 0.1
    assert not sound[begin:].any()
    with pytest.raises(MediaError, match="sound ends early"):
        list(clips(videos / "both.mp4", window(1.5), needs=["sound"]))

from fractions import Fraction

import av
import numpy as np
import pytest

from datasets.media import (
    MediaError,
    Window,
    cut,
    decode_frames,
    decode_into,
    display_size,
    encode_frames,
    probe,
    read_sound,
    write_chunks,
    write_video,
)
from datasets.media.cut import _Sounds

RATE = 16000


def click_and_flash(path, *, frame_times, events, sound_start=0.0, seconds=6.0, suffix_format=None):
    """Write a file whose events are a white frame and a click at the same time."""
    with av.open(str(path), "w", format=suffix_format) as container:
        video = container.add_stream("libx264", rate=30)
        video.width = video.height = 64
        video.pix_fmt = "yuv420p"
        video.codec_context.time_base = Fraction(1, 90000)
        audio = container.add_stream("aac", rate=RATE, layout="mono")
        for time in frame_times:
            shown = any(abs(time - event) < 1e-3 for event in events)
            frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 255 if shown else 10, np.uint8), format="rgb24")
            frame.pts, frame.time_base = round(time * 90000), Fraction(1, 90000)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        sound = np.zeros(round((seconds - sound_start) * RATE), np.float32)
        for event in events:
            begin = round((event - sound_start) * RATE)
            sound[begin : begin + 160] = 0.9
        frame = av.AudioFrame.from_ndarray(sound[None], format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE, round(sound_start * RATE), Fraction(1, RATE)
        container.mux(audio.encode(frame))
        container.mux(audio.encode(None))


def offsets(path, *, start, frame_rate=30.0):
    """Return sound minus picture in seconds for every event in a 3 s window."""
    info = probe(path)
    ((_, frames, waveform, _),) = cut(
        path,
        [Window(start_seconds=start, sound_start_seconds=start)],
        line=info,
        clip_seconds=3.0,
        frame_rate=frame_rate,
        size=32,
        sample_rate=RATE,
    )
    bright = np.flatnonzero(frames.mean(axis=(1, 2, 3)) > 128)
    flashes = bright[np.flatnonzero(np.diff(bright, prepend=-9) > 1)] / frame_rate
    loud = np.flatnonzero(np.abs(waveform) > 0.45)
    clicks = loud[np.flatnonzero(np.diff(loud, prepend=-RATE) > RATE / 4)] / RATE
    assert len(flashes) == len(clicks) == 2
    return clicks - flashes


REGULAR = np.arange(180) / 30
CASES = {
    "30 frames a second": (REGULAR, (1.5, 3.0), 0.0),
    "29.97 frames a second": (np.arange(180) * 1001 / 30000, (45 * 1001 / 30000, 90 * 1001 / 30000), 0.0),
    "25 frames a second": (np.arange(150) / 25, (1.52, 3.0), 0.0),
    "variable frame rate": (
        np.sort(np.concatenate([np.random.default_rng(0).uniform(0, 6, 150), [1.5, 3.0]])),
        (1.5, 3.0),
        0.0,
    ),
    "late sound": (REGULAR, (1.5, 3.0), 1.2),
}


@pytest.mark.parametrize("container", ["mp4", "mkv", "ts"])
@pytest.mark.parametrize("case", CASES)
def test_sound_and_picture_stay_within_half_a_frame(tmp_path, case, container):
    times, events, sound_start = CASES[case]
    path = tmp_path / f"clip.{container}"
    click_and_flash(path, frame_times=times, events=events, sound_start=sound_start)
    for start in (0.7, 1.213) if sound_start == 0 else (1.25,):
        assert np.abs(offsets(path, start=start)).max() <= 0.5 / 30 + 0.002


def test_a_window_does_not_depend_on_the_others(tmp_path):
    path = tmp_path / "noise.mp4"
    chance = np.random.default_rng(0)
    frames = chance.integers(0, 255, (90, 32, 32, 3), np.uint8)
    write_video(path, frames, chance.normal(0, 0.1, 3 * RATE), frame_rate=30, sample_rate=RATE)
    options = {"line": probe(path), "clip_seconds": 1.0, "frame_rate": 15.0, "size": 32, "sample_rate": RATE}
    windows = [Window(start_seconds=s, sound_start_seconds=s) for s in (0.2, 0.6, 1.7)]
    together = {i: (f, w) for i, f, w, _ in cut(path, windows, **options)}
    for index, window in enumerate(windows):
        ((_, alone, sound, _),) = cut(path, [window], **options)
        np.testing.assert_array_equal(alone, together[index][0])
        np.testing.assert_array_equal(sound, together[index][1])


def test_windows_that_a_piece_of_sound_lies_in_are_found_without_asking_all():
    starts = np.random.default_rng(0).permutation(2000) * 0.25
    sounds = _Sounds([Window(start_seconds=s, sound_start_seconds=s) for s in starts], RATE, RATE)
    for begin, end in ((100.0, 100.1), (100.1, 103.3), (-1.0, 0.0), (500.5, 501.0)):
        heard = [index for index, start in enumerate(starts) if end > start and begin < start + 1]
        assert sorted(sounds._heard_between(begin, end)) == heard


def test_written_sound_comes_back_in_place(tmp_path):
    path = tmp_path / "click.mp4"
    sound = np.zeros(2 * RATE, np.float32)
    sound[RATE : RATE + 200] = 0.9
    write_video(path, np.zeros((30, 32, 32, 3), np.uint8), sound, frame_rate=15, sample_rate=RATE)
    found = read_sound(path, line=probe(path), sample_rate=RATE, longest_seconds=5)
    assert abs(int(np.argmax(found > 0.45)) - RATE) <= RATE // 1000


def test_encoded_frames_come_back_complete_and_alike():
    ramp = np.linspace(0, 200, 64, dtype=np.uint8)
    frames = (
        np.broadcast_to(ramp[None, None, :, None], (31, 64, 64, 3)) + np.arange(31, dtype=np.uint8)[:, None, None, None]
    )
    decoded = decode_frames(encode_frames(np.ascontiguousarray(frames), frame_rate=15))
    assert decoded.shape == frames.shape
    assert np.abs(decoded.astype(int) - frames).mean() < 3


@pytest.mark.parametrize("size", [48, 64])
def test_frames_are_decoded_into_their_places(size):
    stored = encode_frames(np.random.default_rng(0).integers(0, 255, (7, size, size, 3), np.uint8), frame_rate=15)
    batch = np.zeros((2, 7, size, size, 3), np.uint8)
    decode_into(stored, batch[1])
    assert not batch[0].any()
    np.testing.assert_array_equal(batch[1], decode_frames(stored))
    for wrong in ((6, size, size, 3), (8, size, size, 3), (7, size // 2, size // 2, 3)):
        with pytest.raises(ValueError, match="prepare it again"):
            decode_into(stored, np.zeros(wrong, np.uint8))


def test_bad_files_are_named_errors(tmp_path):
    text = tmp_path / "text.mp4"
    text.write_text("not a video")
    with pytest.raises(MediaError, match="cannot open"):
        probe(text)
    silent = tmp_path / "silent.mp4"
    write_video(silent, np.zeros((15, 32, 32, 3), np.uint8), None, frame_rate=15, sample_rate=RATE)
    with pytest.raises(MediaError, match="no audio stream"):
        probe(silent)


def test_a_window_beyond_the_end_is_an_error(tmp_path):
    path = tmp_path / "short.mp4"
    write_video(path, np.zeros((30, 32, 32, 3), np.uint8), np.zeros(2 * RATE), frame_rate=15, sample_rate=RATE)
    window = Window(start_seconds=1.5, sound_start_seconds=1.5)
    with pytest.raises(MediaError, match="ends early"):
        list(cut(path, [window], line=probe(path), clip_seconds=2.0, frame_rate=15, size=32, sample_rate=RATE))


def test_a_slow_last_frame_is_shown_as_long_as_it_says(tmp_path):
    path = tmp_path / "slides.mp4"
    pictures = np.stack([np.full((32, 32, 3), 60 * number, np.uint8) for number in range(4)])
    write_video(path, pictures, np.zeros(4 * RATE), frame_rate=1, sample_rate=RATE)
    ((_, end),) = probe(path).picture
    assert end == pytest.approx(4.0, abs=0.01)
    window = Window(start_seconds=2.0, sound_start_seconds=2.0)
    ((_, frames, _, _),) = cut(
        path, [window], line=probe(path), clip_seconds=2.0, frame_rate=8, size=32, sample_rate=RATE
    )
    assert np.abs(frames[:8].mean(axis=(1, 2, 3)) - 120).max() < 4
    assert np.abs(frames[8:].mean(axis=(1, 2, 3)) - 180).max() < 4


def test_pieces_of_picture_and_sound_make_the_same_video_as_the_whole(tmp_path):
    chance = np.random.default_rng(0)
    frames = np.repeat(chance.integers(0, 255, (4, 1, 1, 3), np.uint8), 32, 1).repeat(32, 2).repeat(10, 0)
    sound = np.sin(np.arange(4 * RATE) / 20) / 2
    write_video(tmp_path / "whole.mp4", frames, sound, frame_rate=10, sample_rate=RATE)
    pieces = [(frames[10 * i : 10 * i + 10], sound[i * RATE : (i + 1) * RATE]) for i in range(4)]
    write_chunks(tmp_path / "pieces.mp4", pieces, frame_rate=10, sample_rate=RATE)
    whole, joined = (
        read_sound(tmp_path / name, line=probe(tmp_path / name), sample_rate=RATE, longest_seconds=9)
        for name in ("whole.mp4", "pieces.mp4")
    )
    assert len(joined) == len(whole)
    assert np.abs(joined - whole).max() < 1e-3
    assert display_size(tmp_path / "pieces.mp4") == (32, 32)
    assert probe(tmp_path / "pieces.mp4").picture == probe(tmp_path / "whole.mp4").picture

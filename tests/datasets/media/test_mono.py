"""Sound of every layout comes back at the level of its channels."""

import av
import numpy as np
import pytest

from datasets.media import Window, cut, probe
from datasets.media.listen import Listener
from datasets.media.mono import Mono

RATE = 16000
SINE = 0.9 * np.sin(2 * np.pi * 440 * np.arange(2 * RATE) / RATE).astype(np.float32)
FULL_SCALE = 32766.5 / 32768
LAYOUTS = {"mono": 1, "stereo": 2, "2.1": 3, "quad": 4, "5.1": 6, "7.1": 8}


def frame_of(channels, layout, format_name="flt"):
    packed = np.ascontiguousarray(channels.T).reshape(1, -1)
    frame = av.AudioFrame.from_ndarray(packed, format=format_name, layout=layout)
    frame.sample_rate = RATE
    return frame


def mixed(channels, layout, format_name="flt", rate=RATE):
    mono = Mono(rate)
    return np.concatenate([*mono.add(frame_of(channels, layout, format_name)), *mono.finish()])


@pytest.mark.parametrize(("layout", "num_channels"), LAYOUTS.items())
def test_equal_channels_of_any_layout_come_back_at_their_level(layout, num_channels):
    np.testing.assert_allclose(mixed(np.tile(SINE, (num_channels, 1)), layout), SINE, atol=1e-6)


@pytest.mark.parametrize(("layout", "num_channels"), LAYOUTS.items())
def test_different_channels_come_back_as_their_mean(layout, num_channels):
    channels = np.random.default_rng(0).uniform(-1, 1, (num_channels, RATE)).astype(np.float32)
    found = mixed(channels, layout)
    np.testing.assert_allclose(found, channels.mean(axis=0), atol=1e-6)
    assert abs(found).max() <= 1


def test_packed_sixteen_bit_sound_has_the_level_of_floats():
    channels = np.tile(np.round(SINE * 32767).astype(np.int16), (2, 1))
    np.testing.assert_allclose(mixed(channels, "stereo", "s16"), SINE, atol=1e-4)


def test_resampled_channels_keep_their_level():
    found = mixed(np.tile(SINE, (6, 1)), "5.1", rate=44100)
    assert np.sqrt((found[4410:-4410] ** 2).mean()) == pytest.approx(0.9 / np.sqrt(2), rel=1e-3)


@pytest.mark.parametrize(("layout", "num_channels"), LAYOUTS.items())
def test_a_file_of_any_layout_is_cut_and_heard_at_its_level(layout, num_channels, tmp_path):
    path = tmp_path / "sound.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_f32le", rate=RATE, layout=layout)
        frame = frame_of(np.tile(SINE, (num_channels, 1)), layout)
        frame.pts = 0
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    listener = Listener(sample_rate=RATE, longest_seconds=2)
    info = probe(path, needs=("sound",), hear=listener.hear)
    windows = [Window(start_seconds=0.0, sound_start_seconds=0.0)]
    options = {"clip_seconds": 2.0, "frame_rate": 8.0, "size": 8, "sample_rate": RATE, "needs": ("sound",)}
    ((_, _, waveform, _),) = cut(path, windows, line=info, **options)
    np.testing.assert_allclose(waveform, SINE, atol=1e-6)
    np.testing.assert_allclose(listener.sound(), SINE, atol=1e-6)


def test_overshoot_of_the_resampler_stays_below_full_scale():
    square = np.where(SINE > 0, 0.97, -0.97).astype(np.float32)[None]
    found = mixed(square, "mono", rate=44100)
    assert 0.98 < abs(found).max() < FULL_SCALE
    square[0, RATE] = 1.0
    found = mixed(square, "mono", rate=44100)
    beyond = np.flatnonzero(abs(found) >= FULL_SCALE) / 44100
    assert beyond.size
    assert np.abs(beyond - 1.0).max() <= 0.001

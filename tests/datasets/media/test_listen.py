import av
import numpy as np
import pytest

from datasets.media import SOUND, Listener, MediaError, probe, read_sound
from datasets.preparation.recordings.fingerprint import SAMPLE_RATE
from tests.datasets.media.damage import RATE, write


def heard(path, *, longest_seconds=60.0):
    listener = Listener(sample_rate=SAMPLE_RATE, longest_seconds=longest_seconds)
    probe(path, hear=listener.hear)
    return listener.sound()


def test_listening_while_probing_gives_the_sound_of_the_file(tmp_path):
    path = write(tmp_path / "a.mkv")
    sound = read_sound(path, line=probe(path, needs=[SOUND]), sample_rate=SAMPLE_RATE, longest_seconds=60.0)
    assert np.array_equal(heard(path), sound)
    assert len(heard(path, longest_seconds=0.5)) == SAMPLE_RATE // 2


def test_listening_to_sound_that_is_not_finite_is_an_error(tmp_path):
    sound = np.zeros(2 * RATE, np.float32)
    sound[RATE] = np.inf
    with pytest.raises(MediaError, match="sound is not finite"):
        heard(write(tmp_path / "a.mkv", audio="pcm_f32le", sound=sound))


def test_listening_puts_silence_where_time_stamps_have_a_gap(tmp_path):
    """Half a second of noise, a second of nothing, and half a second of noise."""
    path = tmp_path / "gap.mkv"
    noise = np.random.default_rng(0).normal(0, 0.1, RATE // 2).astype(np.float32)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_f32le", rate=RATE, layout="mono")
        for begin in (0, 3 * RATE // 2):
            frame = av.AudioFrame.from_ndarray(noise[None], format="flt", layout="mono")
            frame.sample_rate, frame.pts = RATE, begin
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    listener = Listener(sample_rate=RATE, longest_seconds=60.0)
    probe(path, needs=("sound",), hear=listener.hear)
    sound = listener.sound()
    assert len(sound) == pytest.approx(2 * RATE, abs=RATE // 100)
    silent = np.flatnonzero(np.abs(sound) < 1e-6)
    assert (silent.min(), silent.max()) == pytest.approx((RATE // 2, 3 * RATE // 2), abs=RATE // 100)

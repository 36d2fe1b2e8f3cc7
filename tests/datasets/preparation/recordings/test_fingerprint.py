import numpy as np

from datasets.preparation.recordings.duplicates import group_recordings
from datasets.preparation.recordings.fingerprint import SAMPLE_RATE, fingerprint
from infra.seeding import generator


def sound(name, seconds=8):
    """Return noise whose bands rise and fall, as sounds of the world do."""
    chance = generator("sound", name)
    noise = chance.normal(0, 0.1, seconds * SAMPLE_RATE)
    gains = np.interp(np.arange(len(noise)), np.arange(0, len(noise), 800), chance.uniform(0, 1, len(noise) // 800))
    return (noise * gains).astype(np.float32)


def test_a_quieter_noisy_trimmed_copy_is_the_same_recording():
    original, other = sound("a"), sound("b")
    copy = 0.3 * original[SAMPLE_RATE:] + generator("hiss").normal(0, 0.001, 7 * SAMPLE_RATE)
    groups = group_recordings(
        {"a": fingerprint(original), "b": fingerprint(other), "copy": fingerprint(copy.astype(np.float32))}
    )
    assert groups == {"a": "a", "b": "b", "copy": "a"}


def test_silence_is_a_copy_of_nothing():
    silence = fingerprint(np.zeros(8 * SAMPLE_RATE, np.float32))
    assert group_recordings({"x": silence, "y": silence.copy()}) == {"x": "x", "y": "y"}


def test_a_sound_shorter_than_a_window_has_no_fingerprint():
    assert len(fingerprint(np.zeros(100, np.float32))) == 0

"""A sound that went through AAC is itself again, or comes late after the encoder's priming."""

import numpy as np
import pytest

from datasets.media import through_aac

RATE = 44100


@pytest.fixture
def tone():
    return (0.5 * np.sin(np.arange(RATE) * 2 * np.pi * 440 / RATE)).astype(np.float32)


def rms(sound):
    return float(np.sqrt((sound**2).mean()))


def test_an_edit_list_takes_the_priming_away(tone):
    decoded = through_aac(tone, sample_rate=RATE, container="mp4")
    assert decoded.shape == tone.shape
    assert np.abs(decoded[2048:-2048] - tone[2048:-2048]).max() < 0.03


def test_without_an_edit_list_the_sound_comes_1024_samples_late(tone):
    decoded = through_aac(tone, sample_rate=RATE, container="adts")
    assert decoded.shape == tone.shape
    assert rms(decoded[:512]) < 0.01 * rms(tone)
    assert np.abs(decoded[3072:-4096] - tone[2048:-5120]).max() < 0.03

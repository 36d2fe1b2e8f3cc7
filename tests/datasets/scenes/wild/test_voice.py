"""A synthetic voice: formants follow the mouth, pitch follows the contour, pauses are silent."""

import numpy as np
import pytest

from datasets.scenes.wild.curve import Curve
from datasets.scenes.wild.speech import Speech
from datasets.scenes.wild.voice import Voice, speak

VOICE = Voice(tract=1.0, breath=0.05, hiss_hz=5000.0, seed=0)


def spectrum(**curves: float) -> np.ndarray:
    """Power of one held sound of a second, per Hz."""
    values = {"opening": 0.5, "loudness": 1.0, "front": 0.5, "friction": 0.0, "pitch_hz": 100.0} | curves
    speech = Speech(**{name: Curve(np.full(300, value)) for name, value in values.items()})
    return np.abs(np.fft.rfft(speak(VOICE, speech, seconds=1.0, sample_rate=16000))) ** 2


@pytest.mark.parametrize(("opening", "hertz"), [(0.0, 280.0), (1.0, 800.0)])
def test_first_formant_rises_with_the_opening(opening, hertz):
    power = spectrum(opening=opening, front=1.0)
    assert 150 + np.argmax(power[150:1200]) == pytest.approx(hertz, abs=60)


@pytest.mark.parametrize(("front", "hertz"), [(0.0, 800.0), (1.0, 2200.0)])
def test_second_formant_rises_with_front_vowels(front, hertz):
    power = spectrum(opening=0.0, front=front)
    assert 600 + np.argmax(power[600:2400]) == pytest.approx(hertz, abs=60)


@pytest.mark.parametrize("pitch", [100.0, 220.0])
def test_voice_has_the_harmonics_of_its_pitch(pitch):
    power = spectrum(pitch_hz=pitch)
    harmonics = np.round(pitch * np.arange(1, 9)).astype(int)
    assert power[harmonics].sum() > 50 * power[harmonics + round(pitch / 2)].sum()


def test_friction_is_noise_at_high_frequencies():
    power = spectrum(loudness=0.0, friction=0.3)
    assert power[3000:].sum() > 0.9 * power.sum() > 0.0


def test_voice_is_silent_in_pauses():
    assert spectrum(loudness=0.0).max() == 0.0

"""A synthetic voice: a pulse train with wandering pitch through formant resonators, breath and friction noise."""

from dataclasses import dataclass

import numpy as np

from datasets.scenes.source_filter import band, bin_frequencies, filter_over_time, hop_seconds, pulse_train, resonance
from datasets.scenes.wild.speech import Speech

_BANDWIDTHS_HZ = (90.0, 120.0, 180.0, 250.0)
_GLOTTAL_HZ = 300.0
"""Above it a voice's source falls by 6 dB an octave."""
_HIGHER_FORMANTS_HZ = 4000.0
"""Above it the formants that are not modeled hold the level up."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Voice:
    """What tells one voice from another at the same speech."""

    tract: float  # factor of the formants: 0.9 for a long throat to 1.25 of a child
    breath: float  # noise in the voice, of its level
    hiss_hz: float
    seed: int


def draw_voice(rng: np.random.Generator) -> Voice:
    """A random voice."""
    return Voice(
        tract=rng.uniform(0.88, 1.25),
        breath=rng.uniform(0.03, 0.25),
        hiss_hz=rng.uniform(2500.0, 6500.0),
        seed=int(rng.integers(2**32)),
    )


def speak(voice: Voice, speech: Speech, *, seconds: float, sample_rate: int) -> np.ndarray:
    """The sound of speech from time zero, float32 (samples,); full loudness is a root mean square near one.

    The first formant rises as the mouth opens, from 280 to 800 Hz; the second goes from 800 to 2200 Hz.
    """
    num_samples = round(seconds * sample_rate)
    rng = np.random.default_rng(voice.seed)
    times, frequencies = hop_seconds(seconds), bin_frequencies(sample_rate)
    pitch = speech.pitch_hz.at(np.arange(num_samples) / sample_rate)
    breath = rng.standard_normal(num_samples, dtype=np.float32)
    opening, front = speech.opening.at(times), speech.front.at(times)
    formants = voice.tract * np.stack(
        [280 + 520 * opening, 800 + 1400 * front, 2450 + 350 * front, np.full_like(front, 3600.0)]
    )
    tilt = (1.0 + (frequencies / _HIGHER_FORMANTS_HZ) ** 2) ** 2.5 / np.sqrt(1.0 + (frequencies / _GLOTTAL_HZ) ** 2)
    vowels = np.tile(tilt, (len(times), 1))
    for center, bandwidth in zip(formants, _BANDWIDTHS_HZ, strict=True):
        vowels *= resonance(frequencies, center, bandwidth)
    voiced = pulse_train(pitch, sample_rate=sample_rate) + np.float32(voice.breath) * breath
    sound = filter_over_time(voiced, vowels, speech.loudness.at(times), sample_rate=sample_rate)
    hiss = band(frequencies, np.full_like(times, min(voice.hiss_hz, 0.4 * sample_rate)), 0.5)
    return sound + filter_over_time(breath, hiss, speech.friction.at(times), sample_rate=sample_rate)

"""Music and babble in the background, which nobody in the picture makes."""

import numpy as np

from datasets.scenes.sound import StrikeSound, draw_timbre, synthesize
from datasets.scenes.wild.speech import draw_speech
from datasets.scenes.wild.voice import draw_voice, speak

_SCALE = np.array([0, 2, 4, 7, 9, 12, 14, 16])  # semitones, pentatonic
_NOTE_SECONDS = 1.5
_NUM_TALKERS = 6


def draw_music(rng: np.random.Generator, *, seconds: float, sample_rate: int) -> np.ndarray:
    """A tune of a few notes over a beat, float32 (samples,)."""
    num_samples = round(seconds * sample_rate)
    beat = rng.uniform(0.25, 0.6)
    times = np.arange(round(_NOTE_SECONDS * sample_rate)) / sample_rate
    decay = np.exp(-times / rng.uniform(0.15, 0.8)) * np.minimum(times / 0.01, 1.0)
    root = rng.uniform(110.0, 330.0)
    partials = np.arange(1, 6)
    gains = rng.uniform(0.1, 1.0, len(partials)) / partials
    notes = {}
    track = np.zeros(num_samples + len(times), np.float32)
    for begin in np.arange(-_NOTE_SECONDS, seconds, beat):
        step = int(rng.choice(_SCALE))
        first = round((begin + _NOTE_SECONDS) * sample_rate)
        if step not in notes:
            waves = np.sin(2 * np.pi * root * 2.0 ** (step / 12.0) * partials[:, None] * times)
            notes[step] = (decay * (gains @ waves)).astype(np.float32)
        if rng.random() < 0.8:
            part = track[first : first + len(times)]
            part += notes[step][: len(part)]
    beats = np.arange(-2.0, seconds + 1.0, beat * rng.choice([0.5, 1.0, 2.0]))
    drum = StrikeSound(
        strikes=beats, strike_gains=rng.uniform(0.5, 1.0, len(beats)), timbre=draw_timbre(rng), peak=rng.uniform(0, 1)
    )
    return track[len(times) :] + synthesize((drum,), seconds=seconds, sample_rate=sample_rate)


def draw_babble(rng: np.random.Generator, *, seconds: float, sample_rate: int) -> np.ndarray:
    """Several people who talk at once, float32 (samples,): one voice, heard from several times on."""
    voice = speak(draw_voice(rng), draw_speech(rng, seconds=seconds), seconds=seconds, sample_rate=sample_rate)
    babble = np.zeros_like(voice)
    for _ in range(rng.integers(1, _NUM_TALKERS)):
        # Played faster it is another throat.
        faster = np.resize(voice[np.arange(0, len(voice), rng.uniform(0.8, 1.25)).astype(int)], len(voice))
        babble += rng.uniform(0.4, 1.0) * np.roll(faster, int(rng.integers(len(voice))))
    return babble

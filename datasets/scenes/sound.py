"""Strike times and the sound of strikes: modal decays and noise bursts over background noise."""

import functools
from dataclasses import dataclass
from typing import Literal

import numpy as np

MIN_GAP_SECONDS = 0.25
MAX_GAP_SECONDS = 0.8
# Strikes run before the first and after the last frame: a lead longer than any tail makes the
# start of the track sound like its middle, and the last frame still falls toward a strike.
LEAD_SECONDS = 2.0
TAIL_SECONDS = 1.0
TEMPLATE_SECONDS = 1.2

Material = Literal["wood", "metal", "drum", "clap"]
MATERIALS: tuple[Material, ...] = ("wood", "metal", "drum", "clap")


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Timbre:
    """What one strike sounds like: a sum of decaying sines and a decaying band of noise."""

    material: Material
    frequencies_hz: np.ndarray
    mode_gains: np.ndarray
    decays_seconds: np.ndarray
    noise_gain: float
    noise_center_hz: float
    noise_decay_seconds: float
    noise_seed: int


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class StrikeSound:
    """One sounding thing: when it strikes, how hard, with which timbre and how loud."""

    strikes: np.ndarray
    strike_gains: np.ndarray
    timbre: Timbre
    peak: float


def draw_strikes(rng: np.random.Generator, *, seconds: float) -> np.ndarray:
    """Irregular strike times in seconds, from before time zero to past the end.

    Gaps are independent and uniform, so that sound shifted against the picture fits nowhere else.
    """
    start = -LEAD_SECONDS - rng.uniform(0.0, MAX_GAP_SECONDS)
    num_gaps = int((seconds + TAIL_SECONDS - start) / MIN_GAP_SECONDS) + 1
    times = start + np.cumsum(rng.uniform(MIN_GAP_SECONDS, MAX_GAP_SECONDS, num_gaps))
    last = int(np.searchsorted(times, seconds + TAIL_SECONDS))
    return np.concatenate([[start], times[: last + 1]])


def draw_timbre(rng: np.random.Generator) -> Timbre:
    """A random timbre of a random material."""
    material = MATERIALS[rng.integers(len(MATERIALS))]
    low, high, partials, shortest, longest, noise, noise_hz, noise_decay = {
        "wood": (300.0, 1000.0, (1.0, 2.57, 4.9), 0.03, 0.07, 0.5, 2000.0, 0.008),
        "metal": (350.0, 1500.0, (1.0, 2.0, 2.76, 4.1, 5.4), 0.08, 0.14, 0.25, 4000.0, 0.006),
        "drum": (90.0, 260.0, (1.0, 1.59, 2.14, 2.3), 0.06, 0.12, 0.5, 900.0, 0.02),
        "clap": (500.0, 1200.0, (1.0,), 0.01, 0.02, 1.0, 1800.0, 0.035),
    }[material]
    ratios = np.array(partials) * rng.uniform(0.97, 1.03, len(partials))
    order = np.arange(len(partials))
    noise_low, noise_high = 0.6 * noise_hz, 1.6 * noise_hz
    return Timbre(
        material=material,
        frequencies_hz=np.exp(rng.uniform(np.log(low), np.log(high))) * ratios,
        mode_gains=rng.uniform(0.4, 1.0, len(partials)) * 0.7**order,
        decays_seconds=rng.uniform(shortest, longest) / (1.0 + 0.35 * order),
        noise_gain=noise * rng.uniform(0.7, 1.3),
        noise_center_hz=float(np.exp(rng.uniform(np.log(noise_low), np.log(noise_high)))),
        noise_decay_seconds=noise_decay * rng.uniform(0.7, 1.4),
        noise_seed=int(rng.integers(2**32)),
    )


def draw_sound(rng: np.random.Generator, *, strikes: np.ndarray) -> StrikeSound:
    """A sound of random timbre and loudness for these strikes, each strike of its own force."""
    return StrikeSound(
        strikes=strikes,
        strike_gains=rng.uniform(0.6, 1.0, len(strikes)),
        timbre=draw_timbre(rng),
        peak=rng.uniform(0.35, 0.65),
    )


def strike_template(timbre: Timbre, *, sample_rate: int) -> np.ndarray:
    """The sound of one strike from its contact on, with peak one, float32 (samples,)."""
    num_samples = round(TEMPLATE_SECONDS * sample_rate)
    time = np.arange(num_samples) / sample_rate
    audible = timbre.frequencies_hz < 0.45 * sample_rate
    if not audible.any():
        audible[0] = True
    template = np.zeros(num_samples)
    for frequency, gain, decay in zip(
        timbre.frequencies_hz[audible],
        timbre.mode_gains[audible],
        timbre.decays_seconds[audible],
        strict=True,
    ):
        template += gain * np.exp(-time / decay) * np.sin(2 * np.pi * frequency * time)
    template /= np.abs(template).max()
    noise = _band_noise(
        np.random.default_rng(timbre.noise_seed),
        num_samples=num_samples,
        sample_rate=sample_rate,
        center_hz=min(timbre.noise_center_hz, 0.4 * sample_rate),
    )
    template += timbre.noise_gain * np.exp(-time / timbre.noise_decay_seconds) * noise
    return (template / np.abs(template).max()).astype(np.float32)


def synthesize(
    sounds: tuple[StrikeSound, ...],
    *,
    seconds: float,
    sample_rate: int,
    noise_rms: float = 0.0,
    noise_rng: np.random.Generator | None = None,
) -> np.ndarray:
    """The mixed track from time zero, mono float32 (samples,) within [-1, 1].

    A strike begins at the sample nearest to its time; the tails of strikes before time zero are
    heard. One gain for the whole track keeps it below full scale.
    """
    num_samples = round(seconds * sample_rate)
    track = np.zeros(num_samples, dtype=np.float32)
    for sound in sounds:
        template = strike_template(sound.timbre, sample_rate=sample_rate)
        for strike, gain in zip(sound.strikes, sound.strike_gains, strict=True):
            begin = round(float(strike) * sample_rate)
            end = min(begin + len(template), num_samples)
            first = max(begin, 0)
            if first < end:
                scale = np.float32(sound.peak * gain)
                track[first:end] += scale * template[first - begin : end - begin]
    if noise_rms > 0.0 and noise_rng is not None:
        track += np.float32(noise_rms) * pink_noise(noise_rng, num_samples=num_samples)
    peak = float(np.abs(track).max(initial=0.0))
    return track * np.float32(0.98 / peak) if peak > 0.98 else track


def _band_noise(rng: np.random.Generator, *, num_samples: int, sample_rate: int, center_hz: float) -> np.ndarray:
    """Noise about one octave wide on either side of its center, peak about one."""
    spectrum = np.fft.rfft(rng.standard_normal(num_samples))
    frequencies = np.maximum(np.fft.rfftfreq(num_samples, 1.0 / sample_rate), 1.0)
    spectrum *= np.exp(-0.5 * (np.log2(frequencies / center_hz) / 0.8) ** 2)
    noise = np.fft.irfft(spectrum, num_samples)
    return noise / (3.0 * noise.std())


def pink_noise(rng: np.random.Generator, *, num_samples: int) -> np.ndarray:
    """Noise that falls by 3 dB an octave, root mean square one."""
    # A power of two keeps the transform fast whatever the number of samples.
    length = 1 << max(num_samples - 1, 1).bit_length()
    white = rng.standard_normal(length, dtype=np.float32)
    spectrum = np.fft.rfft(white)
    spectrum *= _pink_gains(length)
    noise = np.fft.irfft(spectrum, length)[:num_samples]
    return (noise / noise.std()).astype(np.float32)


@functools.cache
def _pink_gains(length: int) -> np.ndarray:
    return 1.0 / np.sqrt(np.maximum(np.arange(length // 2 + 1), length / 1000.0))

"""What a microphone makes of sound: echo of the room, noise, automatic gain, clipping."""

from dataclasses import dataclass

import numpy as np

from datasets.scenes.sound import pink_noise


@dataclass(frozen=True, kw_only=True, slots=True)
class Recording:
    """A place and a device."""

    echo_seconds: float = 0.0  # until the echo has fallen by 60 dB
    echo: float = 0.0  # its loudness beside the direct sound
    noise_db: float = -90.0  # of the loudest moment
    cutoff_hz: float = 48000.0
    gain_control: float = 0.0  # 1 makes everything equally loud
    overdrive: float = 0.0  # how many times above full scale the loudest sample is cut; 0 is never
    seed: int = 0


def draw_recording(rng: np.random.Generator) -> Recording:
    """Two in three with an echo, one in three with automatic gain, one in six clipped, all with noise."""
    return Recording(
        echo_seconds=rng.uniform(0.15, 0.8),
        echo=max(0.0, rng.uniform(-0.4, 0.8)),
        noise_db=rng.uniform(-45.0, -8.0),
        cutoff_hz=rng.choice([3400.0, 7000.0, 16000.0]),
        gain_control=max(0.0, rng.uniform(-1.2, 0.6)),
        overdrive=rng.uniform(1.2, 4.0) if rng.random() < 1 / 6 else 0.0,
        seed=int(rng.integers(2**32)),
    )


def loudest(track: np.ndarray, sample_rate: int) -> float:
    """Root mean square of the loudest twentieth of a second."""
    step = max(sample_rate // 20, 1)
    power = track[: len(track) // step * step].reshape(-1, step) ** 2 if len(track) >= step else track[None] ** 2
    return float(np.sqrt(power.mean(axis=1).max()))


def record(track: np.ndarray, recording: Recording, *, sample_rate: int) -> np.ndarray:
    """A track (samples,) as it is recorded, within [-1, 1], float32 (samples,)."""
    rng = np.random.default_rng(recording.seed)
    length = 1 << (len(track) + sample_rate).bit_length()
    spectrum = np.fft.rfft(track, length)
    frequencies = np.fft.rfftfreq(length, 1.0 / sample_rate)
    spectrum /= 1.0 + (frequencies / recording.cutoff_hz) ** 4
    if recording.echo > 0.0:
        times = np.arange(round(recording.echo_seconds * sample_rate)) / sample_rate
        tail = rng.standard_normal(len(times)) * np.exp(-6.9 * times / recording.echo_seconds)
        tail *= recording.echo / np.sqrt(np.sum(tail**2))
        tail[0] += 1.0
        spectrum *= np.fft.rfft(tail, length)
    heard = np.fft.irfft(spectrum, length)[: len(track)].astype(np.float32)
    loud = max(loudest(heard, sample_rate), 1e-6)
    heard += np.float32(loud * 10.0 ** (recording.noise_db / 20.0)) * pink_noise(rng, num_samples=len(track))
    if recording.gain_control:
        heard *= _gains(heard, recording.gain_control, sample_rate)
    peak = max(float(np.abs(heard).max(initial=0.0)), 1e-6)
    return np.clip(heard * np.float32(max(recording.overdrive, 0.7) / peak), -0.98, 0.98)


def _gains(track: np.ndarray, strength: float, sample_rate: int) -> np.ndarray:
    """Gains (samples,) that follow the loudness of the last half second."""
    step = max(sample_rate // 100, 1)
    power = np.add.reduceat(track**2, np.arange(0, len(track), step)) / step
    smooth = np.convolve(np.pad(power, (50, 0), mode="edge"), np.full(51, 1 / 51), mode="valid")
    gains = (smooth + 1e-2 * smooth.max() + 1e-12) ** (-0.5 * strength)
    return np.interp(np.arange(len(track)) / step, np.arange(len(gains)), gains).astype(np.float32)

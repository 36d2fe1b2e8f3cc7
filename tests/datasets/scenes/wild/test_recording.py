"""A microphone in a room: echo, noise, automatic gain, clipping and bandwidth."""

import numpy as np
import pytest

from datasets.scenes.wild.recording import Recording, loudest, record

RATE = 8000


def clicks() -> np.ndarray:
    track = np.zeros(2 * RATE, np.float32)
    track[[1000, 9000]] = 1.0
    return track


def heard(track: np.ndarray, **options: float) -> np.ndarray:
    return record(track, Recording(**options), sample_rate=RATE)  # type: ignore[arg-type]


def test_clean_recording_keeps_the_sound():
    tone = np.sin(2 * np.pi * 440 * np.arange(2 * RATE) / RATE).astype(np.float32)
    np.testing.assert_allclose(heard(tone), 0.7 * tone, atol=0.01)


def test_echo_fades_by_60_db_in_its_time():
    track = heard(clicks(), echo_seconds=0.4, echo=0.7)
    early, late = track[1100:1500], track[1000 + 3100 : 1000 + 3200]
    assert 10 * np.log10((early**2).mean() / (late**2).mean()) == pytest.approx(46, abs=8)
    assert np.abs(track[:990]).max() < 0.01


def test_noise_is_as_far_below_the_sound_as_asked():
    tone = np.sin(2 * np.pi * 440 * np.arange(2 * RATE) / RATE).astype(np.float32)
    tone[RATE:] = 0.0
    track = heard(tone, noise_db=-20.0)
    assert 20 * np.log10(track[RATE + 100 :].std() / track[: RATE - 100].std()) == pytest.approx(-20, abs=1.5)


def test_automatic_gain_brings_quiet_parts_up():
    tone = np.sin(2 * np.pi * 440 * np.arange(4 * RATE) / RATE).astype(np.float32)
    tone[2 * RATE :] *= 0.1
    plain, leveled = (heard(tone, gain_control=strength) for strength in (0.0, 0.5))
    ratios = [track[3 * RATE :].std() / track[RATE : 2 * RATE].std() for track in (plain, leveled)]
    assert ratios[0] == pytest.approx(0.1, rel=0.05)
    assert ratios[1] > 0.25


def test_overdrive_cuts_peaks_at_full_scale():
    tone = np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE).astype(np.float32)
    track = heard(tone, overdrive=2.0)
    assert 0.5 < (np.abs(track) > 0.97).mean() < 0.75
    assert np.abs(track).max() <= 1.0


def test_cutoff_takes_what_is_above_it():
    times = np.arange(2 * RATE) / RATE
    low, high = (np.sin(2 * np.pi * hertz * times).astype(np.float32) for hertz in (300.0, 3500.0))
    spectrum = np.abs(np.fft.rfft(heard(low + high, cutoff_hz=1000.0)))
    assert spectrum[7000] < 0.02 * spectrum[600]


def test_loudest_is_the_level_of_the_loudest_twentieth_of_a_second():
    track = np.zeros(RATE, np.float32)
    track[4000:4400] = 0.5
    assert loudest(track, RATE) == pytest.approx(0.5)

"""Source-filter synthesis: pulses at the pitch, loudness in place, energy where the spectrum is."""

import numpy as np
import pytest

from datasets.scenes.source_filter import band, bin_frequencies, filter_over_time, hop_seconds, pulse_train, resonance


def test_pulses_come_at_the_pitch_with_the_same_power():
    for pitch in (80.0, 200.0):
        train = pulse_train(np.full(16000, pitch), sample_rate=16000)
        assert np.count_nonzero(train) == pytest.approx(pitch, abs=1)
        assert (train**2).mean() == pytest.approx(1.0, rel=0.03)


@pytest.mark.parametrize("sample_rate", [8000, 16000, 22050, 44100])
def test_filtered_noise_is_as_loud_as_the_level_where_the_level_is(sample_rate):
    noise = np.random.default_rng(0).standard_normal(2 * sample_rate)
    times, frequencies = hop_seconds(2.0), bin_frequencies(sample_rate)
    level = np.where((times > 0.5) & (times < 1.0), 0.5, 0.0)
    gains = band(frequencies, np.full(len(times), 1000.0), 0.5)
    sound = filter_over_time(noise, gains, level, sample_rate=sample_rate)
    assert sound.shape == noise.shape
    assert sound[round(0.55 * sample_rate) : round(0.95 * sample_rate)].std() == pytest.approx(0.5, rel=0.1)
    assert np.abs(sound[: round(0.48 * sample_rate)]).max() == np.abs(sound[round(1.02 * sample_rate) :]).max() == 0.0


def test_filtered_noise_has_its_energy_in_the_band():
    noise, times, frequencies = (
        np.random.default_rng(0).standard_normal(32000),
        hop_seconds(2.0),
        bin_frequencies(16000),
    )
    sound = filter_over_time(
        noise, band(frequencies, np.full(len(times), 1500.0), 0.3), np.ones(len(times)), sample_rate=16000
    )
    power = np.abs(np.fft.rfft(sound)) ** 2
    assert power[2 * 1000 : 2 * 2200].sum() > 0.9 * power.sum()


def test_resonance_peaks_at_its_center_and_is_one_at_zero():
    frequencies = np.arange(0.0, 4000.0, 10.0)
    gains = resonance(frequencies, np.array([500.0, 1500.0]), 80.0)
    np.testing.assert_allclose(frequencies[gains.argmax(axis=1)], [500.0, 1500.0], atol=10.0)
    np.testing.assert_allclose(gains[:, 0], 1.0)

"""The stored spectrogram equals librosa's."""

import librosa
import numpy as np
import pytest

from datasets.clips.spectrogram import LogMelConfig, log_mel, mel_filters


@pytest.mark.parametrize(
    ("sample_rate", "config"),
    [
        (16000, LogMelConfig(num_bins=32)),
        (44100, LogMelConfig(num_bins=64)),
        (22050, LogMelConfig(num_bins=64, window_ms=40.0, hop_ms=20.0)),
        (1500, LogMelConfig(num_bins=8, window_ms=33.0)),
    ],
)
def test_it_equals_librosa(sample_rate, config):
    waveform = np.random.default_rng(0).normal(0, 0.1, 2 * sample_rate).astype(np.float32)
    window, hop = config.window_samples(sample_rate), config.hop_samples(sample_rate)
    reference = librosa.feature.melspectrogram(
        y=waveform, sr=sample_rate, n_fft=window, hop_length=hop, n_mels=config.num_bins, center=False
    )
    found = log_mel(waveform, sample_rate=sample_rate, config=config)
    assert found.dtype == np.float32
    assert found.shape == (config.num_bins, config.num_hops(len(waveform), sample_rate))
    assert found == pytest.approx(np.log(reference + 1e-6), abs=1e-4)
    filters = librosa.filters.mel(sr=sample_rate, n_fft=window, n_mels=config.num_bins)
    assert mel_filters(config.num_bins, window, sample_rate) == pytest.approx(filters, rel=1e-5, abs=1e-9)

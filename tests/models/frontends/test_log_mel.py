"""The network's spectrogram equals librosa's."""

import librosa
import numpy as np
import pytest
import torch

from models.frontends.log_mel import LogMelFrontEnd


@pytest.mark.parametrize(("sample_rate", "bins", "hop", "window"), [(16000, 32, 256, 512), (44100, 64, 441, 1102)])
def test_it_equals_librosa(sample_rate: int, bins: int, hop: int, window: int) -> None:
    waveform = np.random.default_rng(0).normal(0, 0.1, sample_rate).astype(np.float32)
    reference = librosa.feature.melspectrogram(
        y=waveform, sr=sample_rate, n_fft=window, hop_length=hop, n_mels=bins, center=False
    )
    front_end = LogMelFrontEnd(sample_rate=sample_rate, num_bins=bins, hop_samples=hop, window_samples=window)
    estimate = front_end(torch.from_numpy(waveform)[None, None])[0].numpy()
    assert estimate == pytest.approx(np.log(reference + 1e-6), abs=1e-3)


def test_two_seconds_at_16_khz_are_124_hops() -> None:
    front_end = LogMelFrontEnd(sample_rate=16000, num_bins=32, hop_samples=256, window_samples=512)
    assert front_end(torch.zeros(3, 1, 32000)).shape == (3, 32, 124)


def test_silence_is_the_floor() -> None:
    front_end = LogMelFrontEnd(sample_rate=16000, num_bins=32, hop_samples=256, window_samples=512)
    assert torch.allclose(front_end(torch.zeros(1, 1, 4000)), torch.tensor(1e-6).log())

"""A network that hears and does not see: what can be told from sound alone, by waveform and by spectrogram."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from models.encoders.log_mel import compact_log_mel_encoder
from models.frontends.log_mel import LogMelFrontEnd
from models.frontends.waveform import compand, mute_start

_WIDTH = 32
_WINDOW_SAMPLES, _HOP_SAMPLES = 1024, 512
_NUM_BINS = 64


class Heard(NamedTuple):
    """Log-mel spectrograms (batch, bins, hops) and companded waveforms (batch, 1, samples)."""

    log_mel: Tensor
    companded: Tensor


class Listener(nn.Module):
    """Mean and maximum over time of two encoders' features, and one linear layer to one logit.

    The waveform's encoder sees clicks and gaps of single samples, the spectrogram's sees timbre. Both are small: about 40,000 parameters.

    Args:
        sample_rate: Samples per second.
        mute_samples: Samples at the start that are not heard.
    """

    def __init__(self, *, sample_rate: int, mute_samples: int = 0) -> None:
        super().__init__()
        self.mute_samples = mute_samples
        self.log_mel = LogMelFrontEnd(
            sample_rate=sample_rate, num_bins=_NUM_BINS, hop_samples=_HOP_SAMPLES, window_samples=_WINDOW_SAMPLES
        )
        self.spectrum = compact_log_mel_encoder(num_bins=_NUM_BINS, channels=_WIDTH)
        self.samples = nn.Sequential(
            nn.Conv1d(1, _WIDTH, 64, stride=32),
            nn.ReLU(),
            nn.MaxPool1d(4),
            nn.BatchNorm1d(_WIDTH),
            nn.Conv1d(_WIDTH, _WIDTH, 5, stride=2),
            nn.BatchNorm1d(_WIDTH),
            nn.ReLU(),
            nn.Conv1d(_WIDTH, _WIDTH, 5, stride=2),
            nn.BatchNorm1d(_WIDTH),
            nn.ReLU(),
        )
        self.head = nn.Linear(4 * _WIDTH, 1)

    def hear(self, waveform: Float[Tensor, "batch 1 samples"]) -> Heard:
        """What the encoders read of waveforms in [-1, 1]; nothing in it is learned, so that it may be kept between steps."""
        audible = mute_start(waveform, num_samples=self.mute_samples)
        return Heard(log_mel=self.log_mel(audible), companded=compand(audible))

    def forward(self, heard: Heard) -> Float[Tensor, " batch"]:
        """Logits of what was heard."""
        features = [self.spectrum(heard.log_mel), self.samples(heard.companded)]
        pooled = [pool for each in features for pool in (each.mean(dim=2), each.amax(dim=2))]
        return self.head(torch.cat(pooled, dim=1))[:, 0]

"""Log-mel spectrograms inside the network, equal to those that data workers store."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torchaudio.transforms import MelSpectrogram

LOG_FLOOR = 1e-6


class LogMelFrontEnd(nn.Module):
    """log(mel + 1e-6) of waveforms, with the power mel spectrogram on Slaney's scale and norm.

    No padding at the ends (`center=False`): hop i covers samples i * hop to i * hop + window, so
    that no hop sees anything that is not in the clip.

    Args:
        sample_rate: Samples per second.
        num_bins: Mel bins.
        hop_samples: Samples between hops.
        window_samples: Samples of the Hann window, and of the Fourier transform.
    """

    def __init__(self, *, sample_rate: int, num_bins: int, hop_samples: int, window_samples: int) -> None:
        super().__init__()
        self.mel = MelSpectrogram(
            sample_rate=sample_rate,
            n_fft=window_samples,
            hop_length=hop_samples,
            n_mels=num_bins,
            power=2.0,
            center=False,
            norm="slaney",
            mel_scale="slaney",
        )

    def forward(self, waveform: Float[Tensor, "batch 1 samples"]) -> Float[Tensor, "batch bins hops"]:
        return torch.log(self.mel(waveform[:, 0]) + LOG_FLOOR)

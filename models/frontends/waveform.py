"""The published preparation of sound: mute the start, compress the loudness."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn


def mute_start(
    waveform: Float[Tensor, "batch channels samples"], *, num_samples: int
) -> Float[Tensor, "batch channels samples"]:
    """The waveform with its first samples at zero.

    A network can read from the first samples of a file where a clip was cut, and decide from
    that alone; muting hides it. It does not replace pairs in which either sound has both labels.
    """
    if num_samples == 0:
        return waveform
    audible = torch.arange(waveform.shape[-1], device=waveform.device) >= num_samples
    return waveform * audible


def compand(waveform: Float[Tensor, "*shape"], *, mu: float = 255.0) -> Float[Tensor, "*shape"]:
    """The waveform on the mu-law scale: sign(x) log(1 + mu |x|) / log(1 + mu), in [-1, 1]."""
    return waveform.sign() * torch.log1p(mu * waveform.abs()) / math.log1p(mu)


class WaveformFrontEnd(nn.Module):
    """Waveforms in [-1, 1] made ready for a waveform encoder.

    Args:
        mute_samples: Samples at the start to set to zero; the re-implementation's final runs use
            5000 (elsewhere its text says 10000).
        compander: Whether to put the rest on the mu-law scale, as Owens and Efros (2018) do.
    """

    def __init__(self, *, mute_samples: int = 5000, compander: bool = True) -> None:
        super().__init__()
        self.mute_samples = mute_samples
        self.compander = compander

    def forward(self, waveform: Float[Tensor, "batch channels samples"]) -> Float[Tensor, "batch channels samples"]:
        muted = mute_start(waveform, num_samples=self.mute_samples)
        return compand(muted) if self.compander else muted

"""Sound encoders that read log-mel spectrograms."""

from collections import OrderedDict

from torch import nn

from models.blocks.normalization import Normalization, normalization


def wide_log_mel_encoder(*, num_bins: int) -> nn.Sequential:
    """(batch, bins, hops) -> (batch, 128, hops / 4) features, for the full-size networks."""
    return _encoder(num_bins=num_bins, channels=128, strides=(1, 2, 2), norm="batch")


def compact_log_mel_encoder(*, num_bins: int, channels: int, norm: Normalization = "batch") -> nn.Sequential:
    """(batch, bins, hops) -> (batch, channels, hops / 2) features.

    Bins are channels, so that the first convolution sees the whole spectrum of five hops: rises
    of energy in any band are one linear step away, and the hop rate is kept to find onsets.
    """
    return _encoder(num_bins=num_bins, channels=channels, strides=(1, 2), norm=norm)


def _encoder(*, num_bins: int, channels: int, strides: tuple[int, ...], norm: Normalization) -> nn.Sequential:
    # The first layer brings each bin of log power, around -10, to zero mean and unit spread.
    layers: OrderedDict[str, nn.Module] = OrderedDict(norm0=normalization(norm, num_bins, dims=1, affine=False))
    width = num_bins
    for number, stride in enumerate(strides, start=1):
        layers[f"conv{number}"] = nn.Conv1d(width, channels, 5, stride=stride, padding=2)
        layers[f"norm{number}"] = normalization(norm, channels, dims=1)
        layers[f"elu{number}"] = nn.ELU()
        width = channels
    return nn.Sequential(layers)

"""SoundNet's eight-layer waveform encoder, without its heads."""

from collections import OrderedDict

from torch import nn

SOUNDNET_FEATURES = 1024
"""Channels of the encoder's features."""

_LAYERS = (
    # channels, kernel, stride, padding, pool
    (16, 64, 2, 32, 8),
    (32, 32, 2, 16, 8),
    (64, 16, 2, 8, 1),
    (128, 8, 2, 4, 1),
    (256, 4, 2, 2, 4),
    (512, 4, 2, 2, 1),
    (SOUNDNET_FEATURES, 4, 2, 2, 1),
)


def soundnet_encoder() -> nn.Sequential:
    """(batch, 1, samples) at 22,050 Hz in [-256, 256] -> (batch, 1024, samples / 32,768 or so) features of conv7.

    References:
        Aytar, Vondrick and Torralba, SoundNet (2016, arXiv:1610.09001), the network of eight layers: every convolution is followed by
        batch norm and ReLU, weights are drawn from N(0, 0.01).
    """
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    width = 1
    for number, (channels, kernel, stride, padding, pool) in enumerate(_LAYERS, start=1):
        convolution = nn.Conv1d(width, channels, kernel, stride=stride, padding=padding)
        nn.init.normal_(convolution.weight, std=0.01)
        layers[f"conv{number}"] = convolution
        layers[f"norm{number}"] = nn.BatchNorm1d(channels)
        layers[f"relu{number}"] = nn.ReLU()
        if pool > 1:
            layers[f"pool{number}"] = nn.MaxPool1d(pool)
        width = channels
    return nn.Sequential(layers)

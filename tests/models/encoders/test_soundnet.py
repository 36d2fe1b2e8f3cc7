"""SoundNet's encoder has the published layers."""

import torch
from torch import nn

from models.encoders.soundnet import soundnet_encoder


def test_soundnet_layers_have_the_published_sizes():
    convolutions = [layer for layer in soundnet_encoder() if isinstance(layer, nn.Conv1d)]
    sizes = [(layer.out_channels, layer.kernel_size[0], layer.stride[0], layer.padding[0]) for layer in convolutions]
    assert sizes == [
        (16, 64, 2, 32),
        (32, 32, 2, 16),
        (64, 16, 2, 8),
        (128, 8, 2, 4),
        (256, 4, 2, 2),
        (512, 4, 2, 2),
        (1024, 4, 2, 2),
    ]


def test_soundnet_gives_a_cell_for_every_one_and_a_half_seconds():
    features = soundnet_encoder().eval()(torch.zeros(2, 1, 5 * 22050))
    assert features.shape == (2, 1024, 4)

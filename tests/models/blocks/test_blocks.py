"""Shortcuts, normalization, time alignment and fusion do what their first lines say."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from models.blocks.fast import FrameAverage, HalvingConvolution, TemporalConvolution
from models.blocks.fusion import Concatenation, JointConvolution
from models.blocks.normalization import normalization
from models.blocks.residual import PooledShortcut, Residual
from models.blocks.time_alignment import align_time


def test_a_residual_adds_its_shortcut() -> None:
    block = Residual(nn.AvgPool1d(2), shortcut=nn.MaxPool1d(2))
    assert block(torch.tensor([[[1.0, 3.0, 4.0, 8.0]]])).tolist() == [[[5.0, 14.0]]]


def test_a_cropped_shortcut_ends_where_the_body_ends() -> None:
    block = Residual(nn.AvgPool1d(3, 1), shortcut=nn.Identity(), crop_shortcut=True)
    signal = torch.arange(5.0).view(1, 1, 5)
    assert block(signal).tolist() == [[[1.0, 3.0, 5.0]]]


def test_a_shortcut_has_a_convolution_only_where_channels_differ() -> None:
    same = PooledShortcut(nn.MaxPool1d(4), in_channels=3, out_channels=3)
    other = PooledShortcut(nn.AvgPool3d(2), in_channels=3, out_channels=5)
    assert not list(same.parameters())
    assert other(torch.zeros(1, 3, 4, 4, 4)).shape == (1, 5, 2, 2, 2)


def test_group_normalization_does_not_mix_examples() -> None:
    features = torch.randn(4, 6, 3, 2, 2)
    layer = normalization("group", 6, dims=3)
    assert torch.allclose(layer(features)[:1], layer(features[:1]), atol=1e-6)


def test_alignment_to_the_same_times_changes_nothing() -> None:
    features = torch.randn(2, 3, 8)
    centers = [(index + 0.5) / 8 for index in range(8)]
    assert torch.allclose(align_time(features, centers=centers, targets=centers), features)


def test_alignment_moves_a_ramp_to_the_new_times() -> None:
    centers = [(index + 0.5) / 64 for index in range(64)]
    targets = [0.3, 0.4, 0.5, 0.6]
    ramp = torch.tensor(centers).view(1, 1, -1)
    aligned = align_time(ramp, centers=centers, targets=targets)[0, 0]
    assert aligned.tolist() == pytest.approx(targets, abs=1e-3)


def test_alignment_to_fewer_cells_loses_no_hop() -> None:
    centers = [(index + 0.5) / 124 for index in range(124)]
    targets = [(index + 0.5) / 30 for index in range(30)]
    every_hop = align_time(torch.eye(124)[None], centers=centers, targets=targets)
    assert (every_hop.sum(dim=2) > 0.1).all()


def test_the_joint_convolution_equals_one_over_concatenated_channels() -> None:
    joint = JointConvolution(3, 4, out_channels=5)
    weight = torch.cat([joint.audio.weight[..., None, None], joint.video.weight], dim=1)
    audio, video = torch.randn(2, 3, 6), torch.randn(2, 4, 6, 3, 2)
    whole = functional.conv3d(Concatenation()(audio, video), weight, joint.audio.bias)
    assert torch.allclose(joint(audio, video), whole, atol=1e-6)


@pytest.mark.parametrize(("kernel", "stride", "padding"), [(3, 1, 1), (4, 2, 1), (5, 3, 0)])
def test_the_temporal_convolution_equals_the_three_dimensional_one(kernel: int, stride: int, padding: int) -> None:
    layer = TemporalConvolution(4, 6, kernel, stride=stride, padding=padding)
    video = torch.randn(2, 4, 10, 3, 5)
    assert torch.allclose(layer(video), nn.Conv3d.forward(layer, video), atol=1e-6)


@pytest.mark.parametrize("shrink", [1, 2, 3])
def test_the_frame_average_equals_the_pool(shrink: int) -> None:
    layer, video = FrameAverage(shrink), torch.randn(2, 3, 4, 7, 9)
    assert torch.allclose(layer(video), nn.AvgPool3d.forward(layer, video), atol=1e-6)
    last = video.contiguous(memory_format=torch.channels_last_3d)
    assert torch.allclose(layer(last), layer(video), atol=1e-6)


@pytest.mark.parametrize("size", [(6, 8, 10), (7, 9, 11)])
def test_a_halving_convolution_is_the_same_by_blocks(size) -> None:
    layer = HalvingConvolution(3, 4, (5, 7, 7))
    video = torch.randn(2, 3, *size)
    plain, by_blocks = layer(video), layer.by_blocks(video)
    assert by_blocks.shape == plain.shape
    assert torch.allclose(by_blocks, plain, atol=1e-5)


def test_a_halving_convolution_refuses_even_kernels() -> None:
    with pytest.raises(ValueError, match="even"):
        HalvingConvolution(3, 4, (5, 8, 7))

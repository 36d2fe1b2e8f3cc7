"""The arithmetic of cells agrees with where convolutions really look."""

from typing import cast

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from models.blocks.cells import (
    Axis,
    input_axes,
    interpolate,
    interpolation_weights,
    pixel_centers,
    trace,
)
from models.blocks.residual import Residual


def centroid_of_what_a_cell_sees(layers: nn.Module, length: int, cell: int) -> float:
    for layer in layers.modules():
        if isinstance(layer, nn.Conv1d):
            nn.init.ones_(layer.weight)
            nn.init.zeros_(cast(Tensor, layer.bias))
    signal = torch.ones(1, 1, length, dtype=torch.float64, requires_grad=True)
    layers.double()(signal)[0, 0, cell].backward()
    positions = torch.arange(length, dtype=torch.float64) + 0.5
    seen = cast(Tensor, signal.grad)[0, 0]
    return float((seen * positions).sum() / seen.sum())


@pytest.mark.parametrize(
    "layers",
    [
        nn.Sequential(nn.Conv1d(1, 1, 5, stride=2), nn.ELU(), nn.Conv1d(1, 1, 4, padding=1)),
        nn.Sequential(nn.AvgPool1d(4), nn.Conv1d(1, 1, 3, padding=1), nn.AvgPool1d(3, stride=2)),
        nn.Sequential(nn.ZeroPad1d((0, 1)), nn.Conv1d(1, 1, 2), nn.Conv1d(1, 1, 4, stride=2)),
    ],
)
def test_a_cell_is_centered_on_what_it_sees(layers: nn.Module) -> None:
    (axis,) = trace(layers, input_axes([64]))
    for cell in (3, 5):
        center = axis.first + axis.step * cell
        assert centroid_of_what_a_cell_sees(layers, 64, cell) == pytest.approx(center)


def test_counts_are_those_of_torch() -> None:
    layers = nn.Sequential(
        nn.Conv3d(1, 1, (5, 7, 7), stride=2),
        nn.MaxPool3d((1, 2, 2)),
        nn.ZeroPad3d((0, 1, 0, 1, 2, 1)),
    )
    axes = trace(layers, input_axes([20, 33, 40]))
    assert tuple(axis.cells for axis in axes) == layers(torch.zeros(1, 1, 20, 33, 40)).shape[2:]


def test_the_body_decides_where_a_residual_looks() -> None:
    block = Residual(nn.Conv1d(1, 1, 9, stride=2), shortcut=nn.AvgPool1d(2))
    assert trace(block, input_axes([32]))[0] == Axis(4.5, 2.0, 12)


def test_unknown_layers_are_refused() -> None:
    with pytest.raises(TypeError, match="Linear"):
        trace(nn.Linear(3, 3), input_axes([3]))


def test_cells_that_tile_an_input_have_pixel_centers() -> None:
    (axis,) = trace(nn.AvgPool1d(8), input_axes([64]))
    assert axis.centers(64) == pytest.approx(pixel_centers(8))


def test_interpolation_returns_the_cells_at_their_centers() -> None:
    values = np.random.default_rng(0).normal(size=(2, 5, 3))
    centers = [0.2, 0.3, 0.4, 0.5, 0.6]
    assert interpolate(values, centers, centers, axis=1) == pytest.approx(values)


def test_interpolation_is_linear_between_cells_and_flat_beyond() -> None:
    read = interpolate(np.array([1.0, 3.0]), [0.4, 0.6], [0.0, 0.45, 0.5, 1.0], axis=0)
    assert read == pytest.approx([1.0, 1.5, 2.0, 3.0])
    assert interpolation_weights([0.4, 0.6], [0.0, 0.5, 0.7]).sum(axis=1) == pytest.approx([1] * 3)

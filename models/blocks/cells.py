"""Where the cells of a feature map lie on the input, from kernels, strides and paddings."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float
from torch import nn

_POINTWISE = (
    nn.Identity,
    nn.ELU,
    nn.ReLU,
    nn.BatchNorm1d,
    nn.BatchNorm2d,
    nn.BatchNorm3d,
    nn.GroupNorm,
)
_WINDOWED = (
    nn.Conv1d,
    nn.Conv2d,
    nn.Conv3d,
    nn.MaxPool1d,
    nn.MaxPool2d,
    nn.MaxPool3d,
    nn.AvgPool1d,
    nn.AvgPool2d,
    nn.AvgPool3d,
)
_PADDING = (nn.ZeroPad1d, nn.ZeroPad2d, nn.ZeroPad3d)


class CellCenters(NamedTuple):
    """Centers of a map's cells on the input clip: 0 is its start or edge, 1 its end."""

    times: tuple[float, ...]
    rows: tuple[float, ...]
    columns: tuple[float, ...]


class Axis(NamedTuple):
    """A row of equally spaced cells along one axis.

    Attributes:
        first: Center of the first cell, in input elements; the input spans 0 to its length, so
            the center of its first element is 0.5.
        step: Distance between neighboring centers, in input elements.
        cells: Number of cells.
    """

    first: float
    step: float
    cells: int

    def windowed(self, kernel: int, *, stride: int, before: int, after: int = 0) -> "Axis":
        """The axis after sliding a window of `kernel` cells over it, padded on both sides."""
        first = self.first + self.step * ((kernel - 1) / 2 - before)
        cells = (self.cells + before + after - kernel) // stride + 1
        return Axis(first, self.step * stride, cells)

    def centers(self, length: int) -> tuple[float, ...]:
        """Centers divided by the input's length: 0 is where the input starts, 1 where it ends."""
        return tuple((self.first + self.step * index) / length for index in range(self.cells))


def input_axes(lengths: Sequence[int]) -> tuple[Axis, ...]:
    """Axes of an input whose every element is one cell."""
    return tuple(Axis(0.5, 1.0, length) for length in lengths)


def trace(module: nn.Module, axes: Sequence[Axis]) -> tuple[Axis, ...]:
    """Axes of what `module` puts out, following its convolutional path.

    A block with a shortcut follows its main path: it is the body's geometry that decides where
    the evidence of a cell comes from, and the shortcut has to match it or be said not to.

    Args:
        module: Convolutions, pools, zero paddings and pointwise layers, nested in any order. Any
            other module must have a `cell_path` attribute naming the child to follow.
        axes: One axis for each input dimension after batch and channels.

    Raises:
        TypeError: If the module holds a layer whose geometry is not known.
    """
    axes = tuple(axes)
    for layer in _path(module):
        if isinstance(layer, _WINDOWED):
            axes = _through_window(layer, axes)
        elif isinstance(layer, _PADDING):
            # torch lists paddings from the last axis to the first: (left, right, top, bottom ...).
            sides = list(zip(layer.padding[::2], layer.padding[1::2], strict=True))[::-1]
            axes = tuple(
                axis.windowed(1, stride=1, before=before, after=after)
                for axis, (before, after) in zip(axes, sides, strict=True)
            )
        elif not isinstance(layer, _POINTWISE):
            raise TypeError(f"trace: {type(layer).__name__} has no known geometry; add it")
    return axes


def interpolate(
    values: Float[np.ndarray, "*shape"],
    centers: Sequence[float],
    positions: Sequence[float],
    *,
    axis: int,
) -> Float[np.ndarray, "*new_shape"]:
    """Values between cells, linear along one axis; beyond the outermost centers the edge value.

    Args:
        values: One value per cell.
        centers: Increasing normalized centers of the cells, as many as `values` has along `axis`.
        positions: Normalized positions to read at.
        axis: Axis of `values` to read along.
    """
    weights = interpolation_weights(centers, positions).astype(values.dtype)
    return np.moveaxis(np.moveaxis(values, axis, -1) @ weights.T, -1, axis)


def interpolation_weights(centers: Sequence[float], positions: Sequence[float]) -> Float[np.ndarray, "positions cells"]:
    """The matrix that reads cell values at positions; each row sums to one."""
    center_array = np.asarray(centers, dtype=np.float64)
    eye = np.eye(len(center_array))
    return np.stack([np.interp(positions, center_array, row) for row in eye], axis=1)


def pixel_centers(length: int) -> Float[np.ndarray, " length"]:
    """Normalized centers of `length` equal elements that tile 0 to 1."""
    return (np.arange(length) + 0.5) / length


def _path(module: nn.Module) -> Iterator[nn.Module]:
    if isinstance(module, nn.Sequential):
        for child in module:
            yield from _path(child)
    elif hasattr(module, "cell_path"):
        yield from _path(getattr(module, str(module.cell_path)))
    else:
        yield module


def _through_window(layer: Any, axes: Sequence[Axis]) -> tuple[Axis, ...]:
    def per_axis(value: int | Sequence[int]) -> tuple[int, ...]:
        numbers = (value,) if isinstance(value, int) else tuple(value)
        return numbers * len(axes) if len(numbers) == 1 else numbers

    kernels, strides = per_axis(layer.kernel_size), per_axis(layer.stride)
    paddings = per_axis(layer.padding)
    return tuple(
        axis.windowed(kernel, stride=stride, before=padding, after=padding)
        for axis, kernel, stride, padding in zip(axes, kernels, strides, paddings, strict=True)
    )

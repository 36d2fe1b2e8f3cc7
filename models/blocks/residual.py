"""Convolutional bodies with a pooled shortcut beside them."""

from jaxtyping import Float
from torch import Tensor, nn


class Residual(nn.Module):
    """The sum of a body and of a shortcut around it; no activation follows the sum.

    Args:
        body: Any layers.
        shortcut: Layers that bring the input to the size of the body's output.
        crop_shortcut: Whether a shortcut whose grid goes on beyond the body's is cut at its end.
    """

    cell_path = "body"

    def __init__(self, body: nn.Module, *, shortcut: nn.Module, crop_shortcut: bool = False) -> None:
        super().__init__()
        self.body = body
        self.shortcut = shortcut
        self.crop_shortcut = crop_shortcut

    def forward(self, features: Float[Tensor, "batch in *grid"]) -> Float[Tensor, "batch out *new"]:
        body, shortcut = self.body(features), self.shortcut(features)
        if self.crop_shortcut:
            shortcut = shortcut[(..., *(slice(length) for length in body.shape[2:]))]
        return body + shortcut


class PooledShortcut(nn.Sequential):
    """A strided pool, then a 1x1 convolution where the number of channels differs.

    The pool comes first: a 1x1 convolution with stride 64 would give 2757 hops of 176400 samples
    where the body gives 2756.

    Args:
        pool: Module that brings the input to the grid of the body's output.
        in_channels: Channels of the input.
        out_channels: Channels of the body's output.
    """

    def __init__(self, pool: nn.Module, *, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.add_module("pool", pool)
        if in_channels != out_channels:
            convolution = {nn.MaxPool1d: nn.Conv1d, nn.AvgPool1d: nn.Conv1d}
            kind = convolution.get(type(pool), nn.Conv3d)
            self.add_module("conv", kind(in_channels, out_channels, 1))

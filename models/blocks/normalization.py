"""Normalization by name, so that a whole network can be built without batch statistics."""

from typing import Literal

from torch import nn

Normalization = Literal["batch", "group"]
_BATCH = {1: nn.BatchNorm1d, 2: nn.BatchNorm2d, 3: nn.BatchNorm3d}


def normalization(kind: Normalization, channels: int, *, dims: int, affine: bool = True) -> nn.Module:
    """A normalization layer over `dims` grid axes.

    Args:
        kind: `batch` over the batch; `group` over all channels of one example, for which an
            example's output does not depend on its batch.
        channels: Channels of the features.
        dims: Grid axes after batch and channels: 1 for sound, 3 for video.
        affine: Whether a learned scale and offset follow. An input needs none, and without them
            the first convolution need not compute a gradient for its input.
    """
    if kind == "group":
        return nn.GroupNorm(1, channels, affine=affine)
    return _BATCH[dims](channels, affine=affine)

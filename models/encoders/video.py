"""Picture encoders: space shrinks, time is kept fine enough to see a strike."""

from collections import OrderedDict

import torch
from jaxtyping import Float
from torch import Tensor, nn

from models.blocks.fast import FrameAverage, HalvingConvolution, TemporalConvolution
from models.blocks.normalization import Normalization, normalization
from models.blocks.residual import PooledShortcut, Residual


def paper_video_encoder(*, aligned_shortcut: bool) -> nn.Sequential:
    """(batch, 3, 120, 224, 224) frames -> (batch, 64, 24, 20, 20) features, as the table has it.

    No convolution is padded: the cells are centered on pixels 32 to 184 of 224 and on frames 12
    to 104 of 120.

    Args:
        aligned_shortcut: Whether the shortcut averages over each cell's own place, 4 frames by
            8x8 pixels. If not, 24x20x20 pools of (5, 11, 11) tile the whole input from its
            corner, so that a shortcut's cell lies elsewhere than the convolution's.
    """
    body: OrderedDict[str, nn.Module] = OrderedDict(
        conv1=HalvingConvolution(3, 64, (5, 7, 7)),
        norm1=nn.BatchNorm3d(64),
        elu1=nn.ELU(),
        pool1=nn.MaxPool3d((1, 2, 2)),
        conv2=nn.Conv3d(64, 64, 3, stride=2),
        elu2=nn.ELU(),
        conv3=nn.Conv3d(64, 64, 3),
        elu3=nn.ELU(),
        conv4=nn.Conv3d(64, 64, 3),
        elu4=nn.ELU(),
        conv5=nn.Conv3d(64, 64, (1, 3, 3)),
        norm5=nn.BatchNorm3d(64),
        elu5=nn.ELU(),
    )
    # Cells are centered at frame 12.5 + 4 i and pixel 32.5 + 8 j: their places start at 10 and 28.
    pool = (
        nn.Sequential(_CropStart((10, 28, 28)), nn.AvgPool3d((4, 8, 8)))
        if aligned_shortcut
        else nn.AvgPool3d((5, 11, 11))
    )
    block = Residual(
        nn.Sequential(body),
        shortcut=PooledShortcut(pool, in_channels=3, out_channels=64),
        crop_shortcut=aligned_shortcut,
    )
    return nn.Sequential(OrderedDict(block1=block))


def compact_video_encoder(*, widths: tuple[int, int], shrink: int = 2, norm: Normalization = "batch") -> nn.Sequential:
    """(batch, 3, frames, height, width) -> (batch, widths[1], frames, height / 8, width / 8).

    The frames are averaged down by `shrink` and joined with their changes in time, so that from
    the first convolution on motion and standing texture are told apart. Kernels of 4 with a stride
    of 2 and a padding of 1 leave the cells tiling the picture; kernels of 3 would shift them up
    and left by half a cell. ReLU instead of the published ELU halves the time of a step: on a CPU the
    exponential costs more than the convolutions.
    """
    first, second = widths
    return nn.Sequential(
        OrderedDict(
            pool0=FrameAverage(shrink),
            change=FrameChange(),
            norm0=normalization(norm, 6, dims=3, affine=False),
            conv1=nn.Conv3d(6, first, (1, 4, 4), stride=(1, 2, 2), padding=(0, 1, 1)),
            norm1=normalization(norm, first, dims=3),
            relu1=nn.ReLU(inplace=True),
            conv2=nn.Conv3d(first, second, (1, 4, 4), stride=(1, 2, 2), padding=(0, 1, 1)),
            norm2=normalization(norm, second, dims=3),
            relu2=nn.ReLU(inplace=True),
            conv3=TemporalConvolution(second, second, 3, stride=1, padding=1),
            norm3=normalization(norm, second, dims=3),
            relu3=nn.ReLU(inplace=True),
        )
    )


class FrameChange(nn.Identity):
    """Frames with the difference to the frame before as further channels; zero for the first."""

    def forward(
        self, input: Float[Tensor, "batch channels frames height width"]
    ) -> Float[Tensor, "batch twice_channels frames height width"]:
        change = torch.diff(input, dim=2, prepend=input[:, :, :1])
        return torch.cat([input, change], dim=1)


class _CropStart(nn.Module):
    """A grid without its first elements along each axis."""

    def __init__(self, starts: tuple[int, ...]) -> None:
        super().__init__()
        self.slices = tuple(slice(start, None) for start in starts)

    def forward(self, grid: Tensor) -> Tensor:
        return grid[(..., *self.slices)]

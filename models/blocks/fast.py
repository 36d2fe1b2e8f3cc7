"""Layers of torch's own results, computed in a way that is faster on a CPU."""

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional


class TemporalConvolution(nn.Conv3d):
    """A convolution over time alone, each place by itself.

    Computed in two dimensions, time and place: torch has no fast path for 3-D kernels with a
    single element in space. Measured on one thread: half the time, forward and backward.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        kernel_size: Frames that the kernel spans.
        stride: Frames between outputs.
        padding: Frames of zeros on either side.
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int, *, stride: int, padding: int
    ) -> None:
        super().__init__(
            in_channels,
            out_channels,
            (kernel_size, 1, 1),
            stride=(stride, 1, 1),
            padding=(padding, 0, 0),
        )

    def forward(
        self, input: Float[Tensor, "batch in frames height width"]
    ) -> Float[Tensor, "batch out cells height width"]:
        convolved = functional.conv2d(
            input.flatten(3),
            self.weight.flatten(3),
            self.bias,
            stride=(self.stride[0], 1),
            padding=(int(self.padding[0]), 0),
        )
        return convolved.unflatten(3, input.shape[3:])


class FrameAverage(nn.AvgPool3d):
    """Frames averaged down in height and width by a whole number.

    Sums of slices take a third of the time of torch's pool where channels are last in memory.

    Args:
        shrink: Pixels in height and width that become one.
    """

    def __init__(self, shrink: int) -> None:
        super().__init__((1, shrink, shrink))
        self.shrink = shrink

    def forward(
        self, input: Float[Tensor, "batch channels frames height width"]
    ) -> Float[Tensor, "batch channels frames rows columns"]:
        height, width = (length // self.shrink * self.shrink for length in input.shape[-2:])
        offsets = range(self.shrink)
        columns = sum(input[..., offset : width : self.shrink] for offset in offsets)
        rows = sum(columns[..., offset : height : self.shrink, :] for offset in offsets)
        return rows / self.shrink**2

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

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, *, stride: int, padding: int) -> None:
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
        columns = input[..., : width : self.shrink]
        for offset in range(1, self.shrink):
            columns = columns + input[..., offset : width : self.shrink]
        rows = columns[..., : height : self.shrink, :]
        for offset in range(1, self.shrink):
            rows = rows + columns[..., offset : height : self.shrink, :]
        # Frames come with channels last in memory; small networks are slower that way.
        return (rows / self.shrink**2).contiguous()

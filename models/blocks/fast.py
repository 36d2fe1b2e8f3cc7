"""Layers of torch's own results, computed in a faster way."""

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


class HalvingConvolution(nn.Conv3d):
    """A convolution with a stride of 2 along time, height and width, without padding, for frames of few channels.

    On a GPU blocks of 2x2x2 elements become channels first, for input and kernel alike, and the stride becomes 1. The sums stay
    the same. cuDNN has no kernel for tensor cores where channels are three; with 24 it has, and all layers after it find channels
    last in memory, as their fast kernels want them: twice the clips a second, see `docs/performance.md`.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        kernel_size: Odd lengths of the kernel in frames, rows and columns.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel_size: tuple[int, int, int]) -> None:
        if not all(length % 2 for length in kernel_size):
            raise ValueError(f"kernel_size: {kernel_size} holds an even length; give odd ones")
        super().__init__(in_channels, out_channels, kernel_size, stride=2)

    def forward(
        self, input: Float[Tensor, "batch in frames height width"]
    ) -> Float[Tensor, "batch out cells rows columns"]:
        return self.by_blocks(input) if input.is_cuda else super().forward(input)

    def by_blocks(
        self, input: Float[Tensor, "batch in frames height width"]
    ) -> Float[Tensor, "batch out cells rows columns"]:
        """The same result from blocks of the input."""
        return functional.conv3d(_blocks(input), _blocks(self.weight), self.bias)


def _blocks(grid: Float[Tensor, "batch in frames height width"]) -> Float[Tensor, "batch blocks cells rows columns"]:
    """Blocks of 2x2x2 elements as channels, which come last in memory, with zeros after the end of an odd axis."""
    odd = [length % 2 for length in grid.shape[:1:-1]]
    padded = functional.pad(grid, [side for length in odd for side in (0, length)])
    split = padded.unflatten(4, (-1, 2)).unflatten(3, (-1, 2)).unflatten(2, (-1, 2))
    return split.permute(0, 2, 4, 6, 1, 3, 5, 7).flatten(4).permute(0, 4, 1, 2, 3)


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

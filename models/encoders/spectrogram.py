"""A sound encoder that reads log-mel spectrograms as pictures: convolutions over time and frequency."""

from collections import OrderedDict

from jaxtyping import Float
from torch import Tensor, nn


class SpectrogramEncoder(nn.Module):
    """(batch, bins, hops) -> (batch, 8 channels, hops / 16): four convolutions, after each of which both axes are halved.

    Every bin is brought to zero mean and unit spread over the batch first, frequency is averaged at the end.

    Args:
        num_bins: Mel bins.
        channels: Channels of the first convolution; each further one has twice as many.
    """

    def __init__(self, *, num_bins: int, channels: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(num_bins, affine=False)
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        width = 1
        for number in range(1, 5):
            wide = channels * 2 ** (number - 1)
            layers[f"conv{number}"] = nn.Conv2d(width, wide, 3, padding=1, bias=False)
            layers[f"norm{number}"] = nn.BatchNorm2d(wide)
            layers[f"relu{number}"] = nn.ReLU(inplace=True)
            layers[f"pool{number}"] = nn.AvgPool2d(2, ceil_mode=True)
            width = wide
        self.layers = nn.Sequential(layers)
        self.num_features = width

    def forward(self, log_mel: Float[Tensor, "batch bins hops"]) -> Float[Tensor, "batch features cells"]:
        """Features over time."""
        return self.layers(self.norm(log_mel)[:, None]).mean(dim=2)

"""Sound joined with every place of the picture."""

from jaxtyping import Float
from torch import Tensor, cat, nn


class Concatenation(nn.Module):
    """Sound features expanded over height and width, joined with the picture's as channels."""

    def forward(
        self,
        audio_features: Float[Tensor, "batch audio_channels frames"],
        video_features: Float[Tensor, "batch video_channels frames height width"],
    ) -> Float[Tensor, "batch channels frames height width"]:
        height, width = video_features.shape[-2:]
        expanded = audio_features[..., None, None].expand(-1, -1, -1, height, width)
        return cat([expanded, video_features], dim=1)


class JointConvolution(nn.Module):
    """A 1x1x1 convolution of expanded sound and picture, without the expanded tensor in memory.

    The weights over concatenated channels are two matrices side by side; each is applied to its
    own modality and the sound's result is added to every place.

    Args:
        audio_channels: Channels of the sound features.
        video_channels: Channels of the picture features.
        out_channels: Channels of the sum.
    """

    def __init__(self, audio_channels: int, video_channels: int, *, out_channels: int) -> None:
        super().__init__()
        self.audio = nn.Conv1d(audio_channels, out_channels, 1)
        self.video = nn.Conv3d(video_channels, out_channels, 1, bias=False)

    def forward(
        self,
        audio_features: Float[Tensor, "batch audio_channels frames"],
        video_features: Float[Tensor, "batch video_channels frames height width"],
    ) -> Float[Tensor, "batch channels frames height width"]:
        return self.video(video_features) + self.audio(audio_features)[..., None, None]

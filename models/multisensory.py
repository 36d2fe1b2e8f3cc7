"""Multisensory network: do sound and picture belong together, and where does the sound come from.

Reference: Owens and Efros, Audio-Visual Scene Analysis with Self-Supervised Multisensory
Features (2018, arXiv:1804.03641), in the layer sizes of a re-implementation on Kinetics-700-2020.

Three builders share one interface:

- `paper()` has every size of the published table. Its convolutions are not padded, so that the
  5x5 cells of its map are centered on pixels 92 to 124 of 224 and on frames 48 to 68 of 120: the
  map says when, and hardly where.
- `aligned()` has the same weights on a padded fused trunk, which is halved once, by a stride of
  2 at its sixth convolution. Map 12x10x10, centered on pixels 40 to 184; about 99 instead of 60
  billion multiplications. Full-size maps come from it.
- `compact()` has about 38,000 parameters, for 64x64 frames; it learns in minutes on a CPU.
"""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from models.blocks.cells import CellCenters, input_axes, trace
from models.blocks.fusion import Concatenation, JointConvolution
from models.blocks.normalization import Normalization
from models.blocks.time_alignment import align_time
from models.encoders.fused import compact_trunk, paper_trunk
from models.encoders.log_mel import compact_log_mel_encoder, wide_log_mel_encoder
from models.encoders.video import compact_video_encoder, paper_video_encoder
from models.encoders.waveform import compact_waveform_encoder, paper_waveform_encoder
from models.frontends.waveform import WaveformFrontEnd

AudioInput = Literal["waveform", "log_mel"]


class Multisensory(nn.Module):
    """Two encoders, a fused trunk, a global average and one linear layer to one logit.

    Args:
        front_end: Sound as it is given -> sound of the same length, made ready for the encoder.
        audio_encoder: Sound (batch, channels or bins, length) -> (batch, channels, cells).
        video_encoder: Picture (batch, 3, frames, height, width) -> features on a smaller grid.
        join: Sound and picture features -> features on the picture's grid.
        trunk: Joined features -> the features that enter the average.
        num_features: Channels of the trunk's output.
        video_size: Frames, height and width of a clip.
        align_sound: Whether the sound's cells are read at the times of the picture's.
    """

    def __init__(
        self,
        *,
        front_end: nn.Module,
        audio_encoder: nn.Module,
        video_encoder: nn.Module,
        join: nn.Module,
        trunk: nn.Module,
        num_features: int,
        video_size: tuple[int, int, int],
        align_sound: bool,
    ) -> None:
        super().__init__()
        self.front_end = front_end
        self.audio_encoder = audio_encoder
        self.video_encoder = video_encoder
        self.join = join
        self.trunk = trunk
        self.head = nn.Linear(num_features, 1)
        self.video_size = video_size
        self.align_sound = align_sound

    def encode_audio(
        self, sound: Float[Tensor, "batch sound_channels length"]
    ) -> Float[Tensor, "batch audio_channels frames"]:
        """Features of a waveform in [-1, 1], or of a log-scaled mel spectrogram, per video cell."""
        features = self.audio_encoder(self.front_end(sound))
        if not self.align_sound:
            return features
        length, num_frames = sound.shape[-1], self.video_size[0]
        (cells,) = trace(self.audio_encoder, input_axes([length]))
        frames = trace(self.video_encoder, input_axes(self.video_size))[0]
        return align_time(features, centers=cells.centers(length), targets=frames.centers(num_frames))

    def encode_video(
        self, video: Float[Tensor, "batch 3 frames height width"]
    ) -> Float[Tensor, "batch video_channels cells rows columns"]:
        """Features of frames in [-1, 1]."""
        return self.video_encoder(video)

    def fuse(
        self,
        audio_features: Float[Tensor, "batch audio_channels audio_cells"],
        video_features: Float[Tensor, "batch video_channels video_cells height width"],
    ) -> Float[Tensor, "batch channels cells rows columns"]:
        """Features of sound and picture together, from what the encoders gave.

        Raises:
            ValueError: If sound and picture have different numbers of cells in time.
        """
        if audio_features.shape[-1] != video_features.shape[2]:
            raise ValueError(
                f"sound has {audio_features.shape[-1]} cells in time and video has "
                f"{video_features.shape[2]}; give both for a clip of {self.video_size[0]} frames"
            )
        return self.trunk(self.join(audio_features, video_features))

    def logits(self, features: Float[Tensor, "batch channels cells rows columns"]) -> Float[Tensor, " batch"]:
        """The evidence that sound and picture belong together: above zero, they do."""
        return self.head(features.mean(dim=(2, 3, 4)))[:, 0]

    def activation_map(
        self, features: Float[Tensor, "batch channels cells rows columns"]
    ) -> Float[Tensor, "batch cells rows columns"]:
        """Signed evidence of every cell: its mean, plus the head's bias, is the logit.

        The contrast of two maps, of the same frames with their own and with shifted sound, keeps
        only what sound and picture say together.
        """
        return torch.einsum("bcthw,c->bthw", features, self.head.weight[0])

    def forward(
        self,
        sound: Float[Tensor, "batch sound_channels length"],
        video: Float[Tensor, "batch 3 frames height width"],
    ) -> Float[Tensor, " batch"]:
        """Logits of sounds with the pictures at the same place in the batch."""
        return self.logits(self.fuse(self.encode_audio(sound), self.encode_video(video)))

    @property
    def bias(self) -> float:
        """What the mean of an activation map lacks to be the logit."""
        return float(self.head.bias.item())

    def cell_centers(self, video_size: tuple[int, int, int] | None = None) -> CellCenters:
        """Centers of the activation map's cells, by the geometry of the convolutional path.

        Args:
            video_size: Frames, height and width of the clip; the network's own if not given.
        """
        size = video_size or self.video_size
        axes = trace(self.trunk, trace(self.video_encoder, input_axes(size)))
        return CellCenters(*(axis.centers(n) for axis, n in zip(axes, size, strict=True)))


def paper(
    *,
    audio_input: AudioInput = "waveform",
    num_bins: int = 64,
    mute_samples: int = 5000,
    compander: bool = True,
    video_size: tuple[int, int, int] = (120, 224, 224),
) -> Multisensory:
    """The network of the published table, for 4 s of sound at 44.1 kHz and 120 frames of 224x224.

    Our readings, where the sources are silent: an ELU follows every convolution; shortcuts are
    pools (of the maximum for sound, of the mean for the rest), then 1x1 convolutions where
    channels differ; the second norm at conv6 follows its ELU.

    Args:
        audio_input: `waveform` as published, or `log_mel` with an encoder of our own.
        num_bins: Bins of `log_mel`.
        mute_samples: Samples of `waveform` at its start to set to zero.
        compander: Whether `waveform` is put on the mu-law scale.
        video_size: Frames, height and width of a clip.
    """
    return _full_size(
        audio_input=audio_input,
        num_bins=num_bins,
        mute_samples=mute_samples,
        compander=compander,
        padded=False,
        video_size=video_size,
    )


def aligned(
    *,
    audio_input: AudioInput = "waveform",
    num_bins: int = 64,
    mute_samples: int = 5000,
    compander: bool = True,
    video_size: tuple[int, int, int] = (120, 224, 224),
) -> Multisensory:
    """The published network with a map whose cells lie where they seem to: 12x10x10.

    The weights have the sizes of `paper()`. Differs from it in that the fused trunk is padded and
    halved once, and in that every shortcut averages over its cell's own place. The encoders stay
    unpadded, so that a margin of 32 pixels has cells only beside it.

    Args:
        audio_input: As for `paper()`.
        num_bins: As for `paper()`.
        mute_samples: As for `paper()`.
        compander: As for `paper()`.
        video_size: Frames, height and width of a clip.
    """
    return _full_size(
        audio_input=audio_input,
        num_bins=num_bins,
        mute_samples=mute_samples,
        compander=compander,
        padded=True,
        video_size=video_size,
    )


def compact(
    *,
    audio_input: AudioInput = "log_mel",
    num_bins: int = 32,
    audio_channels: int = 32,
    video_channels: tuple[int, int] = (16, 24),
    num_features: int = 32,
    video_size: tuple[int, int, int] = (30, 64, 64),
    shrink: int = 2,
    norm: Normalization = "batch",
    mute_samples: int = 0,
    compander: bool = True,
) -> Multisensory:
    """A small network of our own: 30 frames of 64x64 in 2 s, map 15x8x8.

    Args:
        audio_input: `log_mel`, or `waveform` with a small encoder.
        num_bins: Bins of `log_mel`.
        audio_channels: Channels of the sound encoder.
        video_channels: Channels of the picture encoder's two stages.
        num_features: Channels of the fused trunk.
        video_size: Frames, height and width of a clip.
        shrink: Factor by which frames are averaged down at entry.
        norm: `batch`, or `group` where an example may not depend on its batch.
        mute_samples: Samples of `waveform` at its start to set to zero.
        compander: Whether `waveform` is put on the mu-law scale.
    """
    if audio_input == "waveform":
        front_end: nn.Module = WaveformFrontEnd(mute_samples=mute_samples, compander=compander)
        encoder = compact_waveform_encoder(channels=audio_channels, norm=norm)
    else:
        front_end = nn.Identity()
        encoder = compact_log_mel_encoder(num_bins=num_bins, channels=audio_channels, norm=norm)
    return Multisensory(
        front_end=front_end,
        audio_encoder=encoder,
        video_encoder=compact_video_encoder(widths=video_channels, shrink=shrink, norm=norm),
        join=JointConvolution(audio_channels, video_channels[1], out_channels=num_features),
        trunk=compact_trunk(channels=num_features, norm=norm),
        num_features=num_features,
        video_size=video_size,
        align_sound=True,
    )


def _full_size(
    *,
    audio_input: AudioInput,
    num_bins: int,
    mute_samples: int,
    compander: bool,
    padded: bool,
    video_size: tuple[int, int, int],
) -> Multisensory:
    if audio_input == "waveform":
        front_end: nn.Module = WaveformFrontEnd(mute_samples=mute_samples, compander=compander)
        audio_encoder = paper_waveform_encoder()
    else:
        front_end = nn.Identity()
        audio_encoder = wide_log_mel_encoder(num_bins=num_bins)
    network = Multisensory(
        front_end=front_end,
        audio_encoder=audio_encoder,
        video_encoder=paper_video_encoder(aligned_shortcut=padded),
        join=Concatenation(),
        trunk=paper_trunk(padded=padded),
        num_features=128,
        video_size=video_size,
        align_sound=audio_input == "log_mel",
    )
    for module in network.modules():
        if isinstance(module, nn.Conv1d | nn.Conv3d):
            # Up to five convolutions follow each other without a norm: torch's default would
            # shrink what they pass on by 1.7 each time.
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    return network

"""Lip-sync network: does a mouth move as the speech says, from crops of the mouth and sound.

It sees shape and not motion alone: how far a mouth is open goes with the loudness and the vowels of speech, which the change from one
frame to the next does not show. Pictures are compared with sound by a product of features over time, as in `models/coincidence.py`.

- Picture: gray frames, less their mean and divided by their spread over the clip; the same less its median over the clip; and the change
  from the frame before. Three convolutions a frame with a stride of two, a linear layer, and two convolutions over time.
- Sound: log-mel bands, each less its mean over the clip, and three convolutions over time, read at the moments of the frames.
- Both are centered over time and scaled. The evidence is the mean product over time and features, the soft maximum over lags up to a tenth
  of a second either way: recordings are seldom in step to the frame.

References:
    Chung and Zisserman, Out of Time: Automated Lip Sync in the Wild (2016). Differs from it in that one product over the whole clip takes
    the place of distances of windows of five frames.
"""

import math
from collections import OrderedDict

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from models.blocks.cells import CellCenters, pixel_centers
from models.blocks.time_alignment import align_time
from models.frontends.augmentation import hide_bands

_GRAY = (0.299, 0.587, 0.114)
_KERNEL = 5
_CHANNELS = (12, 24, 32)
_FIRST_GAIN = 8.0
_SIDE = 32
"""Height and width to which pictures are pooled."""
_SMALLEST_SPREAD = 0.03
_BAND_SPREAD = 3.0
_HIDDEN_SHARE = 0.15
_BAND_NOISE = 0.5
_PICTURE_NOISE = 0.15
_TURN, _SCALE, _SHIFT = 0.2, 0.18, 0.1


class LipSync(nn.Module):
    """Encoders of mouths and of speech, and their product.

    Args:
        num_bins: Mel bins.
        num_features: Features of the sound and of the picture.
        num_frames: Frames of a clip.
        frame_rate: Frames per second.
        hop_seconds: Seconds from one hop of the spectrogram to the next.
        window_seconds: Seconds that a hop covers.
        lag_seconds: Largest lag of sound behind the picture, or before it.
    """

    def __init__(
        self,
        *,
        num_bins: int,
        num_features: int = 24,
        num_frames: int = 60,
        frame_rate: float = 30.0,
        hop_seconds: float = 0.016,
        window_seconds: float = 0.032,
        lag_seconds: float = 0.1,
    ) -> None:
        super().__init__()
        self.num_frames, self.frame_rate = num_frames, frame_rate
        self.hop_seconds, self.window_seconds = hop_seconds, window_seconds
        self.most_lag = min(round(lag_seconds * frame_rate), num_frames - 2)
        first, second, third = _CHANNELS
        self.frame = nn.Sequential(
            OrderedDict(
                conv1=nn.Conv2d(3, first, 5, stride=2, padding=2),
                norm1=nn.GroupNorm(1, first),
                relu1=nn.ReLU(),
                conv2=nn.Conv2d(first, second, 3, stride=2, padding=1),
                norm2=nn.GroupNorm(1, second),
                relu2=nn.ReLU(),
                conv3=nn.Conv2d(second, third, 3, stride=2, padding=1),
                relu3=nn.ReLU(),
                flat=nn.Flatten(),
                linear=nn.Linear(third * (_SIDE // 8) ** 2, num_features),
                relu4=nn.ReLU(),
            )
        )
        self.over_time = _over_time(num_features, num_features, layers=2)
        self.sound = _over_time(num_bins, num_features, layers=3)
        self.log_gain = nn.Parameter(torch.tensor(math.log(_FIRST_GAIN)))
        self.offset = nn.Parameter(torch.tensor(-1.0))

    def encode_audio(self, sound: Float[Tensor, "batch bins hops"]) -> Float[Tensor, "batch features frames"]:
        """Features of log-mel spectrograms at the moments of the frames."""
        bands = (sound - sound.mean(dim=2, keepdim=True)) / _BAND_SPREAD
        hops = sound.shape[2]
        seconds = self.num_frames / self.frame_rate
        centers = [(hop * self.hop_seconds + self.window_seconds / 2) / seconds for hop in range(hops)]
        read = align_time(self.sound(bands), centers=centers, targets=pixel_centers(self.num_frames).tolist())
        return _standardize(read)

    def encode_video(
        self, video: Float[Tensor, "batch 3 frames height width"]
    ) -> Float[Tensor, "batch features frames"]:
        """Features of mouths in [-1, 1]."""
        return self.encode_mouths(mouth_channels(video))

    def encode_mouths(
        self, mouths: Float[Tensor, "batch 3 frames side side"]
    ) -> Float[Tensor, "batch features frames"]:
        """Features of the channels of `mouth_channels`."""
        each = self.frame(mouths.transpose(1, 2).flatten(0, 1)).unflatten(0, (len(mouths), -1))
        return _standardize(self.over_time(each.transpose(1, 2)))

    def encode_disturbed(
        self,
        sound: Float[Tensor, "batch bins hops"],
        video: Float[Tensor, "batch 3 frames height width"],
        generator: torch.Generator,
    ) -> tuple[Float[Tensor, "batch features frames"], Float[Tensor, "batch features frames"]]:
        """Features of sounds and mouths to train on: mouths turned, scaled, moved and noisy, bands hidden and noisy."""
        mouths = mouth_channels(turned(video, generator))
        mouths = mouths + _PICTURE_NOISE * _noise(mouths, generator)
        share = torch.rand(len(sound), 1, 1, generator=generator, device=generator.device).to(sound.device)
        bands = hide_bands(
            sound + _BAND_NOISE * share * _noise(sound, generator), share=_HIDDEN_SHARE, generator=generator
        )
        return self.encode_audio(bands), self.encode_mouths(mouths)

    def fuse(
        self,
        audio_features: Float[Tensor, "batch features frames"],
        video_features: Float[Tensor, "batch features frames"],
    ) -> Float[Tensor, "batch frames 1 1"]:
        """Evidence at every moment: the mean product over features, times a learned gain, of the lags that fit best."""
        lags = range(-self.most_lag, self.most_lag + 1)
        evidence = (
            torch.stack([_product(audio_features, video_features, lag) for lag in lags], dim=1) * self.log_gain.exp()
        )
        over_clip = evidence.mean(dim=2, keepdim=True)
        weights = over_clip.softmax(dim=1)
        spread = over_clip.logsumexp(dim=1) - math.log(len(lags)) - (weights * over_clip).sum(dim=1)
        return ((weights * evidence).sum(dim=1) + spread)[:, :, None, None]

    def logits(self, evidence: Float[Tensor, "batch frames 1 1"]) -> Float[Tensor, " batch"]:
        """The evidence that speech and mouth belong together: above zero, they do."""
        return evidence.mean(dim=(1, 2, 3)) + self.offset

    def activation_map(self, evidence: Float[Tensor, "batch frames 1 1"]) -> Float[Tensor, "batch frames 1 1"]:
        """Signed evidence at every moment: its mean, plus the bias, is the logit."""
        return evidence

    def forward(
        self, sound: Float[Tensor, "batch bins hops"], video: Float[Tensor, "batch 3 frames height width"]
    ) -> Float[Tensor, " batch"]:
        """Logits of sounds with the mouths at the same place in the batch."""
        return self.logits(self.fuse(self.encode_audio(sound), self.encode_video(video)))

    @property
    def bias(self) -> float:
        """What the mean of an activation map lacks to be the logit."""
        return float(self.offset.item())

    def cell_centers(self) -> CellCenters:
        """Centers of the activation map's cells: every frame, and the picture as a whole."""
        return CellCenters(tuple(pixel_centers(self.num_frames).tolist()), (0.5,), (0.5,))


def mouth_channels(video: Float[Tensor, "batch 3 frames height width"]) -> Float[Tensor, "batch 3 frames side side"]:
    """Gray pictures against the whole clip: by its mean and spread, less its median picture, and their change."""
    gray = torch.einsum("bcthw,c->bthw", video, video.new_tensor(_GRAY))
    small = functional.adaptive_avg_pool2d(gray, _SIDE)
    spread = small.std(dim=(1, 2, 3), keepdim=True) + _SMALLEST_SPREAD
    shown = (small - small.mean(dim=(1, 2, 3), keepdim=True)) / spread
    change = functional.pad(shown.diff(dim=1), (0, 0, 0, 0, 1, 0))
    return torch.stack([shown, 2 * (shown - shown.median(dim=1, keepdim=True).values), 3 * change], dim=1)


def turned(
    video: Float[Tensor, "batch 3 frames height width"], generator: torch.Generator
) -> Float[Tensor, "batch 3 frames height width"]:
    """Clips turned by up to 0.2 radians, scaled by up to a fifth and moved by up to a twentieth of the side, each by one draw."""
    draws = 2 * torch.rand(4, len(video), generator=generator, device=generator.device).to(video) - 1
    scale, angle, (across, down) = (_SCALE * draws[0]).exp(), _TURN * draws[1], _SHIFT * draws[2:]
    cos, sin = scale * angle.cos(), scale * angle.sin()
    turn = torch.stack([torch.stack([cos, -sin, across], dim=1), torch.stack([sin, cos, down], dim=1)], dim=1)
    flat = video.flatten(1, 2)
    where = functional.affine_grid(turn, [*flat.shape], align_corners=False)
    return functional.grid_sample(flat, where, padding_mode="border", align_corners=False).view_as(video)


def _over_time(channels: int, width: int, *, layers: int) -> nn.Sequential:
    made: list[nn.Module] = []
    for layer in range(layers):
        # Edges repeat what is there: zeros would be a change that nothing made.
        side = _KERNEL // 2
        made.append(nn.Conv1d(width if layer else channels, width, _KERNEL, padding=side, padding_mode="replicate"))
        if layer < layers - 1:
            made.append(nn.ReLU())
    return nn.Sequential(*made)


def _product(sound: Tensor, picture: Tensor, lag: int) -> Tensor:
    """Return (batch, frames) of mean products over features, of sound so many frames later; zero where there is no partner."""
    frames = picture.shape[2]
    both = sound[:, :, max(lag, 0) : frames + min(lag, 0)] * picture[:, :, max(-lag, 0) : frames - max(lag, 0)]
    return functional.pad(both.mean(dim=1), (max(-lag, 0), max(lag, 0)))


def _standardize(features: Float[Tensor, "batch features frames"]) -> Float[Tensor, "batch features frames"]:
    """Features less their mean over time, by their spread over time and features: products are correlations."""
    centered = features - features.mean(dim=2, keepdim=True)
    return centered * (centered.square().mean(dim=(1, 2), keepdim=True) + 1e-4).rsqrt()


def _noise(like: Tensor, generator: torch.Generator) -> Tensor:
    return torch.randn(like.shape, generator=generator, device=generator.device).to(like)

"""Coincidence network: does something in the picture move when the sound changes, and where.

It sees motion and not appearance, and it compares by a product: a place of the picture is evidence of a common source where its
features rise and fall with those of the sound. What it learns from drawn scenes carries over to film, because neither the look of things
nor the loudness of the whole reaches the product.

- Motion: per cell of a grid the log of the mean absolute difference of successive gray frames, less the clip's median and divided by its
  spread, and the signed difference divided by its spread; the same of larger squares, up to the whole picture. Three convolutions, over
  time and neighbors.
- Sound: log-mel bands, each less its mean over the clip, and three convolutions over time.
- All are read on one clock, whatever the frame rate, then centered over time and scaled, cell by cell. Frames are compared about as far
  apart as moments of that clock, so that motion between them, and camera noise beside it, is the same at all rates above.
- A cell's evidence is the mean product of picture and sound over time and features, a soft maximum over motion and that of its larger
  squares; the clip's score is the soft maximum over cells.

Clips may be of any length and frames of any size. Silence and a still picture score exactly zero.
"""

import math
from collections import OrderedDict
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from models.blocks.cells import CellCenters, pixel_centers
from models.blocks.fast import TemporalConvolution
from models.blocks.time_alignment import align_time
from models.frontends.augmentation import hide_bands, hide_places
from models.frontends.clip_jitter import jitter_clips

_GRAY = (0.299, 0.587, 0.114)
_STILL = 1e-3
"""Added to mean absolute differences of frames in [-1, 1] ahead of the logarithm: an eighth of one step of 8 bits."""
_KERNEL = 5
_FIRST_GAIN = 20.0
_SMALLEST_SPREAD = 1e-2
_HIDDEN_SHARE = 0.2
_PLACES = 12
_BAND_NOISE = 0.3


class Coincidence(nn.Module):
    """Encoders of motion and of sound, their products cell by cell, and a soft maximum over cells.

    Args:
        num_bins: Mel bins.
        num_features: Features of the sound and of a cell.
        grid: Cells along height and along width.
        scales: Widths, in cells, of the squares whose motion is compared as a whole, beside that of single cells; divisors of the grid.
        moments_per_second: Clock on which picture and sound are compared.
        num_frames: Frames of a clip as it is stored.
        frame_rate: Frames per second of a clip as it is stored.
        hop_seconds: Seconds from one hop of the spectrogram to the next.
        window_seconds: Seconds that a hop covers.
    """

    def __init__(
        self,
        *,
        num_bins: int,
        num_features: int = 16,
        grid: int = 12,
        scales: tuple[int, ...] = (3, 12),
        moments_per_second: float = 15.0,
        num_frames: int = 30,
        frame_rate: float = 15.0,
        hop_seconds: float = 0.016,
        window_seconds: float = 0.032,
    ) -> None:
        super().__init__()
        self.grid, self.scales, self.moments_per_second = grid, scales, moments_per_second
        self.num_features = num_features
        self.num_frames, self.frame_rate = num_frames, frame_rate
        self.hop_seconds, self.window_seconds = hop_seconds, window_seconds
        self.picture = _picture_encoder(2, num_features)
        self.sound = _sound_encoder(num_bins, num_features)
        self.log_gain = nn.Parameter(torch.tensor(math.log(_FIRST_GAIN)))
        self.offset = nn.Parameter(torch.tensor(-1.0))

    def encode_audio(
        self, sound: Float[Tensor, "batch bins hops"], *, moments: Sequence[float] | None = None
    ) -> Float[Tensor, "batch features moments"]:
        """Features of log-mel spectrograms, centered over time and scaled.

        Args:
            sound: Spectrograms.
            moments: Seconds from the begin on at which they are read, if not those of the common clock.
        """
        hops = sound.shape[-1]
        seconds = (hops - 1) * self.hop_seconds + self.window_seconds
        centers = [(hop * self.hop_seconds + self.window_seconds / 2) / seconds for hop in range(hops)]
        bands = sound - sound.mean(dim=2, keepdim=True)
        return _standardize(self.sound(self._on_clock(bands, centers, seconds, moments)))

    def encode_video(
        self, video: Float[Tensor, "batch 3 frames height width"], *, frame_rate: float | None = None
    ) -> Float[Tensor, "batch views_and_features moments rows columns"]:
        """Features of frames in [-1, 1], centered over time and scaled, cell by cell: of each view one after the other.

        The views are motion of the cells and of the squares that they lie in.

        Args:
            video: Frames.
            frame_rate: Frames per second, if not that of stored clips.
        """
        return self.encode_motion(self.motion(video, frame_rate=frame_rate))

    def encode_disturbed(
        self,
        sound: Float[Tensor, "batch bins hops"],
        video: Float[Tensor, "batch 3 frames height width"],
        generator: torch.Generator,
        *,
        hidden: bool,
        jitter: bool,
    ) -> tuple[Float[Tensor, "batch features heard"], Float[Tensor, "batch views_and_features moments rows columns"]]:
        """Features of sounds and frames to train on: of another length and frame rate, with places and bands hidden.

        Args:
            sound: Log-mel spectrograms.
            video: Frames in [-1, 1] of the same clips.
            generator: Source of the draws.
            hidden: Whether places and bands are hidden, and noise is added to bands.
            jitter: Whether length and frame rate are drawn.
        """
        frame_rate = self.frame_rate
        if jitter:
            sound, video, frame_rate = jitter_clips(
                sound, video, generator, frame_rate=frame_rate, hop_seconds=self.hop_seconds
            )
        if hidden:
            sound, video = disturb(sound, video, generator)
        return self.encode_audio(sound), self.encode_video(video, frame_rate=frame_rate)

    def motion(
        self,
        video: Float[Tensor, "batch 3 frames height width"],
        *,
        frame_rate: float | None = None,
        moments: Sequence[float] | None = None,
    ) -> Float[Tensor, "batch 2 moments rows columns"]:
        """Motion of the cells on the common clock, or at other moments, against the rest of the clip: its amount and its direction."""
        gray = torch.einsum("bcthw,c->bthw", video, video.new_tensor(_GRAY))
        rate, frames = frame_rate or self.frame_rate, video.shape[2]
        apart = min(max(1, round(rate / self.moments_per_second)), frames - 1)
        between = [(frame + (apart + 1) / 2) / frames for frame in range(frames - apart)]
        return self._on_clock(_motion(gray, self.grid, apart=apart), between, frames / rate, moments)

    def encode_motion(
        self, motion: Float[Tensor, "batch 2 moments rows columns"]
    ) -> Float[Tensor, "batch views_and_features moments rows columns"]:
        """Features of motion."""
        views = [_standardize(self.picture(motion))]
        for scale in self.scales:
            features = _standardize(self.picture(_pooled(motion, scale)))
            views.append(functional.interpolate(features.flatten(1, 2), self.grid).unflatten(1, features.shape[1:3]))
        return torch.cat(views, dim=1)

    def fuse(
        self,
        audio_features: Float[Tensor, "batch features heard"],
        video_features: Float[Tensor, "batch views_and_features moments rows columns"],
    ) -> Float[Tensor, "batch moments rows columns"]:
        """Evidence of every cell at every moment: the mean product over features, times a learned gain, of the views that fit best.

        Spectrograms end up to a hop before the clip does: a last moment that they lack is taken from the one before.

        Raises:
            ValueError: If sound and picture are not equally long.
        """
        heard, seen = audio_features.shape[2], video_features.shape[2]
        if abs(heard - seen) > 1:
            raise ValueError(f"sound has {heard} moments and video has {seen}; give both of the same clip")
        sound = functional.pad(audio_features, (0, seen - heard), mode="replicate")
        views = video_features.unflatten(1, (-1, sound.shape[1]))
        evidence = torch.einsum("bft,bvfthw->bvthw", sound, views) * (self.log_gain.exp() / sound.shape[1])
        return _soft_maximum(evidence)

    def logits(self, evidence: Float[Tensor, "batch moments rows columns"]) -> Float[Tensor, " batch"]:
        """The evidence that sound and picture belong together: above zero, they do."""
        return _score(evidence) + self.offset

    def activation_map(
        self, evidence: Float[Tensor, "batch moments rows columns"]
    ) -> Float[Tensor, "batch moments rows columns"]:
        """Signed evidence of every cell at every moment: its mean, plus the bias, is the logit.

        Each cell's evidence counts by its share in the soft maximum; what the soft maximum is below that weighted mean, all cells share.
        """
        cells = evidence.mean(dim=1)
        shares = cells.flatten(1).softmax(dim=1).view_as(cells)
        below = _score(evidence) - (shares * cells).sum(dim=(1, 2))
        return shares[:, None] * evidence * shares[0].numel() + below[:, None, None, None]

    def forward(
        self,
        sound: Float[Tensor, "batch bins hops"],
        video: Float[Tensor, "batch 3 frames height width"],
    ) -> Float[Tensor, " batch"]:
        """Logits of sounds with the pictures at the same place in the batch."""
        return self.logits(self.fuse(self.encode_audio(sound), self.encode_video(video)))

    @property
    def bias(self) -> float:
        """What the mean of an activation map lacks to be the logit."""
        return float(self.offset.item())

    def cell_centers(self) -> CellCenters:
        """Centers of the activation map's cells, which tile the clip."""
        sides = tuple(pixel_centers(self.grid).tolist())
        moments = self._num_moments(self.num_frames / self.frame_rate)
        return CellCenters(tuple(pixel_centers(moments).tolist()), sides, sides)

    def _num_moments(self, seconds: float) -> int:
        return max(1, round(seconds * self.moments_per_second))

    def _on_clock(
        self,
        values: Float[Tensor, "batch channels times *grid"],
        centers: list[float],
        seconds: float,
        moments: Sequence[float] | None,
    ) -> Float[Tensor, "batch channels moments *grid"]:
        """Values read at some moments, or at those of the common clock."""
        if moments is None:
            targets = pixel_centers(self._num_moments(seconds)).tolist()
        else:
            targets = [moment / seconds for moment in moments]
        if values.ndim == 3:
            return align_time(values, centers=centers, targets=targets)
        places = values.permute(0, 1, 3, 4, 2)
        read = align_time(places.flatten(1, 3), centers=centers, targets=targets)
        return read.unflatten(1, places.shape[1:4]).permute(0, 1, 4, 2, 3)


def disturb(
    sound: Float[Tensor, "batch bins hops"],
    video: Float[Tensor, "batch 3 frames height width"],
    generator: torch.Generator,
) -> tuple[Float[Tensor, "batch bins hops"], Float[Tensor, "batch 3 frames height width"]]:
    """Sound and picture to train on: a fifth of the bands and of the places hidden, and noise in the bands."""
    noise = torch.randn(sound.shape, generator=generator, device=generator.device).to(sound.device)
    bands = hide_bands(sound, share=_HIDDEN_SHARE, generator=generator) + _BAND_NOISE * noise
    return bands, hide_places(video, share=_HIDDEN_SHARE, places=_PLACES, generator=generator)


def _motion(
    gray: Float[Tensor, "batch frames height width"], grid: int, *, apart: int
) -> Float[Tensor, "batch 2 steps rows columns"]:
    """How much cells change between frames so many apart, against the rest of the clip, and in which direction."""
    change = gray[:, apart:] - gray[:, :-apart]
    amount = (functional.adaptive_avg_pool2d(change.abs(), grid) + _STILL).log()
    middle = amount.flatten(1).median(dim=1).values[:, None, None, None]
    return torch.stack([_by_spread(amount - middle), _by_spread(functional.adaptive_avg_pool2d(change, grid))], dim=1)


def _pooled(
    motion: Float[Tensor, "batch 2 moments rows columns"], scale: int
) -> Float[Tensor, "batch 2 moments squares squares"]:
    """Motion of squares of cells: amounts are added up before the logarithm, directions averaged."""
    amount, direction = motion.unbind(dim=1)
    whole = functional.avg_pool2d(amount.exp(), scale).log()
    return torch.stack([whole, functional.avg_pool2d(direction, scale)], dim=1)


def _by_spread(values: Float[Tensor, "batch times rows columns"]) -> Float[Tensor, "batch times rows columns"]:
    spread = values.square().mean(dim=(1, 2, 3), keepdim=True).sqrt()
    return values / spread.clamp(min=1e-4)


def _standardize(
    features: Float[Tensor, "batch features moments *grid"],
) -> Float[Tensor, "batch features moments *grid"]:
    """Features less their mean over time, by their spread over time and features: products are correlations.

    A cell's spread counts together with that of the whole picture, so that what moves most says most.
    """
    centered = features - features.mean(dim=2, keepdim=True)
    power = centered.square().mean(dim=(1, 2), keepdim=True)
    whole = power.flatten(1).mean(dim=1).view(-1, *[1] * (power.ndim - 1))
    return centered * (0.5 * (power + whole) + _SMALLEST_SPREAD**2).rsqrt()


def _soft_maximum(
    evidence: Float[Tensor, "batch views moments rows columns"],
) -> Float[Tensor, "batch moments rows columns"]:
    """The views' evidence, weighted so that its mean over moments is their log mean exp: zero where all are."""
    over_clip = evidence.mean(dim=2, keepdim=True)
    weights = over_clip.softmax(dim=1)
    spread = over_clip.logsumexp(dim=1) - math.log(evidence.shape[1]) - (weights * over_clip).sum(dim=1)
    return (weights * evidence).sum(dim=1) + spread


def _score(evidence: Float[Tensor, "batch moments rows columns"]) -> Float[Tensor, " batch"]:
    """Soft maximum over cells of the mean over moments: log mean exp, zero where all cells are."""
    cells = evidence.mean(dim=1).flatten(1)
    return cells.logsumexp(dim=1) - math.log(cells.shape[1])


def _sound_encoder(num_bins: int, width: int) -> nn.Sequential:
    def conv(channels: int) -> nn.Conv1d:
        # Edges repeat what is there: zeros would be a change that nothing made.
        return nn.Conv1d(channels, width, _KERNEL, padding=_KERNEL // 2, padding_mode="replicate")

    layers: OrderedDict[str, nn.Module] = OrderedDict(
        conv1=conv(num_bins), relu1=nn.ReLU(), conv2=conv(width), relu2=nn.ReLU(), conv3=conv(width)
    )
    return nn.Sequential(layers)


def _picture_encoder(channels: int, width: int) -> nn.Sequential:
    def over_time(channels: int) -> nn.Sequential:
        side = _KERNEL // 2
        return nn.Sequential(
            nn.ReplicationPad3d((0, 0, 0, 0, side, side)),
            TemporalConvolution(channels, width, _KERNEL, stride=1, padding=0),
        )

    return nn.Sequential(
        OrderedDict(
            conv1=over_time(channels),
            relu1=nn.ReLU(),
            around=_WithNeighbors(),
            conv2=nn.Conv3d(2 * width, width, 1),
            relu2=nn.ReLU(),
            conv3=over_time(width),
        )
    )


class _WithNeighbors(nn.Module):
    """Features of every cell, and their mean over the cells around it as further channels: without a direction in which evidence could shift."""

    def forward(self, grid: Float[Tensor, "batch features moments rows columns"]) -> Tensor:
        flat = grid.flatten(1, 2)
        around = functional.avg_pool2d(flat, 3, stride=1, padding=1, count_include_pad=False)
        return torch.cat([grid, around.view_as(grid)], dim=1)

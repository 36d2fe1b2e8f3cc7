"""From stored frames to what a network reads: crops and flips, on the device they are on.

Stored frames are bytes with channels last; networks read floats in [-1, 1] with channels first.
Cropping happens on bytes, so that floats are made only of what is kept.
"""

import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.nn import functional


def augment(
    frames: UInt8[Tensor, "batch frames height width 3"],
    *,
    size: int,
    generator: torch.Generator,
    flip: bool = True,
) -> Float[Tensor, "batch 3 frames size size"]:
    """A random square of every clip, half of them mirrored left to right, scaled to [-1, 1].

    One place and one direction per clip, the same for all of its frames.

    Args:
        frames: Stored frames.
        size: Height and width of the crop.
        generator: Source of the draws; a CPU generator gives the same ones for every device.
        flip: Whether clips are mirrored with probability one half.

    Raises:
        ValueError: If the frames are smaller than the crop.
    """
    num_clips, _, height, width, _ = frames.shape
    _check_size(size, height, width)
    device = generator.device
    top = torch.randint(height - size + 1, (num_clips,), generator=generator, device=device)
    left = torch.randint(width - size + 1, (num_clips,), generator=generator, device=device)
    # Drawn also where unused, so that switching flips off leaves the crops as they were.
    mirrored = torch.rand(num_clips, generator=generator, device=device) < 0.5
    clips = []
    for clip, row, column, mirror in zip(frames, top.tolist(), left.tolist(), mirrored.tolist(), strict=True):
        crop = clip[:, row : row + size, column : column + size]
        clips.append(crop.flip(2) if mirror and flip else crop)
    return scale_frames(torch.stack(clips))


def center_crop(
    frames: UInt8[Tensor, "batch frames height width 3"], *, size: int
) -> UInt8[Tensor, "batch frames size size 3"]:
    """The square in the middle of every frame: what validation and evaluation read.

    Raises:
        ValueError: If the frames are smaller than the crop.
    """
    height, width = frames.shape[2:4]
    _check_size(size, height, width)
    row, column = (height - size) // 2, (width - size) // 2
    return frames[:, :, row : row + size, column : column + size]


def scale_frames(
    frames: UInt8[Tensor, "batch frames height width 3"],
) -> Float[Tensor, "batch 3 frames height width"]:
    """Frames as floats in [-1, 1] with channels first: byte / 127.5 - 1.

    Channels stay last in memory: no pixel is moved.
    """
    return frames.permute(0, 4, 1, 2, 3).float().div_(127.5).sub_(1)


def hide_places(
    video: Float[Tensor, "batch 3 frames height width"], *, share: float, places: int, generator: torch.Generator
) -> Float[Tensor, "batch 3 frames height width"]:
    """The video with some places of every clip gray in all of its frames.

    Args:
        video: Frames in [-1, 1].
        share: Probability that a place is hidden.
        places: Places along height and along width.
        generator: Source of the draws.
    """
    num_clips, _, _, height, width = video.shape
    seen = torch.rand(num_clips, 1, places, places, generator=generator, device=generator.device) >= share
    mask = functional.interpolate(seen.float(), size=(height, width), mode="nearest")
    return video * mask[:, :, None].to(video.device)


def hide_bands(
    log_mel: Float[Tensor, "batch bins hops"], *, share: float, generator: torch.Generator
) -> Float[Tensor, "batch bins hops"]:
    """The spectrogram with some bands of every clip at their mean over the clip.

    Args:
        log_mel: Log-mel spectrograms.
        share: Probability that a band is hidden.
        generator: Source of the draws.
    """
    hidden = torch.rand(*log_mel.shape[:2], 1, generator=generator, device=generator.device) < share
    return torch.where(hidden.to(log_mel.device), log_mel.mean(dim=2, keepdim=True), log_mel)


def _check_size(size: int, height: int, width: int) -> None:
    if size > min(height, width):
        raise ValueError(
            f"crop size {size} is larger than the stored frames of {height}x{width}; "
            "prepare with a larger size or crop less"
        )

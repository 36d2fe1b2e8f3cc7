"""Clips of another length and frame rate, to train a network that reads clips of any."""

import torch
from jaxtyping import Float
from torch import Tensor

_SHORTEST_SHARE = 0.6
_LOWEST_SHARE = 8 / 15


def jitter_clips(
    sound: Float[Tensor, "batch bins hops"],
    video: Float[Tensor, "batch 3 frames height width"],
    generator: torch.Generator,
    *,
    frame_rate: float,
    hop_seconds: float,
) -> tuple[Float[Tensor, "batch bins fewer_hops"], Float[Tensor, "batch 3 fewer_frames height width"], float]:
    """A part of all clips, the same for sound and picture, at a lower frame rate; and that rate, in frames per second.

    The part lasts 0.6 to 1 of the clips, at a place drawn uniformly. The rate is 8/15 to 1 of what it was: frames are left out, and each
    moment shows the frame that was to be seen then, as in film of that rate.

    Args:
        sound: Log-mel spectrograms.
        video: Frames of the same clips, two or more.
        generator: Source of the draws; all clips share them.
        frame_rate: Frames per second.
        hop_seconds: Seconds from one hop of the spectrogram to the next.
    """
    share, place, pace = torch.rand(3, generator=generator, device=generator.device).tolist()
    frames, hops = video.shape[2], sound.shape[2]
    length = min(frames, max(2, round((_SHORTEST_SHARE + (1 - _SHORTEST_SHARE) * share) * frames)))
    first = min(int(place * (frames - length + 1)), frames - length)
    seconds = length / frame_rate
    fewer = max(2, round(length * (_LOWEST_SHARE + (1 - _LOWEST_SHARE) * pace)))
    seen = first + ((torch.arange(fewer) + 0.5) * (length / fewer)).long()
    begin = round(first / frame_rate / hop_seconds)
    # What the last hop of a whole clip lacks of its end, that of a part lacks too.
    end = hops - round((frames - first - length) / frame_rate / hop_seconds)
    return sound[:, :, begin:end], video[:, :, seen.to(video.device)], fewer / seconds

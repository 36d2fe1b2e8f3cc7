"""Is this sound in step with this picture: the four pairings of two windows, and their loss."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional


class Pairings(NamedTuple):
    """The four pairings of each pair of windows A and B, pair after pair.

    Sound and picture are (A, A), (B, B), (A, B), (B, A), with targets 1, 1, 0, 0. Each sound and
    each picture occurs once with either label, so that neither alone tells the label.
    """

    audio_features: Float[Tensor, "pairings *audio"]
    video_features: Float[Tensor, "pairings *video"]
    targets: Float[Tensor, " pairings"]


def pairings(
    audio_features: Float[Tensor, "sounds *audio"],
    video_features: Float[Tensor, "pictures *video"],
) -> Pairings:
    """Both labels of every window in one batch, from features encoded once per window.

    All four go through the fused trunk in one pass: batch norms then see both labels together and
    their statistics cannot tell them apart.

    Args:
        audio_features: Sound of the windows, A and B of the first pair, then of the second ...
        video_features: Pictures of the same windows.

    Raises:
        ValueError: If the windows are not in pairs.
    """
    num_windows = audio_features.shape[0]
    if num_windows % 2 or num_windows != video_features.shape[0]:
        raise ValueError(
            f"{num_windows} sounds and {video_features.shape[0]} pictures do not form pairs; "
            "give windows A and B of every pair, one after the other"
        )
    audio = audio_features.unflatten(0, (-1, 2))
    video = video_features.unflatten(0, (-1, 2))
    return Pairings(
        torch.cat([audio, audio], dim=1).flatten(0, 1),
        torch.cat([video, video.flip(1)], dim=1).flatten(0, 1),
        pairing_targets(num_windows // 2, device=audio_features.device),
    )


def pairing_targets(num_pairs: int, *, device: torch.device | None = None) -> Float[Tensor, " pairings"]:
    """The labels of the four pairings of each pair: 1, 1, 0, 0."""
    return torch.tensor([1.0, 1.0, 0.0, 0.0], device=device).repeat(num_pairs)


def synchronization_loss(logits: Float[Tensor, " pairings"], targets: Float[Tensor, " pairings"]) -> Float[Tensor, ""]:
    """Mean binary cross-entropy in nats: log 2 where every logit is zero.

    References:
        Owens and Efros (2018), equation 1. Differs from the paper in that the two windows of a
        video give four examples, not two.
    """
    return functional.binary_cross_entropy_with_logits(logits, targets)


def pairing_margin_loss(logits: Float[Tensor, " pairings"], targets: Float[Tensor, " pairings"]) -> Float[Tensor, ""]:
    """How far pairings in sync lie above those of the same pair out of sync, plus the cross-entropy of each: 2 log 2 where all are zero.

    The first part is softplus(out of sync - in sync), the mean over the four contrasts of a pair. What one clip alone adds to all its
    logits, such as how busy its picture is, does not count there. The second part makes zero the line between yes and no.
    """
    in_sync, out_of_sync = logits.unflatten(0, (-1, 2, 2)).unbind(dim=1)
    margins = in_sync[:, :, None] - out_of_sync[:, None, :]
    return functional.softplus(-margins).mean() + synchronization_loss(logits, targets)

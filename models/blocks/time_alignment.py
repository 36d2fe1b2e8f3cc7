"""Features of one clock read at the times of another."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor


def align_time(
    features: Float[Tensor, "batch channels cells"],
    *,
    centers: Sequence[float],
    targets: Sequence[float],
) -> Float[Tensor, "batch channels targets"]:
    """Features around each target time: a triangular average as wide as the coarser spacing.

    Every target takes the mean of the cells within one spacing of it, weighted by closeness. With
    targets denser than the cells this is linear interpolation; with sparser ones nothing that
    happens between two targets is lost.

    Args:
        features: One feature vector per cell.
        centers: Increasing normalized times of the cells.
        targets: Increasing normalized times to read at.
    """
    source = torch.tensor(centers, dtype=torch.float32)
    wanted = torch.tensor(targets, dtype=torch.float32).clamp(source[0], source[-1])
    width = max(_spacing(centers), _spacing(targets), 1e-6)
    closeness = (1 - (wanted[:, None] - source[None, :]).abs() / width).clamp(min=0)
    weights = closeness / closeness.sum(dim=1, keepdim=True)
    return features @ weights.T.to(features)


def _spacing(centers: Sequence[float]) -> float:
    return (centers[-1] - centers[0]) / max(len(centers) - 1, 1)

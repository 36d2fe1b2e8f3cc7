"""Objectives that align two sets of embeddings, row by row; the other rows of the batch are the negatives."""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

Reduction = Literal["sum", "max"]


def info_nce(
    first: Float[Tensor, "batch dim"], second: Float[Tensor, "batch dim"], scale: Float[Tensor, ""]
) -> Float[Tensor, ""]:
    """Symmetric InfoNCE in nats: log(batch) where all embeddings are equal, and the mean of both directions.

    Args:
        first: L2-normalized embeddings of one modality.
        second: Those of the other; row i belongs to row i.
        scale: Inverse temperature.

    References:
        van den Oord et al. (2018, arXiv:1807.03748), equation 4; symmetric as in CLIP (Radford et al., 2021, arXiv:2103.00020, figure 3).
    """
    logits = scale * first @ second.T
    targets = torch.arange(len(logits), device=logits.device)
    return (functional.cross_entropy(logits, targets) + functional.cross_entropy(logits.T, targets)) / 2


def ranking_loss(
    first: Float[Tensor, "batch dim"],
    second: Float[Tensor, "batch dim"],
    *,
    margin: float,
    reduction: Reduction = "sum",
) -> Float[Tensor, ""]:
    """Hinge ranking in both directions: how far negatives come within `margin` of the cosine of the positive; the mean over rows.

    Args:
        first: L2-normalized embeddings of one modality.
        second: Those of the other; row i belongs to row i.
        margin: Margin, in cosine.
        reduction: All negatives of a row (`sum`), or the hardest alone (`max`).

    References:
        Aytar, Vondrick and Torralba (2017, arXiv:1706.00932), equation 4, is `sum`; Faghri et al., VSE++ (2018, arXiv:1707.05612), is `max`.
    """
    cosines = first @ second.T
    positive = cosines.diagonal()
    itself = torch.eye(len(cosines), dtype=torch.bool, device=cosines.device)
    total = cosines.new_zeros(())
    for own in (positive[:, None], positive[None, :]):
        costs = (margin - own + cosines).clamp(min=0).masked_fill(itself, 0)
        axis = 1 if own.shape[1] == 1 else 0
        total = total + (costs.sum(dim=axis) if reduction == "sum" else costs.amax(dim=axis)).mean()
    return total


def transfer_loss(
    teacher: Float[Tensor, "batch classes"], student: Float[Tensor, "batch classes"]
) -> Float[Tensor, ""]:
    """Kullback-Leibler divergence of a student's distribution from its teacher's, in nats: 0 where they are equal; the mean over rows.

    Args:
        teacher: Logits that say what the classes should be; no gradient flows into them.
        student: Logits.

    References:
        Aytar, Vondrick and Torralba (2017, arXiv:1706.00932), equation 2; SoundNet (2016, arXiv:1610.09001), equation 1.
    """
    wanted = teacher.detach().log_softmax(dim=1)
    return functional.kl_div(student.log_softmax(dim=1), wanted, reduction="batchmean", log_target=True)

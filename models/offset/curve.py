"""Evidence at every lag: correlation over time of features of sound with those of the picture's cells, when the sound is moved by that lag.

Features are computed once; trying a lag takes one product. The sound stands on a clock that is `PHASES` times as fine as the picture's,
so that lags are that much finer than the moments that are compared.
"""

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

PHASES = 4
"""Lags from one moment of the picture to the next."""
FEWEST_MOMENTS = 8
"""Of the picture that must meet sound: with fewer, a lag has no evidence."""


def smooth_over_lags(evidence: Float[Tensor, " lags"], *, width: float) -> Float[Tensor, " lags"]:
    """Evidence smoothed by a Gaussian whose standard deviation is so many lags, the ends repeated; as it is where that is zero."""
    if not width:
        return evidence
    reach = math.ceil(4 * width)
    kernel = torch.exp(-0.5 * (torch.arange(-reach, reach + 1).to(evidence) / width) ** 2)
    padded = functional.pad(evidence[None, None], (reach, reach), mode="replicate")
    return functional.conv1d(padded, (kernel / kernel.sum())[None, None])[0, 0]


def evidence_by_lag(
    sound: Float[Tensor, "features fine"],
    picture: Float[Tensor, "views features moments cells"],
    known: Bool[Tensor, " fine"],
    *,
    gain: float,
) -> Float[Tensor, " lags"]:
    """Soft maximum over views and cells of their mean product with the sound, at every lag that the sound is long enough for.

    The sound is centered anew over the moments that it meets; moments without sound add nothing, and the mean is over all moments: the
    less of a window is heard, the smaller is its evidence.

    Args:
        sound: Its features; lag number 0 reads from the first on, every `PHASES`-th.
        picture: Features of each cell, centered over time.
        known: Where there is sound.
        gain: Of the soft maximum: the higher, the more the best cell decides.
    """
    num_features, moments = picture.shape[1:3]
    reach = PHASES * (moments - 1) + 1
    heard = known.to(sound).unfold(0, reach, 1)[:, ::PHASES]
    windows = sound.unfold(1, reach, 1)[:, :, ::PHASES].transpose(0, 1) * heard[:, None]
    count = heard.sum(dim=1)
    mean = windows.sum(dim=2) / count.clamp(min=1)[:, None]
    centered = (windows - mean[:, :, None]) * heard[:, None]
    products = torch.einsum("lft,vftc->lvc", centered, picture) / (num_features * moments)
    products = products * (count >= FEWEST_MOMENTS)[:, None, None]
    flat = gain * products.flatten(1)
    return (flat.logsumexp(dim=1) - math.log(flat.shape[1])) / gain

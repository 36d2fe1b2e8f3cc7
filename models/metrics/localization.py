"""How well a map points at a source: pointing game, consensus IoU and their floor and ceiling.

The protocol is that of the published evaluations on VGG-SS and Flickr-SoundNet: a map as large as
the picture, cut at a threshold taken from the map itself, against a box. Under the threshold at
the median, half of the picture is always claimed: a source smaller than a quarter of the frame
cannot reach 0.5, and a disk in the middle scores as much as published networks. Every score
belongs beside `centered_disk` and `closest_map`.

References:
    Chen et al., Localizing Visual Sounds the Hard Way (2021). Mo and Morgado, EZ-VSL (2022).
    Senocak et al., Toward Interactive Sound Source Localization (2025), for the threshold `area`.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float

from models.blocks.cells import interpolate, interpolation_weights, pixel_centers

Threshold = Literal["median", "area"]


def place(
    cells: Float[np.ndarray, "*leading rows columns"],
    *,
    rows: Sequence[float],
    columns: Sequence[float],
    height: int,
    width: int,
) -> Float[np.ndarray, "*leading height width"]:
    """A map as large as the picture: each cell's value at its center, bilinear between centers.

    Args:
        cells: Values of the network's cells.
        rows: Normalized vertical centers of the cells.
        columns: Normalized horizontal centers of the cells.
        height: Pixels of the picture.
        width: Pixels of the picture.
    """
    tall = interpolate(cells, rows, pixel_centers(height).tolist(), axis=-2)
    return interpolate(tall, columns, pixel_centers(width).tolist(), axis=-1)


def box_mask(boxes: Sequence[Sequence[float]], *, height: int, width: int) -> Bool[np.ndarray, "height width"]:
    """Pixels whose center lies in any of the boxes (x0, y0, x1, y1), normalized to [0, 1]."""
    y, x = pixel_centers(height)[:, None], pixel_centers(width)[None, :]
    mask = np.zeros((height, width), dtype=bool)
    for x0, y0, x1, y1 in boxes:
        mask |= (x0 <= x) & (x < x1) & (y0 <= y) & (y < y1)
    return mask


def pointing_hit(evidence: Float[np.ndarray, "height width"], mask: Bool[np.ndarray, "height width"]) -> bool:
    """Whether the largest value of the map lies on the source."""
    return bool(mask.flat[int(evidence.argmax())])


def ciou(
    evidence: Float[np.ndarray, "height width"],
    mask: Bool[np.ndarray, "height width"],
    *,
    threshold: Threshold = "median",
) -> float:
    """Consensus IoU with one annotator: claimed source / (source + claimed elsewhere), in [0, 1].

    Args:
        evidence: Map as large as the picture, larger where the source is more likely.
        mask: Pixels of the source; at least one.
        threshold: `median` claims the upper half of the pixels, as published; `area` as many as
            the source has. Pixels that tie with the last one claimed are claimed, too.
    """
    ascending = np.sort(evidence, axis=None)
    index = ascending.size // 2 if threshold == "median" else ascending.size - int(mask.sum())
    claimed = evidence >= ascending[index]
    return float((claimed & mask).sum() / (mask.sum() + (claimed & ~mask).sum()))


def source_found(
    maps: Float[np.ndarray, "*moments rows columns"],
    logits: Float[np.ndarray, "*#moments"],
    *,
    threshold: float = 0.5,
) -> Bool[np.ndarray, "*moments"]:
    """Whether a map shows a source, moment by moment: the probability of being in sync is above a threshold, and some cell's evidence above zero.

    The one rule for "no source found", of the overlay that a user sees and of the figures that count abstentions.

    Args:
        maps: Signed evidence of the cells, or its contrast with another sound.
        logits: The calibrated evidence that sound and picture belong together, of each moment or broadcast over them:
            `logits[:, None]` for maps (clips, moments, rows, columns).
        threshold: Probability, above 0 and below 1; at 0.5, in sync is the likelier.
    """
    return (logits > np.log(threshold / (1 - threshold))) & (maps.max(axis=(-2, -1)) > 0)


def success_rate(cious: Float[np.ndarray, " images"], *, at_least: float = 0.5) -> float:
    """Share of images whose cIoU reaches a value: at 0.5, the published score `cIoU@0.5`."""
    return float((cious >= at_least).mean())


def area_under_curve(cious: Float[np.ndarray, " images"]) -> float:
    """Area under the success rate over thresholds 0, 0.05 ... 1, by trapezoids."""
    thresholds = np.linspace(0, 1, 21)
    rates = np.array([success_rate(cious, at_least=value - 1e-9) for value in thresholds])
    return float(np.trapezoid(rates, thresholds))


def centered_disk(*, height: int, width: int) -> Float[np.ndarray, "height width"]:
    """The floor: a map that falls off from the middle of the picture, whatever is in it."""
    y, x = pixel_centers(height)[:, None] - 0.5, pixel_centers(width)[None, :] - 0.5
    return -np.hypot(y, x)


def closest_map(
    mask: Bool[np.ndarray, "height width"], *, rows: Sequence[float], columns: Sequence[float]
) -> Float[np.ndarray, "height width"]:
    """The ceiling: the map closest to the source, in squared error, that a network's cells allow.

    Args:
        mask: Pixels of the source.
        rows: Normalized vertical centers of the network's cells.
        columns: Normalized horizontal centers of the network's cells.
    """
    height, width = mask.shape
    down = interpolation_weights(rows, pixel_centers(height).tolist())
    across = interpolation_weights(columns, pixel_centers(width).tolist())
    cells = np.linalg.pinv(down) @ mask.astype(np.float64) @ np.linalg.pinv(across).T
    return down @ cells @ across.T

"""Soft ellipses that move, turn and open, drawn into all frames of a canvas at once."""

from dataclasses import dataclass

import numpy as np

from datasets.scenes.wild.camera import View

Track = np.ndarray | float


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Ellipse:
    """An ellipse in each of the frames; numbers are normalized to the picture, and constant or (frames,)."""

    x: Track
    y: Track
    radius_x: Track
    radius_y: Track
    color: np.ndarray
    angle: Track = 0.0
    opacity: Track = 1.0
    softness: float = 0.0  # of the edge, in radii


def paint_ellipse(canvas: np.ndarray, ellipse: Ellipse, view: View, *, blur: float) -> None:
    """Draw an ellipse into a canvas (3, size, size, frames), as a camera sees it.

    Args:
        canvas: changed in place.
        ellipse: what is drawn; its tracks have the view's frames.
        view: where the camera looks in each frame.
        blur: width of the softest edge, in pixels; at least one antialiases.
    """
    size = canvas.shape[1]
    x, y = view.of(ellipse.x, ellipse.y)
    x, y = _track(x * size, canvas), _track(y * size, canvas)
    wide = _track(view.scale * size * ellipse.radius_x, canvas)
    tall = _track(view.scale * size * ellipse.radius_y, canvas)
    angle, opacity = _track(ellipse.angle, canvas), _track(ellipse.opacity, canvas)
    # Thinner than half a pixel, it fades instead of flickering between pixels.
    opacity = opacity * np.clip(2.0 * np.minimum(wide, tall), 0.0, 1.0)
    wide, tall = np.maximum(wide, 0.5), np.maximum(tall, 0.5)
    cosine, sine = np.cos(angle), np.sin(angle)
    edge = max(blur, 1.0)
    reach_x, reach_y = np.hypot(wide * cosine, tall * sine), np.hypot(wide * sine, tall * cosine)
    grown = 1.0 + 0.5 * ellipse.softness + edge / np.minimum(wide, tall)
    low_x, high_x = _pixels(x - reach_x * grown, x + reach_x * grown, size)
    low_y, high_y = _pixels(y - reach_y * grown, y + reach_y * grown, size)
    if low_x >= high_x or low_y >= high_y:
        return
    column = (np.arange(low_x, high_x, dtype=np.float32) + np.float32(0.5))[:, None] - x
    row = (np.arange(low_y, high_y, dtype=np.float32) + np.float32(0.5))[:, None] - y
    along = (column * (cosine / wide))[None] + (row * (sine / wide))[:, None]
    across = (column * (-sine / tall))[None] + (row * (cosine / tall))[:, None]
    along *= along
    across *= across
    along += across
    share = np.sqrt(along, out=along)
    # From the distance in radii to the covered share of a pixel: linear over the edge.
    thin = np.minimum(wide, tall)
    slope = (thin / (edge + ellipse.softness * thin)).astype(np.float32)
    share *= -slope
    share += slope + np.float32(0.5)
    np.clip(share, 0.0, 1.0, out=share)
    share *= opacity
    part = canvas[:, low_y:high_y, low_x:high_x]
    mixed = np.empty_like(share)
    for layer, value in zip(part, ellipse.color, strict=True):
        np.subtract(np.float32(value), layer, out=mixed)
        mixed *= share
        layer += mixed


def bounds(ellipses: list[Ellipse], view: View) -> tuple[float, float, float, float] | None:
    """Box x0, y0, x1, y1 around all that ellipses cover in the picture, normalized; none if they never are in it."""
    boxes = []
    for each in ellipses:
        x, y = view.of(each.x, each.y)
        cosine, sine = np.cos(each.angle), np.sin(each.angle)
        reach_x = view.scale * np.hypot(each.radius_x * cosine, each.radius_y * sine)
        reach_y = view.scale * np.hypot(each.radius_x * sine, each.radius_y * cosine)
        boxes.append(np.stack(np.broadcast_arrays(x - reach_x, y - reach_y, x + reach_x, y + reach_y)))
    sides = np.clip(np.concatenate([each.reshape(4, -1) for each in boxes], axis=1), 0.0, 1.0)
    sides = sides[:, (sides[2] > sides[0]) & (sides[3] > sides[1])]
    if not sides.size:
        return None
    return (*sides[:2].min(axis=1).tolist(), *sides[2:].max(axis=1).tolist())


def _track(value: Track, canvas: np.ndarray) -> np.ndarray:
    return np.broadcast_to(np.asarray(value, np.float32), canvas.shape[-1:])


def _pixels(low: np.ndarray, high: np.ndarray, size: int) -> tuple[int, int]:
    return max(int(np.floor(low.min())), 0), min(int(np.ceil(high.max())), size)

"""A canvas of many frames at once: capsules painted over a background that shakes."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

OUTLINE = 0.011  # of the frame's side
INK = (14.0, 12.0, 16.0)
PIXELS_AT_ONCE = 2**19


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Capsule:
    """A thick line between two moving ends, normalized, (frames, 2) as (x, y)."""

    start: np.ndarray
    end: np.ndarray
    radius: float
    color: np.ndarray
    outline: float = OUTLINE


def extent(capsules: list[Capsule], *, shake: np.ndarray, size: int) -> tuple[float, ...]:
    """Box x0, y0, x1, y1 around everything that these capsules touch, normalized, within [0, 1]."""
    lows, highs = [], []
    for capsule in capsules:
        ends = np.stack([capsule.start + shake, capsule.end + shake])
        # Antialiasing tints pixels up to one pixel beyond the outline.
        reach = capsule.radius + capsule.outline + 1.0 / size
        lows.append(ends.min(axis=(0, 1)) - reach)
        highs.append(ends.max(axis=(0, 1)) + reach)
    low = np.clip(np.min(lows, axis=0), 0.0, 1.0)
    high = np.clip(np.max(highs, axis=0), 0.0, 1.0)
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def compose(background: np.ndarray, shapes: list[Capsule], *, shake: np.ndarray, size: int) -> Iterator[np.ndarray]:
    """Float32 canvases (3, size, size, frames) in 0..255, a few frames at a time.

    `background` (3, size + 2 pad, size + 2 pad) reaches over the picture's edges by what the shake
    needs; several frames are drawn at once, side by side in memory, because small arrays cost more in
    calls than in work.
    """
    at_once = max(1, PIXELS_AT_ONCE // size**2)
    for begin in range(0, len(shake), at_once):
        part = slice(begin, begin + at_once)
        canvas = shifted(background, offsets=shake[part] * size, size=size)
        for capsule in shapes:
            paint_capsule(canvas, capsule, part, shake[part], size)
        yield canvas


def shifted(background: np.ndarray, *, offsets: np.ndarray, size: int) -> np.ndarray:
    """The background moved by offsets (frames, 2) in pixels, one copy a frame."""
    canvas = np.empty((3, size, size, len(offsets)), dtype=np.float32)
    pad = (background.shape[-1] - size) // 2
    if pad == 0:
        canvas[:] = background[..., None]
        return canvas
    for index, (x, y) in enumerate(pad - offsets):
        column, row = int(x), int(y)
        along, down = np.float32(x - column), np.float32(y - row)
        rows = background[:, row : row + size + 1, column : column + size + 1]
        rows = rows[:, :-1] * (1 - down) + rows[:, 1:] * down
        canvas[..., index] = rows[..., :-1] * (1 - along) + rows[..., 1:] * along
    return canvas


def paint_capsule(canvas: np.ndarray, capsule: Capsule, part: slice, shake: np.ndarray, size: int) -> None:
    """Draws a capsule with its outline, antialiased, into all frames of the canvas at once."""
    start = ((capsule.start[part] + shake) * size).astype(np.float32).T
    along = ((capsule.end[part] - capsule.start[part]) * size).astype(np.float32).T
    radius = np.float32(capsule.radius * size)
    reach = radius + np.float32(capsule.outline * size)
    ends = np.concatenate([start, start + along], axis=1)
    low = np.clip(np.floor(ends.min(axis=1) - reach - 1), 0, size).astype(int)
    high = np.clip(np.ceil(ends.max(axis=1) + reach + 1), 0, size).astype(int)
    if (low >= high).any():
        return
    x = (np.arange(low[0], high[0], dtype=np.float32)[:, None] + np.float32(0.5) - start[0])[None, :]
    y = (np.arange(low[1], high[1], dtype=np.float32)[:, None] + np.float32(0.5) - start[1])[:, None]
    length2 = np.maximum((along**2).sum(axis=0), np.float32(1e-6))
    nearest = x * (along[0] / length2) + y * (along[1] / length2)
    np.clip(nearest, 0.0, 1.0, out=nearest)
    away_x = x - nearest * along[0]
    away_y = y - nearest * along[1]
    away_x *= away_x
    away_y *= away_y
    away_x += away_y
    distance = np.sqrt(away_x, out=away_x)
    outer = _within(reach, distance)
    inner = _within(radius, distance) if capsule.outline else outer
    keep, edge = 1.0 - outer, outer - inner
    for layer, color, ink in zip(canvas[:, low[1] : high[1], low[0] : high[0]], capsule.color, INK, strict=True):
        layer *= keep
        layer += inner * np.float32(color)
        if capsule.outline:
            layer += edge * np.float32(ink)


def _within(reach: np.float32, distance: np.ndarray) -> np.ndarray:
    """How much of a pixel lies within reach of a line, 0 to 1."""
    share = reach + np.float32(0.5) - distance
    return np.clip(share, 0.0, 1.0, out=share)

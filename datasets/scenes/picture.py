"""The picture of a synthetic scene: strikers that fall onto bars, over a textured background."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from datasets.scenes.sound import MAX_GAP_SECONDS, MIN_GAP_SECONDS

Kind = Literal["ball", "hammer", "mallet"]
KINDS: tuple[Kind, ...] = ("ball", "hammer", "mallet")
OUTLINE = 0.011  # of the frame's side
INK = (14.0, 12.0, 16.0)
DENT_SECONDS = 0.06
RISE_SECONDS = 0.16
FALL_SECONDS = 0.12
PIXELS_AT_ONCE = 2**19


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Striker:
    """One moving object: something that falls onto its own bar at each strike.

    Coordinates are normalized to the frame; `x0, y0, x1, y1` is the cell it is drawn in.
    """

    kind: Kind
    x0: float
    y0: float
    x1: float
    y1: float
    color: np.ndarray
    bar_color: np.ndarray
    side: float  # -1 or 1: a hammer's pivot, a ball's drift
    slant: float
    strikes: np.ndarray


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Capsule:
    """A thick line between two moving ends, normalized, (frames, 2) as (x, y)."""

    start: np.ndarray
    end: np.ndarray
    radius: float
    color: np.ndarray
    outline: float = OUTLINE


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Occluder:
    """A pole that crosses the whole picture again and again, in front of everything."""

    width: float
    tilt: float
    speed: float  # frame sides per second, signed
    phase: float
    color: np.ndarray


def height_and_dent(kind: Kind, strikes: np.ndarray, *, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Height over the bar (0 exactly at each strike, 1 at the top) and how far the bar is pushed.

    Balls follow parabolas; hammers and mallets rise, wait and fall fast. The bar springs back
    after each strike, so that the frames after a contact differ from those before it.
    """
    last = np.clip(np.searchsorted(strikes, times, side="right") - 1, 0, len(strikes) - 2)
    since = times - strikes[last]
    gap = strikes[last + 1] - strikes[last]
    if kind == "ball":
        top = 0.55 + 0.45 * (gap - MIN_GAP_SECONDS) / (MAX_GAP_SECONDS - MIN_GAP_SECONDS)
        height = top * 4.0 * (since / gap) * (1.0 - since / gap)
    else:
        rise = np.clip(since / np.minimum(RISE_SECONDS, 0.5 * gap), 0.0, 1.0)
        fall = np.clip((gap - since) / np.minimum(FALL_SECONDS, 0.5 * gap), 0.0, 1.0)
        height = 1.0 - (1.0 - np.minimum(rise, fall)) ** 2
    return np.clip(height, 0.0, 1.0), np.exp(-since / DENT_SECONDS)


def shape(striker: Striker, *, times: np.ndarray) -> list[Capsule]:
    """The capsules that make up an object at these times, from back to front."""
    height, dent = height_and_dent(striker.kind, striker.strikes, times=times)
    tall = striker.y1 - striker.y0
    bar_radius = 0.05 * tall
    edge = bar_radius + OUTLINE
    bar_y = striker.y1 - edge - 0.08 * tall
    contact_y = bar_y - bar_radius - 0.5 * OUTLINE
    pushed = bar_y + 0.08 * tall * dent
    bar = Capsule(
        start=_points(striker.x0 + edge, pushed),
        end=_points(striker.x1 - edge, pushed),
        radius=bar_radius,
        color=striker.bar_color,
    )
    build = {"ball": _ball, "hammer": _hammer, "mallet": _mallet}[striker.kind]
    return [bar, *build(striker, contact_y, height)]


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


def occluder_shape(occluder: Occluder, *, times: np.ndarray) -> Capsule:
    """The pole at these times; it leaves on one side and comes back on the other."""
    span = 1.6
    x = (occluder.phase + occluder.speed * times) % span - 0.3
    return Capsule(
        start=_points(x - occluder.tilt, np.full_like(x, -0.3)),
        end=_points(x + occluder.tilt, np.full_like(x, 1.3)),
        radius=0.5 * occluder.width,
        color=occluder.color,
    )


def compose(background: np.ndarray, shapes: list[Capsule], *, shake: np.ndarray, size: int) -> Iterator[np.ndarray]:
    """Float32 canvases (3, size, size, frames) in 0..255, a few frames at a time.

    `background` (3, size + 2 pad, size + 2 pad) reaches over the picture's edges by what the shake
    needs; several frames are drawn at once, side by side in memory, because small arrays cost more in
    calls than in work.
    """
    at_once = max(1, PIXELS_AT_ONCE // size**2)
    for begin in range(0, len(shake), at_once):
        part = slice(begin, begin + at_once)
        canvas = _shifted(background, offsets=shake[part] * size, size=size)
        for capsule in shapes:
            _paint(canvas, capsule, part, shake[part], size)
        yield canvas


def _points(x: np.ndarray | float, y: np.ndarray | float) -> np.ndarray:
    return np.stack(np.broadcast_arrays(x, y), axis=-1).astype(np.float64)


def _lighter(color: np.ndarray) -> np.ndarray:
    return color + 0.55 * (255.0 - color)


def _ball(striker: Striker, contact_y: float, height: np.ndarray) -> list[Capsule]:
    wide, tall = striker.x1 - striker.x0, striker.y1 - striker.y0
    radius = min(0.165 * tall, 0.22 * wide)
    lowest = contact_y - radius
    travel = lowest - (striker.y0 + OUTLINE + radius)
    room = 0.5 * wide - radius - OUTLINE
    x = 0.5 * (striker.x0 + striker.x1) + striker.slant * striker.side * room * (height - 0.5)
    y = lowest - travel * height
    # Flattened on contact: wider by two ends drawn apart.
    flat = 0.45 * radius * np.clip(1.0 - height / 0.15, 0.0, 1.0)
    shine = _points(x - 0.3 * radius, y - 0.35 * radius)
    return [
        Capsule(start=_points(x - flat, y), end=_points(x + flat, y), radius=radius, color=striker.color),
        Capsule(
            start=shine,
            end=shine,
            radius=0.25 * radius,
            color=_lighter(striker.color),
            outline=0.0,
        ),
    ]


def _mallet(striker: Striker, contact_y: float, height: np.ndarray) -> list[Capsule]:
    wide, tall = striker.x1 - striker.x0, striker.y1 - striker.y0
    radius = 0.11 * tall
    half = max(0.3 * wide - radius, 0.0)
    stem = 0.17 * tall
    lowest = contact_y - radius
    travel = lowest - (striker.y0 + OUTLINE + stem + 0.016)
    x = 0.5 * (striker.x0 + striker.x1) + 0.12 * wide * striker.slant * striker.side * (height - 0.5)
    y = lowest - travel * height
    return [
        Capsule(
            start=_points(x, y),
            end=_points(x, y - stem),
            radius=0.016,
            color=_lighter(striker.bar_color),
        ),
        Capsule(start=_points(x - half, y), end=_points(x + half, y), radius=radius, color=striker.color),
        Capsule(
            start=_points(x - half, y - 0.3 * radius),
            end=_points(x + half, y - 0.3 * radius),
            radius=0.2 * radius,
            color=_lighter(striker.color),
            outline=0.0,
        ),
    ]


def _hammer(striker: Striker, contact_y: float, height: np.ndarray) -> list[Capsule]:
    wide, tall = striker.x1 - striker.x0, striker.y1 - striker.y0
    radius, half = 0.1 * tall, 0.09 * tall
    pivot_x = 0.5 * (striker.x0 + striker.x1) - striker.side * (0.5 * wide - OUTLINE - 0.02)
    pivot_y = contact_y - radius - half
    length = 0.72 * wide
    top = pivot_y - (striker.y0 + OUTLINE + radius + 0.5 * half)
    sine = min(top / length, 0.94) * height
    cosine = np.sqrt(1.0 - sine**2)
    x, y = pivot_x + striker.side * length * cosine, pivot_y - length * sine
    # The head stands across the handle.
    across_x, across_y = striker.side * half * sine, half * cosine
    return [
        Capsule(
            start=_points(np.full_like(x, pivot_x), pivot_y),
            end=_points(x, y),
            radius=0.016,
            color=_lighter(striker.bar_color),
        ),
        Capsule(
            start=_points(x - across_x, y - across_y),
            end=_points(x + across_x, y + across_y),
            radius=radius,
            color=striker.color,
        ),
        Capsule(
            start=_points(x - 0.6 * across_x, y - 0.6 * across_y),
            end=_points(x, y),
            radius=0.22 * radius,
            color=_lighter(striker.color),
            outline=0.0,
        ),
    ]


def _shifted(background: np.ndarray, *, offsets: np.ndarray, size: int) -> np.ndarray:
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


def _paint(canvas: np.ndarray, capsule: Capsule, part: slice, shake: np.ndarray, size: int) -> None:
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

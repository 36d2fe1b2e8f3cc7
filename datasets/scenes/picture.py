"""The picture of a synthetic scene: strikers that fall onto bars, and the pole that hides them."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from datasets.scenes.canvas import OUTLINE, Capsule
from datasets.scenes.sound import MAX_GAP_SECONDS, MIN_GAP_SECONDS

Kind = Literal["ball", "hammer", "mallet"]
KINDS: tuple[Kind, ...] = ("ball", "hammer", "mallet")
DENT_SECONDS = 0.06
RISE_SECONDS = 0.16
FALL_SECONDS = 0.12


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

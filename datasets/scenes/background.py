"""Textured backgrounds and colors of synthetic scenes."""

from typing import Literal

import numpy as np

PATTERNS = ("plain", "stripes", "checks", "speckle", "wood")
Tone = Literal["dark", "light"]


def draw_tone(rng: np.random.Generator) -> Tone:
    """Whether the scene has bright objects on a dark ground or strong colors on a light one."""
    return "dark" if rng.random() < 0.5 else "light"


def draw_color(rng: np.random.Generator, *, tone: Tone) -> np.ndarray:
    """A color (3,) in 0..255 that stands out from a background of this tone."""
    hue = rng.random()
    if tone == "dark":
        return hsv(hue, rng.uniform(0.35, 0.75), rng.uniform(0.88, 1.0))
    return hsv(hue, rng.uniform(0.7, 0.95), rng.uniform(0.45, 0.75))


def hsv(hue: float, saturation: float, value: float) -> np.ndarray:
    """Red, green, blue (3,) in 0..255 from hue, saturation, value in 0..1."""
    wheel = np.abs((hue + np.array([0.0, 2 / 3, 1 / 3])) % 1.0 * 6.0 - 3.0) - 1.0
    return 255.0 * value * (1.0 - saturation * (1.0 - np.clip(wheel, 0.0, 1.0)))


def draw_background(rng: np.random.Generator, *, tone: Tone, size: int, pad: int) -> np.ndarray:
    """A textured background float32 (3, size + 2 pad, size + 2 pad) in 0..255.

    The texture is defined on grids of fixed size, so that one seed gives the same picture at
    every resolution.
    """
    side = size + 2 * pad
    position = (np.arange(side) - pad + 0.5) / size
    low, high = (0.16, 0.36) if tone == "dark" else (0.66, 0.86)
    hues = rng.random() + rng.uniform(-0.12, 0.12, 2)
    ends = [hsv(hue, rng.uniform(0.1, 0.4), rng.uniform(low, high)) for hue in hues]
    blend = _smooth(rng.random((5, 5)), position)[None]
    ground = ends[0][:, None, None] * (1 - blend) + ends[1][:, None, None] * blend
    strength = 255.0 * rng.uniform(0.025, 0.06)
    pattern = _pattern(rng, position) * strength + _smooth(rng.standard_normal((48, 48)), position) * (
        255.0 * rng.uniform(0.005, 0.02)
    )
    return np.clip(ground + pattern[None], 0.0, 255.0).astype(np.float32)


def _pattern(rng: np.random.Generator, position: np.ndarray) -> np.ndarray:
    """A pattern (side, side) of about unit strength."""
    name = PATTERNS[rng.integers(len(PATTERNS))]
    angle, frequency = rng.uniform(0.0, np.pi), rng.uniform(3.0, 9.0)
    x, y = position[None, :], position[:, None]
    along = np.cos(angle) * x + np.sin(angle) * y
    across = -np.sin(angle) * x + np.cos(angle) * y
    warp = _smooth(rng.standard_normal((6, 6)), position)
    fine = _smooth(rng.standard_normal((24, 24)), position)
    if name == "stripes":
        return np.tanh(3.0 * np.sin(2 * np.pi * frequency * along))
    if name == "checks":
        wave = np.sin(2 * np.pi * frequency * along) * np.sin(2 * np.pi * frequency * across)
        return np.tanh(5.0 * wave)
    if name == "speckle":
        return fine
    if name == "wood":
        return np.sin(2 * np.pi * (frequency * along + 0.35 * warp))
    return np.zeros_like(along)


def _smooth(grid: np.ndarray, position: np.ndarray) -> np.ndarray:
    """Values of a small square grid, interpolated linearly at normalized positions."""
    at = np.clip(position, 0.0, 1.0) * (len(grid) - 1)
    weights = np.maximum(0.0, 1.0 - np.abs(at[:, None] - np.arange(len(grid))[None, :]))
    return weights @ grid @ weights.T

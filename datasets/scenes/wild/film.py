"""What a camera makes of a picture: contrast, blur, black and white, grain, changing exposure."""

from dataclasses import dataclass

import numpy as np

from datasets.scenes.wild.curve import Curve, draw_wander


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Film:
    """The look of a scene."""

    contrast: float = 1.0
    brightness: float = 0.0  # of 255
    blur: float = 0.0  # width of edges, of the picture's side
    saturation: float = 1.0  # 0 is black and white
    grain: float = 0.0  # standard deviation of a pixel, of 255
    exposure: Curve | None = None  # factor
    seed: int = 0

    def develop(self, canvas: np.ndarray, times: np.ndarray) -> np.ndarray:
        """Frames uint8 (frames, size, size, 3) of a canvas (3, size, size, frames) in 0..255, which is changed."""
        size = canvas.shape[1]
        if self.saturation < 1.0:
            gray = canvas.mean(axis=0)
            gray *= np.float32(1.0 - self.saturation)
            canvas *= np.float32(self.saturation)
            canvas += gray
        if self.exposure is not None:
            canvas *= (self.contrast * self.exposure.at(times)).astype(np.float32)
            canvas += np.float32(128.0 * (1.0 - self.contrast) + self.brightness)
        if self.grain:
            rng = np.random.default_rng((self.seed, round(float(times[0]) * 1e6)))
            specks = np.float32(self.grain) * rng.standard_normal((size + 16, size + 16), dtype=np.float32)
            corners = rng.integers(0, 17, (len(times), 2))
            canvas += np.stack([specks[y : y + size, x : x + size] for y, x in corners], axis=-1)
        np.clip(canvas, 0.0, 255.0, out=canvas)
        canvas += np.float32(0.5)
        return np.ascontiguousarray(canvas.astype(np.uint8).transpose(3, 1, 2, 0))


def draw_film(rng: np.random.Generator, *, seconds: float) -> Film:
    """The look of a random camera: two scenes in three are soft, half are flat, one in ten is black and white."""
    drift = 0.06 * rng.random() ** 2
    return Film(
        contrast=rng.uniform(0.35, 1.1),
        brightness=rng.uniform(-35.0, 35.0),
        blur=rng.uniform(-0.015, 0.04),
        saturation=0.0 if rng.random() < 0.1 else rng.uniform(0.3, 1.0),
        grain=4.0 * rng.random() ** 2,
        exposure=draw_wander(rng, 1.0 - drift, 1.0 + drift, hertz=rng.uniform(0.3, 6.0), seconds=seconds),
        seed=int(rng.integers(2**32)),
    )

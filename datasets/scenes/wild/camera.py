"""A camera that pans, shakes and cuts between shots."""

import itertools
from dataclasses import dataclass

import numpy as np

from datasets.scenes.wild.curve import Curve, draw_wander

_MOST_PAN = 0.12
_MOST_SHAKE = 0.02


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """Where a camera looks: `scale` around the middle, then `offset` (2, frames), both normalized."""

    scale: float
    offset: np.ndarray

    def of(self, x: np.ndarray | float, y: np.ndarray | float) -> tuple[np.ndarray, np.ndarray]:
        """Places in the world as places in the picture."""
        return 0.5 + self.scale * (x - 0.5) + self.offset[0], 0.5 + self.scale * (y - 0.5) + self.offset[1]


@dataclass(frozen=True, kw_only=True, slots=True)
class Shot:
    """What is seen from one cut to the next."""

    begin_seconds: float
    end_seconds: float
    zoom: float
    x: float
    y: float
    place: int  # the background's number: some cuts stay in the room


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Camera:
    """The shots of a scene, and a movement that all of them share."""

    shots: tuple[Shot, ...]
    pan: tuple[Curve, Curve] | None
    shake: float
    shake_hertz: np.ndarray
    shake_phase: np.ndarray

    def view(self, shot: Shot, times: np.ndarray) -> View:
        """What a shot shows at these times."""
        offset = np.stack([np.full_like(times, shot.x), np.full_like(times, shot.y)])
        if self.pan is not None:
            offset += np.stack([curve.at(times) for curve in self.pan])
        waves = np.sin(2 * np.pi * self.shake_hertz[..., None] * times + self.shake_phase[..., None])
        return View(shot.zoom, offset + self.shake * waves.mean(axis=0))


def still_camera(seconds: float) -> Camera:
    """A camera that does nothing."""
    shot = Shot(begin_seconds=0.0, end_seconds=seconds, zoom=1.0, x=0.0, y=0.0, place=0)
    nothing = np.zeros((1, 2))
    return Camera(shots=(shot,), pan=None, shake=0.0, shake_hertz=nothing, shake_phase=nothing)


def draw_camera(rng: np.random.Generator, *, seconds: float) -> Camera:
    """A camera that pans in a third of the scenes, shakes in as many and cuts in two in five."""
    num_cuts = int(rng.choice([0, 0, 0, 1, 2]))
    cuts = np.sort(rng.uniform(0.1 * seconds, 0.9 * seconds, num_cuts))
    ends = [0.0, *cuts.tolist(), seconds]
    places = np.cumsum([0, *(rng.random(num_cuts) < 0.5)])
    shots = tuple(
        Shot(
            begin_seconds=begin,
            end_seconds=end,
            zoom=rng.uniform(0.85, 1.2) if number else 1.0,
            x=rng.uniform(-0.08, 0.08) if number else 0.0,
            y=rng.uniform(-0.05, 0.05) if number else 0.0,
            place=int(places[number]),
        )
        for number, (begin, end) in enumerate(itertools.pairwise(ends))
    )
    hertz, most = rng.uniform(0.15, 0.5), rng.uniform(0.03, _MOST_PAN)
    across = draw_wander(rng, -most, most, hertz=hertz, seconds=seconds)
    along = draw_wander(rng, -0.3 * most, 0.3 * most, hertz=hertz, seconds=seconds)
    return Camera(
        shots=shots,
        pan=(across, along) if rng.random() < 0.35 else None,
        shake=rng.uniform(0.0, _MOST_SHAKE) if rng.random() < 0.35 else 0.0,
        shake_hertz=rng.uniform(0.5, 5.0, (3, 2)),
        shake_phase=rng.uniform(0.0, 2 * np.pi, (3, 2)),
    )

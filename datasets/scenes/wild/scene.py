"""Wild scenes: what real footage has and the simpler scenes lack, each trait of which can be left out."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from datasets.scenes.background import draw_background, draw_tone
from datasets.scenes.canvas import PIXELS_AT_ONCE, Capsule, extent, paint_capsule, shifted
from datasets.scenes.scene import refuse_empty
from datasets.scenes.wild.accompaniment import draw_babble, draw_music
from datasets.scenes.wild.camera import Camera, Shot, View, draw_camera, still_camera
from datasets.scenes.wild.cast import Cast, Rhythm, Thing, draw_cast
from datasets.scenes.wild.ellipse import Ellipse, bounds, paint_ellipse
from datasets.scenes.wild.film import Film, draw_film
from datasets.scenes.wild.head import Head
from datasets.scenes.wild.recording import Recording, draw_recording, loudest, record
from datasets.scenes.wild.traits import Traits

_FRAME_RATES = (24.0, 25.0, 30000 / 1001, 30.0)
_ROOM = 0.25
"""How far a background reaches over the picture, of its side: more than a camera moves."""
_MOST_DELAY_SECONDS = 0.05


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class WildScene:
    """A drawn scene; `frames` and `waveform` render it."""

    level = "wild"

    seed: int
    seconds: float
    frame_rate: float
    size: int
    sample_rate: int
    traits: Traits
    cast: Cast
    camera: Camera
    film: Film
    recording: Recording
    delay_seconds: float
    crf: int

    @property
    def off_screen(self) -> bool:
        """Whether the sound comes from outside the picture."""
        return not self.boxes

    @property
    def frame_seconds(self) -> np.ndarray:
        """The instant that each frame shows, which is also its presentation time."""
        return np.arange(round(self.seconds * self.frame_rate)) / self.frame_rate

    @property
    def boxes(self) -> tuple[tuple[Thing, tuple[float, float, float, float]], ...]:
        """What sounds and is seen, with the box x0, y0, x1, y1 of all places in the picture where it is, normalized.

        A talker's box is that of the face, if the mouth is ever in the picture. Where the camera cuts or pans, the box holds the place in every shot.
        """
        found = []
        for thing in self.cast.sounding:
            boxes = [box for shot in self.camera.shots if (box := self._box(thing, shot)) is not None]
            if boxes:
                low, high = np.min(boxes, axis=0)[:2], np.max(boxes, axis=0)[2:]
                found.append((thing, (*low.tolist(), *high.tolist())))
        return tuple(found)

    def frames(self) -> Iterator[np.ndarray]:
        """Frames uint8 (size, size, 3), one at a time."""
        at_once = max(1, PIXELS_AT_ONCE // self.size**2)
        for shot in self.camera.shots:
            background = self._background(shot.place)
            shown = self._times(shot)
            for begin in range(0, len(shown), at_once):
                times = shown[begin : begin + at_once]
                view = self.camera.view(shot, times)
                canvas = shifted(background, offsets=view.offset.T * self.size, size=self.size)
                for thing in self.cast.seen:
                    self._paint(canvas, thing, view, times)
                yield from self.film.develop(canvas, times)

    def waveform(self) -> np.ndarray:
        """The sound from time zero, mono float32 (samples,) in [-1, 1]."""
        track = np.zeros(round(self.seconds * self.sample_rate), np.float32)
        rng = np.random.default_rng((self.seed, 15))
        for number, thing in enumerate(self.cast.heard):
            sound = thing.sound(seconds=self.seconds, sample_rate=self.sample_rate)
            gain = rng.uniform(0.6, 1.0) if number else 1.0
            track += np.float32(gain / max(loudest(sound, self.sample_rate), 1e-6)) * sound
        if self.traits.accompaniment:
            rng = np.random.default_rng((self.seed, 16))
            for draw, share in ((draw_music, 0.35), (draw_babble, 0.25)):
                if rng.random() < share:
                    other = draw(rng, seconds=self.seconds, sample_rate=self.sample_rate)
                    gain = 10.0 ** (rng.uniform(-25.0, -5.0) / 20.0) / max(loudest(other, self.sample_rate), 1e-6)
                    track += np.float32(gain) * other
        return record(track, self.recording, sample_rate=self.sample_rate)

    def _times(self, shot: Shot) -> np.ndarray:
        times = self.frame_seconds
        return times[(times >= shot.begin_seconds) & (times < shot.end_seconds)]

    def _box(self, thing: Thing, shot: Shot) -> tuple[float, float, float, float] | None:
        times = self._times(shot)
        if not len(times):
            return None
        view = self.camera.view(shot, times)
        times = times + self.delay_seconds
        if isinstance(thing, Rhythm):
            low_x, low_y, high_x, high_y = extent(
                [_seen(each, view) for each in thing.capsules(times)], shake=np.zeros((len(times), 2)), size=self.size
            )
            return (low_x, low_y, high_x, high_y) if low_x < high_x and low_y < high_y else None
        if isinstance(thing, Head) and bounds(thing.mouth_ellipses(times), view) is None:
            return None
        return bounds(thing.sounding_ellipses(times), view)

    def _paint(self, canvas: np.ndarray, thing: Thing, view: View, times: np.ndarray) -> None:
        # What sounds far away is seen earlier than it is heard.
        times = times + self.delay_seconds
        if isinstance(thing, Rhythm):
            still = np.zeros((len(times), 2))
            for capsule in thing.capsules(times):
                paint_capsule(canvas, _seen(capsule, view), slice(None), still, self.size)
        else:
            for ellipse in thing.ellipses(times):
                paint_ellipse(canvas, ellipse, view, blur=self.film.blur * self.size)

    def _background(self, place: int) -> np.ndarray:
        """A textured wall with things before it, in focus or not, float32 (3, size + 2 pad, size + 2 pad)."""
        rng = np.random.default_rng((self.seed, 20 + place))
        pad = int(np.ceil(_ROOM * self.size))
        wall = draw_background(rng, tone=draw_tone(rng), size=self.size, pad=pad)
        focused = rng.random() < 0.5
        canvas = (wall if focused else _softened(wall, width=int(rng.integers(1, max(self.size // 8, 2)))))[..., None]
        cluttered = rng.random() < 0.4
        for number in range(rng.integers(0, 10) + (30 if cluttered else 0)):
            small = cluttered and number < 30
            most = 0.08 if small else 0.3
            blob = Ellipse(
                x=rng.uniform(0.0, 1.0),
                y=rng.uniform(0.0, 1.0),
                radius_x=rng.uniform(0.01, most),
                radius_y=rng.uniform(0.01, most),
                color=rng.uniform(20.0, 235.0, 3),
                angle=rng.uniform(0.0, np.pi),
                opacity=rng.uniform(0.2, 0.9),
                softness=0.0 if focused else rng.uniform(0.0, 0.8),
            )
            paint_ellipse(canvas, blob, View(1.0, np.zeros((2, 1))), blur=self.film.blur * self.size)
        return canvas[..., 0]


def _softened(picture: np.ndarray, *, width: int) -> np.ndarray:
    """A picture (3, side, side) out of focus: the mean over squares of 2 width + 1 pixels."""
    for axis in (1, 2):
        edges = [(width + 1, width) if number == axis else (0, 0) for number in range(3)]
        sums = np.cumsum(np.pad(picture, edges, mode="edge"), axis=axis, dtype=np.float64)
        count = picture.shape[axis]
        tail, head = sums.take(range(2 * width + 1, 2 * width + 1 + count), axis), sums.take(range(count), axis)
        picture = ((tail - head) / (2 * width + 1)).astype(np.float32)
    return picture


def _seen(capsule: Capsule, view: View) -> Capsule:
    start, end = (np.stack(view.of(ends[:, 0], ends[:, 1]), axis=-1) for ends in (capsule.start, capsule.end))
    return Capsule(
        start=start,
        end=end,
        radius=capsule.radius * view.scale,
        color=capsule.color,
        outline=capsule.outline * view.scale,
    )


def draw_wild_scene(
    seed: int, *, traits: Traits, seconds: float, frame_rate: float, size: int, sample_rate: int
) -> WildScene:
    """The wild scene of a seed; nothing is rendered yet.

    The cast has chance of its own, as has each trait from `camera` on: a scene without one of these is otherwise the same.

    Args:
        seed: any number from 0 to 2**64 - 1.
        traits: what wild scenes have.
        seconds: length of picture and sound.
        frame_rate: frames per second, where scenes have no trait `coding`.
        size: height and width in pixels.
        sample_rate: sound samples per second.

    Raises:
        InputError: an empty picture or sound.
    """
    refuse_empty(seconds=seconds, frame_rate=frame_rate, size=size, sample_rate=sample_rate)

    def chance(number: int) -> np.random.Generator:
        return np.random.default_rng((seed, number))

    code = chance(14)
    rate, crf = float(code.choice(_FRAME_RATES)), int(code.integers(18, 34))
    return WildScene(
        seed=seed,
        seconds=seconds,
        frame_rate=rate if traits.coding else frame_rate,
        size=size,
        sample_rate=sample_rate,
        traits=traits,
        cast=draw_cast(chance(10), traits=traits, seconds=seconds),
        camera=draw_camera(chance(11), seconds=seconds) if traits.camera else still_camera(seconds),
        film=draw_film(chance(12), seconds=seconds) if traits.film else Film(),
        recording=draw_recording(chance(13)) if traits.recording else Recording(),
        delay_seconds=chance(17).uniform(0.0, _MOST_DELAY_SECONDS) if traits.distance else 0.0,
        crf=crf if traits.coding else 18,
    )

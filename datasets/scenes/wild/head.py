"""Talking heads: a face that nods, turns and blinks, and a mouth that opens with the syllables."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from datasets.scenes.background import hsv
from datasets.scenes.wild.curve import Curve, draw_wander, through
from datasets.scenes.wild.ellipse import Ellipse, Track
from datasets.scenes.wild.speech import Speech, draw_speech
from datasets.scenes.wild.voice import Voice, draw_voice, speak

_ASPECT = 0.76  # of a face, width to height
_PALLOR = 255.0 * np.array([0.93, 0.78, 0.68])
_EARTH = 255.0 * np.array([0.36, 0.22, 0.15])
_INSIDE = np.array([48.0, 18.0, 18.0])
_WHITE = np.array([225.0, 222.0, 214.0])
_LIPS = np.array([165.0, 70.0, 72.0])


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Head:
    """A head at a place; its movements are curves, in radii of the face where nothing else is said."""

    kind = "head"
    material = "speech"

    x: float
    y: float
    radius: float  # half a face's height, of the picture's side
    skin: np.ndarray
    hair: np.ndarray
    clothes: np.ndarray
    hair_length: float  # 0 is bald
    beard: float  # opacity
    glasses: float  # opacity
    teeth: float  # opacity
    lip_contrast: float
    mouth_size: float  # half the width of a mouth at rest
    mouth_drop: float  # half the height of a mouth wide open
    light: float  # side from which light falls, -1 to 1
    sway: tuple[Curve, Curve]
    roll: Curve  # radians
    turn: Curve
    nod: Curve
    brows: Curve
    eyelids: Curve
    mouth: Curve  # how far it is seen to be open
    hand: tuple[Curve, Curve] | None
    speech: Speech
    voice: Voice

    def ellipses(self, times: np.ndarray) -> list[Ellipse]:
        """All parts from back to front."""
        hair = (self._part(times, 0, -0.12, 1.14, 1.08, self.hair),) if self.hair_length else ()
        if self.hair_length > 0.5:
            hair += (self._part(times, 0, 0.5, 1.08, self.hair_length, self.hair),)
        return [*hair, *self._body(times), *self._face(times), *self.mouth_ellipses(times), *self._hands(times)]

    def sounding_ellipses(self, times: np.ndarray) -> list[Ellipse]:
        """Face and jaw, which is what a box of a voice bounds."""
        # The jaw drops with the mouth.
        jaw = self._part(times, 0, 0.45 + 0.5 * self.mouth_drop * self.mouth.at(times), 0.68, 0.6, self.skin)
        return [self._part(times, 0, 0, 1, 1, self.skin), jaw]

    def mouth_ellipses(self, times: np.ndarray) -> list[Ellipse]:
        """Lips, the dark between them, and teeth now and then."""
        opening = self.mouth.at(times)
        wide = self.mouth_size * (0.85 + 0.35 * self.speech.front.at(times) * np.minimum(3.0 * opening, 1.0))
        tall = self.mouth_drop * opening
        y = 0.54 + 0.5 * tall
        lips = self.skin + self.lip_contrast * (_LIPS * self.skin.mean() / 180.0 - self.skin)
        inside = self.skin + np.sqrt(self.lip_contrast) * (_INSIDE - self.skin)
        shown = self.teeth * np.clip(4.0 * opening - 0.8, 0.0, 1.0)
        return [
            self._part(times, 0, y, wide * 1.1, tall + 0.09, lips),
            self._part(times, 0, y, wide * 0.85, tall + 0.012, inside, opacity=np.clip(0.45 + 4 * opening, 0, 1)),
            self._part(times, 0, y - 0.62 * tall, 0.6 * wide, 0.28 * tall, _WHITE, opacity=shown),
        ]

    def sound(self, *, seconds: float, sample_rate: int) -> np.ndarray:
        """The voice from time zero, float32 (samples,)."""
        return speak(self.voice, self.speech, seconds=seconds, sample_rate=sample_rate)

    def _face(self, times: np.ndarray) -> Iterator[Ellipse]:
        skin, opening = self.skin, self.mouth.at(times)
        yield from self.sounding_ellipses(times)
        yield self._part(times, 0.5 * self.light, 0.05, 0.6, 0.85, 0.82 * skin, opacity=0.6, softness=1.0)
        if self.beard:
            yield self._part(times, 0, 0.66 + 0.1 * opening, 0.72, 0.4, self.hair, opacity=self.beard, softness=0.3)
        if self.hair_length:
            yield self._part(times, 0, -0.86, 0.86, 0.34, self.hair)
        lids = self.eyelids.at(times)
        for side in (-0.4, 0.4):
            yield self._part(times, side, -0.17, 0.25, 0.15, 0.86 * skin, softness=0.5)
            yield self._part(times, side, -0.15, 0.19, 0.1 * lids, _WHITE, opacity=0.9)
            yield self._part(times, side, -0.15, 0.1, 0.105 * lids + 0.012, 0.35 * self.hair)
            yield self._part(times, side, -0.4 - 0.08 * self.brows.at(times), 0.24, 0.045, 0.8 * self.hair, opacity=0.8)
            if self.glasses:
                yield self._part(times, side, -0.15, 0.33, 0.22, _INSIDE, opacity=self.glasses)
        yield self._part(times, 0, 0.12, 0.13, 0.26, 0.84 * skin, opacity=0.7, softness=0.4)

    def _body(self, times: np.ndarray) -> Iterator[Ellipse]:
        x, y = (curve.at(times) for curve in self.sway)
        trunk_x, trunk_y = self.x + 0.4 * self.radius * x, self.y + 0.4 * self.radius * y
        neck_x = 0.5 * (trunk_x + self.x + self.radius * x)
        yield self._ellipse(neck_x, trunk_y + 0.95 * self.radius, 0.42, 0.6, 0.8 * self.skin)
        yield self._ellipse(trunk_x, trunk_y + 3.6 * self.radius, 2.2, 2.4, self.clothes)

    def _hands(self, times: np.ndarray) -> Iterator[Ellipse]:
        if self.hand is not None:
            x, y = (curve.at(times) for curve in self.hand)
            yield self._ellipse(self.x + self.radius * x, self.y + self.radius * y, 0.42, 0.4, 0.94 * self.skin)

    def _ellipse(self, x: np.ndarray, y: np.ndarray, wide: float, tall: float, color: np.ndarray) -> Ellipse:
        return Ellipse(
            x=x, y=y, radius_x=wide * _ASPECT * self.radius, radius_y=tall * self.radius, color=color, softness=0.05
        )

    def _part(
        self,
        times: np.ndarray,
        across: float,
        down: Track,
        wide: Track,
        tall: Track,
        color: np.ndarray,
        *,
        opacity: Track = 1.0,
        softness: float = 0.05,
    ) -> Ellipse:
        """A part at a place on the face, which turns, nods and rolls with it; in radii."""
        turn, roll = self.turn.at(times), self.roll.at(times)
        x, y = (curve.at(times) for curve in self.sway)
        whole = np.max(tall) >= 1.0  # the outline of a head hardly moves as it turns
        shift_x, shift_y = (0.0, 0.0) if whole else (0.5 * turn, 0.3 * self.nod.at(times))
        along = _ASPECT * (across * np.cos(turn) + shift_x)
        below = down + shift_y
        cosine, sine = np.cos(roll), np.sin(roll)
        return Ellipse(
            x=self.x + self.radius * (x + along * cosine - below * sine),
            y=self.y + self.radius * (y + along * sine + below * cosine),
            radius_x=wide * _ASPECT * self.radius * (1.0 if whole else np.cos(turn)),
            radius_y=tall * self.radius,
            color=color,
            angle=roll,
            opacity=opacity,
            softness=softness,
        )


def draw_head(
    rng: np.random.Generator, cell: tuple[float, float, float, float], *, talks: bool, loose: bool, seconds: float
) -> Head:
    """A random head in a cell x0, y0, x1, y1.

    Args:
        rng: where chance comes from.
        cell: where the head is, normalized; shoulders reach over it.
        talks: whether the mouth follows speech; a silent one stays shut, chews or moves a little.
        loose: whether the mouth follows the speech only in part, and may be small or faint.
        seconds: length of the scene.
    """
    lively = np.exp(rng.uniform(np.log(0.12), np.log(1.2)))
    speech = draw_speech(rng, seconds=seconds)
    skin = _EARTH + rng.beta(2.0, 1.0) * (_PALLOR - _EARTH)
    side = rng.uniform(-0.7, 0.7) if loose else rng.uniform(-0.3, 0.3)  # some are seen from the side
    reach = min(lively * 0.5, 0.45)
    gestures = rng.random() < 0.3
    stress = max(0.0, rng.uniform(-0.5, 1.0)) if talks else 0.0  # how much a talker nods to the words
    mouth = _draw_mouth(rng, speech, talks=talks, loose=loose, seconds=seconds)

    def wander(most: float, hertz: float, middle: float = 0.0) -> Curve:
        return draw_wander(rng, middle - most, middle + most, hertz=hertz, seconds=seconds)

    return Head(
        x=0.5 * (cell[0] + cell[2]),
        y=0.5 * (cell[1] + cell[3]),
        radius=0.42 * (cell[3] - cell[1]),
        skin=skin * rng.uniform(0.85, 1.05),
        hair=hsv(rng.uniform(0.02, 0.13), rng.uniform(0.1, 0.6), rng.choice([0.1, 0.2, 0.35, 0.7])),
        clothes=hsv(rng.random(), rng.uniform(0.0, 0.7), rng.uniform(0.1, 0.9)),
        hair_length=float(rng.choice([0.0, 0.4, 0.4, 1.0, 1.3])),
        beard=rng.uniform(0.4, 0.9) if rng.random() < 0.25 else 0.0,
        glasses=rng.uniform(0.2, 0.6) if rng.random() < 0.2 else 0.0,
        teeth=rng.uniform(0.4, 1.0) if rng.random() < 0.5 else 0.0,
        lip_contrast=rng.uniform(0.3, 1.0) if loose else rng.uniform(0.7, 1.0),
        mouth_size=rng.uniform(0.22, 0.42) if loose else rng.uniform(0.34, 0.42),
        mouth_drop=rng.uniform(0.08, 0.26) if loose else rng.uniform(0.18, 0.26),
        light=rng.uniform(-1.0, 1.0),
        sway=(wander(0.3 * lively, rng.uniform(0.3, 0.9)), wander(0.15 * lively, rng.uniform(0.4, 1.4))),
        roll=wander(0.2 * lively, 0.6),
        turn=wander(reach, rng.uniform(0.3, 0.8), side),
        nod=_stressed(wander(0.6 * lively, rng.uniform(0.5, 1.8)), speech, 0.8 * stress),
        brows=_stressed(wander(1.0, 1.0), speech, 2.0 * stress),
        eyelids=_draw_eyelids(rng, seconds=seconds),
        mouth=mouth,
        hand=(wander(1.4, 0.9), wander(0.6, 1.1, 1.9)) if gestures else None,
        speech=speech,
        voice=draw_voice(rng),
    )


def _draw_mouth(rng: np.random.Generator, speech: Speech, *, talks: bool, loose: bool, seconds: float) -> Curve:
    other = draw_wander(rng, 0.0, 0.8, hertz=rng.uniform(1.0, 4.0), seconds=seconds)
    share = rng.uniform(0.0, 0.7) if loose else 0.0
    if not talks:
        moves = rng.choice([0.0, 0.15, 0.8])  # shut, a little, or chewing
        return Curve(moves * other.values)
    lead = round(rng.uniform(0.0, 6.0))  # of a hundredth of a second: a mouth opens before it sounds
    seen = np.roll(speech.opening.values, -lead) if loose else speech.opening.values
    return Curve((1.0 - share) * seen + share * other.values)


def _stressed(movement: Curve, speech: Speech, share: float) -> Curve:
    """A movement that also follows the phrases and loud syllables, a fifth of a second wide."""
    smooth = np.convolve(speech.loudness.values, np.full(20, 1 / 20), mode="same")
    return Curve(movement.values + share * (smooth - smooth.mean()))


def _draw_eyelids(rng: np.random.Generator, *, seconds: float) -> Curve:
    """One where eyes are open, zero in the middle of a blink; every 1 to 5 s."""
    starts = -2.0 + np.cumsum(rng.uniform(1.0, 5.0, int(seconds) + 5))
    knots = (starts[:, None] + np.array([0.0, 0.07, 0.1, 0.2])).ravel()
    return through(knots, np.tile([1.0, 0.0, 0.0, 1.0], len(starts)), seconds=seconds)

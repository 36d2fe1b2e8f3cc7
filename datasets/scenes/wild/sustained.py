"""Sustained sounds whose loudness follows a motion: bowing, rubbing, engines and water."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from datasets.scenes.source_filter import band, bin_frequencies, filter_over_time, hop_seconds, pulse_train
from datasets.scenes.wild.curve import LEAD_SECONDS, VALUES_PER_SECOND, Curve, draw_wander, through
from datasets.scenes.wild.ellipse import Ellipse, Track

Motion = Literal["bow", "rub", "engine", "water"]
MOTIONS: tuple[Motion, ...] = ("bow", "rub", "engine", "water")


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Sustained:
    """A thing that is moved, with an effort from 0 to 1 that is seen and heard."""

    kind: Motion
    x: float
    y: float
    radius: float  # of the cell it is drawn in
    angle: float  # radians
    body: np.ndarray
    tool: np.ndarray
    effort: Curve
    place: Curve  # of bow and hand, -1 to 1; turns of an engine's wheel
    heard: Curve  # loudness, 0 to 1
    pitch_hz: Curve
    noise: float  # share of noise in the sound
    centers_hz: np.ndarray  # resonances of the body
    seed: int

    @property
    def material(self) -> str:
        """What it sounds like."""
        return {"bow": "strings", "rub": "rubbing", "engine": "engine", "water": "water"}[self.kind]

    def ellipses(self, times: np.ndarray) -> list[Ellipse]:
        """All parts from back to front."""
        return {"bow": self._bow, "rub": self._rub, "engine": self._engine, "water": self._water}[self.kind](times)

    def sounding_ellipses(self, times: np.ndarray) -> list[Ellipse]:
        """Where it sounds: strings and bow, the hand that rubs, the engine, the falling water."""
        parts = self.ellipses(times)
        return {"bow": parts[:3], "rub": parts[1:2], "engine": parts[:1], "water": [parts[1], parts[-1]]}[self.kind]

    def sound(self, *, seconds: float, sample_rate: int) -> np.ndarray:
        """The sound from time zero, float32 (samples,)."""
        num_samples = round(seconds * sample_rate)
        times, frequencies = hop_seconds(seconds), bin_frequencies(sample_rate)
        level, effort = self.heard.at(times), self.effort.at(times)
        noise = np.random.default_rng(self.seed).standard_normal(num_samples, dtype=np.float32)
        source = np.float32(self.noise) * noise
        if self.noise < 1.0:
            pitch = self.pitch_hz.at(np.arange(num_samples) / sample_rate)
            source = source + np.float32(1.0 - self.noise) * pulse_train(pitch, sample_rate=sample_rate)
        # A faster motion sounds brighter.
        gains = sum(
            band(frequencies, np.minimum(center * (0.7 + 0.6 * effort), 0.4 * sample_rate), 0.6) / number
            for number, center in enumerate(self.centers_hz, start=1)
        )
        return filter_over_time(source, np.asarray(gains), level, sample_rate=sample_rate)

    def _at(self, across: Track, along: Track) -> tuple[Track, Track]:
        cosine, sine = np.cos(self.angle), np.sin(self.angle)
        return (
            self.x + self.radius * (across * cosine - along * sine),
            self.y + self.radius * (across * sine + along * cosine),
        )

    def _part(
        self,
        x: Track,
        y: Track,
        wide: Track,
        tall: Track,
        color: np.ndarray,
        *,
        angle: Track = 0.0,
        opacity: Track = 1.0,
        softness: float = 0.05,
    ) -> Ellipse:
        wide, tall = wide * self.radius, tall * self.radius
        return Ellipse(
            x=x, y=y, radius_x=wide, radius_y=tall, color=color, angle=angle, opacity=opacity, softness=softness
        )

    def _bow(self, times: np.ndarray) -> list[Ellipse]:
        place = self.place.at(times)
        body_x, body_y = self._at(0.0, 0.25)
        x, y = self._at(0.65 * place, 0.0)
        hand_x, hand_y = self._at(0.65 * place + 0.75, 0.05)
        return [
            self._part(body_x, body_y, 0.36, 0.62, self.body, angle=self.angle),
            self._part(body_x, body_y, 0.05, 0.6, 0.4 * self.body, angle=self.angle),
            self._part(x, y, 0.85, 0.05, self.tool, angle=self.angle),
            self._part(hand_x, hand_y, 0.16, 0.15, np.array([205.0, 160.0, 135.0]), angle=self.angle),
        ]

    def _rub(self, times: np.ndarray) -> list[Ellipse]:
        place = self.place.at(times)
        x, y = self._at(0.6 * place, 0.12 * np.sin(3.0 * place))
        arm_x, arm_y = self._at(0.6 * place + 0.25, 0.55)
        surface_x, surface_y = self._at(0.0, 0.1)
        return [
            self._part(surface_x, surface_y, 0.95, 0.5, self.body, angle=self.angle),
            self._part(x, y, 0.27, 0.22, self.tool, angle=self.angle),
            self._part(arm_x, arm_y, 0.16, 0.5, 0.9 * self.tool, angle=self.angle - 0.4),
        ]

    def _engine(self, times: np.ndarray) -> list[Ellipse]:
        effort, turns = self.effort.at(times), 2 * np.pi * self.place.at(times)
        rattle = 0.07 * effort * np.sin(2 * np.pi * 11.3 * times)
        x, y = self.x + self.radius * 0.5 * rattle, self.y + self.radius * rattle
        spokes = [
            self._part(
                x + 0.33 * self.radius * np.cos(turns + quarter),
                y + 0.33 * self.radius * np.sin(turns + quarter),
                0.3,
                0.1,
                self.body,
                angle=turns + quarter,
            )
            for quarter in (0.0, 2.1, 4.2)
        ]
        smoke = self._part(
            x + 0.75 * self.radius,
            y - self.radius * (0.6 + 0.2 * effort),
            0.2 + 0.25 * effort,
            0.2 + 0.25 * effort,
            np.full(3, 165.0),
            opacity=0.55 * effort,
            softness=0.8,
        )
        return [self._part(x, y, 0.9, 0.68, self.body), self._part(x, y, 0.6, 0.6, self.tool), *spokes, smoke]

    def _water(self, times: np.ndarray) -> list[Ellipse]:
        effort = self.effort.at(times)
        tap = self._part(self.x, self.y - 0.85 * self.radius, 0.35, 0.14, self.body)
        wide = 0.03 + 0.2 * effort
        shown = np.clip(5.0 * effort, 0.0, 1.0)
        stream = self._part(self.x, self.y, wide, 0.85, self.tool, opacity=0.85 * shown)
        pale = self.tool + 0.6 * (255.0 - self.tool)
        drops = []
        for number in range(4):
            fallen = (2.3 * times + 0.25 * number) % 1.0
            side = wide * self.radius * np.sin(7.0 * number)
            drops.append(
                self._part(
                    self.x + 0.8 * side,
                    self.y + self.radius * (1.6 * fallen - 0.8),
                    0.04 + 0.2 * wide,
                    0.14,
                    pale,
                    opacity=shown,
                )
            )
        splash = self._part(
            self.x, self.y + 0.82 * self.radius, 0.2 + 0.7 * effort, 0.06 + 0.14 * effort, pale, opacity=0.8 * shown
        )
        return [tap, stream, *drops, splash]


def draw_sustained(
    rng: np.random.Generator, cell: tuple[float, float, float, float], *, loose: bool, seconds: float
) -> Sustained:
    """A random thing in a cell x0, y0, x1, y1; a loose one is heard only in part as it is seen."""
    kind = MOTIONS[rng.integers(len(MOTIONS))]
    if kind in ("bow", "rub"):
        knots, places = _draw_strokes(rng, seconds=seconds)
        place = through(knots, places, seconds=seconds)
        speed = np.abs(np.gradient(place.values)) * VALUES_PER_SECOND
        effort = Curve(np.clip(speed / np.percentile(speed, 95), 0.0, 1.0) ** 0.7)
        notes = through(
            knots, rng.choice([1.0, 1.125, 1.25, 1.5, 1.667], len(knots)), seconds=seconds
        ).values * rng.uniform(180.0, 600.0)
    else:
        pulls = draw_wander(rng, -0.35, 1.0, hertz=rng.uniform(0.8, 2.0), seconds=seconds)
        effort = Curve(np.clip(pulls.values, 0.0, 1.0))
        place = Curve(np.cumsum(0.3 + 3.0 * effort.values) / VALUES_PER_SECOND)
        notes = rng.uniform(25.0, 70.0) * (1.0 + 1.5 * effort.values)
    idle = 0.12 if kind == "engine" else 0.0
    low, high = {"bow": (500, 1500), "rub": (800, 3000), "engine": (120, 700), "water": (700, 4000)}[kind]
    other = draw_wander(rng, rng.uniform(0.1, 1.0), 1.0, hertz=rng.uniform(0.7, 3.0), seconds=seconds)
    return Sustained(
        kind=kind,
        x=0.5 * (cell[0] + cell[2]),
        y=0.5 * (cell[1] + cell[3]),
        radius=0.5 * min(cell[2] - cell[0], cell[3] - cell[1]),
        angle=rng.uniform(-0.7, 0.7),
        body=rng.uniform(40.0, 200.0, 3),
        tool=rng.uniform(60.0, 240.0, 3),
        effort=effort,
        place=place,
        heard=Curve((idle + (1.0 - idle) * effort.values) * (other.values if loose else 1.0)),
        pitch_hz=Curve(np.asarray(notes)),
        noise={"bow": rng.uniform(0.02, 0.15), "rub": 1.0, "engine": rng.uniform(0.2, 0.6), "water": 1.0}[kind],
        centers_hz=np.exp(rng.uniform(np.log(low), np.log(high), 3)),
        seed=int(rng.integers(2**32)),
    )


def _draw_strokes(rng: np.random.Generator, *, seconds: float) -> tuple[np.ndarray, np.ndarray]:
    """Knots and places from -1 to 1: to and fro, of different lengths, with rests in between."""
    tempo = rng.uniform(0.25, 0.9)
    knots, places, side = [-LEAD_SECONDS - 1.0], [0.0], 1.0
    while knots[-1] < seconds + LEAD_SECONDS:
        if rng.random() < 0.2:
            knots.append(knots[-1] + rng.uniform(0.2, 0.8))
            places.append(places[-1])
        knots.append(knots[-1] + tempo * rng.uniform(0.7, 1.5))
        places.append(side * rng.uniform(0.3, 1.0))
        side = -side
    return np.array(knots), np.array(places)

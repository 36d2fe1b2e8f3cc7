"""Who and what is in a wild scene: what is heard, and what moves beside it."""

from dataclasses import dataclass, replace

import numpy as np

from datasets.scenes.background import draw_color, draw_tone
from datasets.scenes.canvas import Capsule
from datasets.scenes.picture import KINDS, Kind, Striker, shape
from datasets.scenes.sound import LEAD_SECONDS, TAIL_SECONDS, StrikeSound, draw_sound, draw_strikes, synthesize
from datasets.scenes.wild.head import Head, draw_head
from datasets.scenes.wild.sustained import Sustained, draw_sustained
from datasets.scenes.wild.traits import Traits

_OFF_SCREEN_SHARE = 0.08
_FAMILIES = ("speech", "sustained", "strikes")
_SHARES = np.array([0.5, 0.28, 0.22])
_TRIES = 60


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Rhythm:
    """A striker with its sound."""

    striker: Striker
    strike_sound: StrikeSound
    outlined: bool  # as a drawing is, or without a line, as what is filmed

    @property
    def kind(self) -> Kind:
        """Ball, hammer or mallet."""
        return self.striker.kind

    @property
    def material(self) -> str:
        """What it sounds like."""
        return self.strike_sound.timbre.material

    def capsules(self, times: np.ndarray) -> list[Capsule]:
        """All parts from back to front."""
        parts = shape(self.striker, times=times)
        return parts if self.outlined else [replace(part, outline=0.0) for part in parts]

    def sound(self, *, seconds: float, sample_rate: int) -> np.ndarray:
        """The sound from time zero, float32 (samples,)."""
        return synthesize((self.strike_sound,), seconds=seconds, sample_rate=sample_rate)


Thing = Head | Sustained | Rhythm


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Cast:
    """What is seen, from back to front (what stands lower is nearer), and what is heard; what is heard off screen is not among the seen."""

    seen: tuple[Thing, ...]
    heard: tuple[Thing, ...]

    @property
    def sounding(self) -> tuple[Thing, ...]:
        """What is both heard and seen."""
        return tuple(thing for thing in self.heard if any(thing is other for other in self.seen))


def draw_cast(rng: np.random.Generator, *, traits: Traits, seconds: float) -> Cast:
    """One or two things that are heard, up to two beside them that are not; one scene in twelve hears what it does not show."""
    shares = _SHARES * [getattr(traits, name) for name in _FAMILIES]
    family = _FAMILIES[rng.choice(len(_FAMILIES), p=shares / shares.sum())]
    num_heard = 2 if traits.polyphony and family != "speech" and rng.random() < 0.35 else 1
    num_beside = int(rng.choice([0, 0, 0, 1] if family == "speech" else [0, 1, 1, 2])) if traits.bystanders else 0
    off_screen = traits.bystanders and rng.random() < _OFF_SCREEN_SHARE
    if off_screen:
        num_beside = max(num_beside, 1)
    families = [family] * num_heard
    for _ in range(num_beside):
        other = _FAMILIES[rng.choice(len(_FAMILIES), p=shares / shares.sum())]
        families.append(family if rng.random() < 0.6 else other)
    places = _draw_places(rng, families, loose=traits.looseness)
    things = [
        _draw_thing(rng, name, place, heard=number < num_heard, traits=traits, seconds=seconds)
        for number, (name, place) in enumerate(zip(families, places, strict=True))
    ]
    seen = sorted(range(num_heard if off_screen else 0, len(things)), key=lambda number: places[number][3])
    return Cast(seen=tuple(things[number] for number in seen), heard=tuple(things[:num_heard]))


def _draw_thing(
    rng: np.random.Generator,
    family: str,
    place: tuple[float, float, float, float],
    *,
    heard: bool,
    traits: Traits,
    seconds: float,
) -> Thing:
    if family == "speech":
        talks = heard or rng.random() < 0.5
        return draw_head(rng, place, talks=talks, loose=traits.looseness, seconds=seconds)
    if family == "sustained":
        return draw_sustained(rng, place, loose=traits.looseness, seconds=seconds)
    kind, tone = KINDS[rng.integers(len(KINDS))], draw_tone(rng)
    # A ball needs time to fly: its strikes come as they do in simpler scenes.
    strikes = draw_strikes(rng, seconds=seconds) if kind == "ball" else _draw_rhythm(rng, seconds=seconds)
    striker = Striker(
        kind=kind,
        x0=place[0],
        y0=place[1],
        x1=place[2],
        y1=place[3],
        color=draw_color(rng, tone=tone),
        bar_color=draw_color(rng, tone=tone),
        side=float(rng.choice([-1.0, 1.0])),
        slant=rng.uniform(0.0, 1.0),
        strikes=strikes,
    )
    return Rhythm(striker=striker, strike_sound=draw_sound(rng, strikes=strikes), outlined=bool(rng.random() < 0.3))


def _draw_rhythm(rng: np.random.Generator, *, seconds: float) -> np.ndarray:
    """Strikes on the beats of a measure that has rests, at a tempo of its own, a little uneven as people play."""
    beat = rng.uniform(0.16, 0.45)
    measure = rng.random(rng.integers(5, 9)) < 0.65
    measure[0] = True
    num_beats = int((LEAD_SECONDS + seconds + TAIL_SECONDS) / beat) + 2 * len(measure)
    hits = np.flatnonzero(np.resize(measure, num_beats))
    return -LEAD_SECONDS - beat + (hits + rng.uniform(-0.12, 0.12, len(hits))) * beat


def _draw_places(
    rng: np.random.Generator, families: list[str], *, loose: bool
) -> list[tuple[float, float, float, float]]:
    """Squares (x0, y0, x1, y1) that overlap little; one thing alone may fill the picture."""
    alone = len(families) == 1
    smallest = np.array([(0.24 if loose else 0.5) if name == "speech" else 0.32 for name in families])
    largest = 0.95 if alone else 0.55
    sides = np.exp(rng.uniform(np.log(np.minimum(smallest, 0.45)), np.log(largest), (_TRIES, len(families))))
    low = rng.random((_TRIES, len(families), 2)) * (1.0 - sides[..., None])
    high = low + sides[..., None]
    first, second = np.triu_indices(len(families), k=1)
    inner = np.minimum(high[:, first], high[:, second]) - np.maximum(low[:, first], low[:, second])
    overlap = np.prod(np.maximum(inner, 0.0), axis=-1).sum(axis=-1)
    best = int(overlap.argmin())
    return [
        (float(a), float(b), float(c), float(d))
        for (a, b), (c, d) in zip(low[best].tolist(), high[best].tolist(), strict=True)
    ]

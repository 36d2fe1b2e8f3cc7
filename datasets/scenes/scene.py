"""Synthetic scenes: one object whose visible strikes make the sound, among silent ones.

A stand-in for video of the world in which the answer is known. Every object moves alike and is
drawn from the same distributions at an independent place, with its own strike times; which one is
heard shows only in when it strikes. Pure numpy, deterministic in the seed; the same seed gives the
same scene at every size, frame rate and sample rate.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from datasets.scenes.background import Tone, draw_background, draw_color, draw_tone, hsv
from datasets.scenes.canvas import compose, extent
from datasets.scenes.picture import KINDS, Occluder, Striker, occluder_shape, shape
from datasets.scenes.sound import StrikeSound, draw_sound, draw_strikes, synthesize
from infra.errors import InputError

Level = Literal["easy", "medium", "hard"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Difficulty:
    """What a level adds to the scene."""

    num_distractors: int
    off_screen_share: float = 0.0
    sound_noise_rms: tuple[float, float] = (0.0, 0.0)
    flicker: float = 0.0  # standard deviation of a frame's brightness, as a factor
    grain: float = 0.0  # standard deviation of a pixel's brightness, of 255
    shake: float = 0.0  # largest camera offset, of the frame's side
    occluder: bool = False
    extra_source_gain: tuple[float, float] | None = None  # another source, not in the picture


DIFFICULTIES: dict[Level, Difficulty] = {
    "easy": Difficulty(num_distractors=1),
    "medium": Difficulty(
        num_distractors=2,
        off_screen_share=0.10,
        sound_noise_rms=(0.004, 0.012),
        flicker=0.012,
        grain=1.5,
    ),
    "hard": Difficulty(
        num_distractors=3,
        off_screen_share=0.15,
        sound_noise_rms=(0.02, 0.05),
        flicker=0.02,
        grain=3.0,
        shake=0.012,
        occluder=True,
        extra_source_gain=(0.2, 0.4),
    ),
}


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Scene:
    """A drawn scene; `frames` and `waveform` render it.

    `sounding` is the index of the heard object, none where the source is outside the picture.
    `sounds` begins with the source that counts; a hard scene has a second, fainter one outside.
    """

    seed: int
    level: Level
    seconds: float
    frame_rate: float
    size: int
    sample_rate: int
    tone: Tone
    strikers: tuple[Striker, ...]
    sounding: int | None
    sounds: tuple[StrikeSound, ...]
    occluder: Occluder | None
    noise_rms: float

    @property
    def off_screen(self) -> bool:
        """Whether the sound comes from outside the picture."""
        return self.sounding is None

    @property
    def strike_seconds(self) -> np.ndarray:
        """Times of the heard strikes, also before zero and after the end."""
        return self.sounds[0].strikes

    @property
    def frame_seconds(self) -> np.ndarray:
        """The instant that each frame shows, which is also its presentation time."""
        return np.arange(round(self.seconds * self.frame_rate)) / self.frame_rate

    @property
    def box(self) -> tuple[float, ...] | None:
        """Everything the sounding object sweeps: x0, y0, x1, y1, normalized; none if off screen."""
        if self.sounding is None:
            return None
        capsules = shape(self.strikers[self.sounding], times=self.frame_seconds)
        return extent(capsules, shake=self._shake(), size=self.size)

    def frames(self) -> Iterator[np.ndarray]:
        """Frames uint8 (size, size, 3), one at a time."""
        difficulty, times = DIFFICULTIES[self.level], self.frame_seconds
        pad = int(np.ceil(difficulty.shake * self.size)) + 1 if difficulty.shake else 0
        background = draw_background(np.random.default_rng((self.seed, 1)), tone=self.tone, size=self.size, pad=pad)
        shapes = [part for striker in self.strikers for part in shape(striker, times=times)]
        if self.occluder is not None:
            shapes.append(occluder_shape(self.occluder, times=times))
        rng = np.random.default_rng((self.seed, 2))
        gains = (1.0 + difficulty.flicker * rng.standard_normal(len(times))).astype(np.float32)
        grain = rng.standard_normal((self.size + 16, self.size + 16), dtype=np.float32)
        corners = rng.integers(0, 17, (len(times), 2))
        begin = 0
        for canvas in compose(background, shapes, shake=self._shake(), size=self.size):
            end = begin + canvas.shape[-1]
            if difficulty.flicker:
                canvas *= gains[begin:end]
            if difficulty.grain:
                specks = [grain[y : y + self.size, x : x + self.size] for y, x in corners[begin:end]]
                canvas += difficulty.grain * np.stack(specks, axis=-1)
            np.clip(canvas, 0.0, 255.0, out=canvas)
            canvas += 0.5
            frames = np.empty((end - begin, self.size, self.size, 3), np.uint8)
            for channel, plane in enumerate(canvas):
                frames[..., channel] = plane.astype(np.uint8).transpose(2, 0, 1)
            yield from frames
            begin = end

    def waveform(self) -> np.ndarray:
        """The sound from time zero, mono float32 (samples,) in [-1, 1]."""
        return synthesize(
            self.sounds,
            seconds=self.seconds,
            sample_rate=self.sample_rate,
            noise_rms=self.noise_rms,
            noise_rng=np.random.default_rng((self.seed, 3)),
        )

    def _shake(self) -> np.ndarray:
        """Camera offset of each frame, (frames, 2) as (x, y), normalized."""
        most, times = DIFFICULTIES[self.level].shake, self.frame_seconds
        rng = np.random.default_rng((self.seed, 4))
        hertz, phase = rng.uniform(0.5, 3.5, (3, 1, 2)), rng.uniform(0.0, 2 * np.pi, (3, 1, 2))
        return most * np.sin(2 * np.pi * hertz * times[None, :, None] + phase).mean(axis=0)


def draw_scene(seed: int, *, level: Level, seconds: float, frame_rate: float, size: int, sample_rate: int) -> Scene:
    """The scene of a seed; nothing is rendered yet.

    Args:
        seed: any number from 0 to 2**64 - 1.
        level: easy, medium or hard, see `DIFFICULTIES`.
        seconds: length of picture and sound.
        frame_rate: frames per second.
        size: height and width in pixels.
        sample_rate: sound samples per second.

    Raises:
        InputError: unknown level or an empty picture or sound.
    """
    if level not in get_args(Level):
        raise InputError(f"level: {level!r} is unknown; choose one of {', '.join(get_args(Level))}")
    refuse_empty(seconds=seconds, frame_rate=frame_rate, size=size, sample_rate=sample_rate)
    difficulty = DIFFICULTIES[level]
    rng = np.random.default_rng((seed, 0))
    tone = draw_tone(rng)
    strikers = _draw_strikers(rng, num_strikers=difficulty.num_distractors + 1, tone=tone, seconds=seconds)
    # Both kinds of scene are drawn alike up to here: nothing in the picture tells them apart.
    sounding = int(rng.integers(len(strikers)))
    off_screen = bool(rng.random() < difficulty.off_screen_share)
    heard = draw_strikes(rng, seconds=seconds) if off_screen else strikers[sounding].strikes
    sounds = [draw_sound(rng, strikes=heard)]
    if difficulty.extra_source_gain is not None:
        extra = draw_sound(rng, strikes=draw_strikes(rng, seconds=seconds))
        peak = sounds[0].peak * rng.uniform(*difficulty.extra_source_gain)
        sounds.append(
            StrikeSound(
                strikes=extra.strikes,
                strike_gains=extra.strike_gains,
                timbre=extra.timbre,
                peak=peak,
            )
        )
    return Scene(
        seed=seed,
        level=level,
        seconds=seconds,
        frame_rate=frame_rate,
        size=size,
        sample_rate=sample_rate,
        tone=tone,
        strikers=strikers,
        sounding=None if off_screen else sounding,
        sounds=tuple(sounds),
        occluder=_draw_occluder(rng) if difficulty.occluder else None,
        noise_rms=rng.uniform(*difficulty.sound_noise_rms),
    )


def refuse_empty(*, seconds: float, frame_rate: float, size: int, sample_rate: int) -> None:
    """Refuse scenes without a frame or a sample.

    Raises:
        InputError: an empty picture or sound.
    """
    if min(seconds, frame_rate, size, sample_rate) <= 0 or round(seconds * frame_rate) < 1:
        raise InputError(
            f"seconds {seconds}, frame_rate {frame_rate}, size {size}, sample_rate {sample_rate}: "
            "all must be positive and give at least one frame"
        )


def _draw_strikers(rng: np.random.Generator, *, num_strikers: int, tone: Tone, seconds: float) -> tuple[Striker, ...]:
    cells = _draw_cells(rng, num_cells=num_strikers)
    return tuple(
        Striker(
            kind=KINDS[rng.integers(len(KINDS))],
            x0=float(cell[0]),
            y0=float(cell[1]),
            x1=float(cell[2]),
            y1=float(cell[3]),
            color=draw_color(rng, tone=tone),
            bar_color=draw_color(rng, tone=tone),
            side=float(rng.choice([-1.0, 1.0])),
            slant=rng.uniform(0.0, 1.0),
            strikes=draw_strikes(rng, seconds=seconds),
        )
        for cell in cells
    )


def _draw_cells(rng: np.random.Generator, *, num_cells: int) -> np.ndarray:
    """Cells (num_cells, 4) that hardly overlap, each anywhere in the picture.

    All are drawn anew until they fit, never one after the other: the first would else be placed
    differently from the last. The least overlapping of the tries is kept.
    """
    most_tries, margin, allowed = 200, 0.02, 0.002
    sides = rng.uniform((0.20, 0.26), (0.31, 0.33), (most_tries, num_cells, 2))
    low = margin + rng.random((most_tries, num_cells, 2)) * (1.0 - 2 * margin - sides)
    cells = np.concatenate([low, low + sides], axis=-1)
    first, second = np.triu_indices(num_cells, k=1)
    inner = np.minimum(cells[:, first, 2:], cells[:, second, 2:]) - np.maximum(
        cells[:, first, :2], cells[:, second, :2]
    )
    overlap = np.prod(np.maximum(inner, 0.0), axis=-1).max(axis=-1)
    return cells[np.argmax(overlap <= allowed) if (overlap <= allowed).any() else overlap.argmin()]


def _draw_occluder(rng: np.random.Generator) -> Occluder:
    return Occluder(
        width=rng.uniform(0.08, 0.13),
        tilt=rng.uniform(-0.12, 0.12),
        speed=float(rng.choice([-1.0, 1.0])) * rng.uniform(0.25, 0.5),
        phase=rng.uniform(0.0, 1.6),
        color=hsv(rng.random(), rng.uniform(0.05, 0.3), rng.uniform(0.3, 0.7)),
    )

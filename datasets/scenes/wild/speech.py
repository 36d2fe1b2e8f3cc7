"""Speech as movement: syllables with pauses, each with its opening, loudness, second formant, friction and pitch."""

from dataclasses import dataclass

import numpy as np

from datasets.scenes.wild.curve import LEAD_SECONDS, Curve, draw_wander, through


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Speech:
    """What a mouth does and a voice sounds like, each a curve."""

    opening: Curve
    """How far the mouth is open, 0 (shut, also in pauses) to 1."""
    loudness: Curve
    """Of the voice, 0 to 1."""
    front: Curve
    """The second formant: 0 of round back vowels to 1 of spread front vowels."""
    friction: Curve
    """Loudness of consonants such as s and f, 0 to 1."""
    pitch_hz: Curve


def draw_speech(rng: np.random.Generator, *, seconds: float) -> Speech:
    """Phrases of 0.5 to 2.5 s with pauses between them, at 3 to 6.5 syllables a second."""
    knots: list[float] = []
    rows: list[tuple[float, float, float]] = []  # opening, loudness, front
    hisses: list[tuple[float, float]] = [(-2 * LEAD_SECONDS, 0.0)]
    time = -LEAD_SECONDS - rng.uniform(0.3, 2.0)
    while time < seconds + LEAD_SECONDS:
        end = time + rng.uniform(0.5, 2.5)
        rate, stress = rng.uniform(3.0, 6.5), rng.uniform(0.6, 1.0)
        while time < end:
            length = rng.uniform(0.75, 1.3) / rate
            shut = rng.random() < 0.4
            front = rng.random()
            peak = rng.uniform(0.3, 1.0)
            loud = stress * rng.uniform(0.6, 1.0) * (0.35 + 0.65 * peak)
            knots += [time, time + rng.uniform(0.42, 0.55) * length]
            valley = (0.0, 0.0) if shut else (rng.uniform(0.05, 0.3), rng.uniform(0.05, 0.3) * loud)
            rows += [(*valley, front), (peak, loud, front)]
            if rng.random() < 0.35:
                half = rng.uniform(0.03, 0.06)
                hisses += [(time - half, 0.0), (time, rng.uniform(0.05, 0.3)), (time + half, 0.0)]
            time += length
        pause = time + rng.uniform(0.2, 0.9)
        knots += [time, pause - 0.05]
        rows += [(0.0, 0.0, rows[-1][2])] * 2
        time = pause
    at, values = np.array(knots), np.array(rows)
    hiss_at, hiss = np.array(hisses).T
    register = np.exp(rng.uniform(np.log(85.0), np.log(260.0)))
    contour = draw_wander(rng, -0.3, 0.3, hertz=2.0, seconds=seconds)
    return Speech(
        opening=through(at, values[:, 0], seconds=seconds),
        loudness=through(at, values[:, 1], seconds=seconds),
        front=through(at, values[:, 2], seconds=seconds),
        friction=through(hiss_at, hiss, seconds=seconds),
        pitch_hz=Curve(register * 2.0**contour.values),
    )

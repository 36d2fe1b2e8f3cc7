"""Files whose sound was moved by known amounts, and the answers about them."""

import dataclasses
import functools
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from datasets.media import MediaError, move_sound, write_video
from datasets.scenes.scene import Scene
from datasets.sources.synthetic import scene
from infra.errors import InputError
from infra.seeding import generator
from workflows.cli.progress import ProgressLine
from workflows.offset.answer import Tolerance, answer_about
from workflows.offset.files import list_videos
from workflows.offset.reading import reading_for

_LARGEST_SECONDS = 1.0
_SECONDS = 8.0
_FRAME_RATE = 30.0
_OTHER_RATES = (15.0, 25.0, 30000 / 1001, 60000 / 1001)
_SAMPLE_RATE = 16000
_SIZE = 96


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Trial:
    """A file, what it is, and how late its sound was made."""

    path: str
    kind: str
    late_seconds: float


def scene_trials(folder: str, *, num_scenes: int, seed: int) -> Iterator[Trial]:
    """Yield drawn scenes with sound late by -1 to +1 s; a tenth of them again without sound, without motion, and at other frame rates."""
    chance, progress = generator("offsets of scenes", seed), ProgressLine()
    for index in range(num_scenes):
        late = float(chance.uniform(-_LARGEST_SECONDS, _LARGEST_SECONDS))
        draw = functools.partial(
            scene, index, seed=seed, seconds=_SECONDS + 2 * _LARGEST_SECONDS, size=_SIZE, sample_rate=_SAMPLE_RATE
        )
        drawn = draw(frame_rate=_FRAME_RATE)
        kinds = {"off screen" if drawn.off_screen else "drawn": drawn}
        if index < num_scenes // 10:
            kinds |= {"silent": drawn, "still": drawn}
            kinds |= {} if drawn.off_screen else {f"{rate:.2f} fps": draw(frame_rate=rate) for rate in _OTHER_RATES}
        for kind, shown in kinds.items():
            path = Path(folder) / "scenes" / f"{seed}-{index:04d}-{kind.replace(' ', '-')}.mp4"
            if not path.exists():
                _write(path, shown, late, kind=kind)
            yield Trial(path=str(path), kind=kind, late_seconds=late)
        progress("scenes", index + 1, num_scenes)
    progress.close()


def _write(path: Path, drawn: Scene, late: float, *, kind: str) -> None:
    """Write the middle of a scene with its sound late by so much."""
    first, length = (round(seconds * drawn.frame_rate) for seconds in (_LARGEST_SECONDS, _SECONDS))
    frames = itertools.islice(drawn.frames(), first, first + length)
    if kind == "still":
        frames = itertools.repeat(next(frames), length)
    # The first frame that is shown begins a little off the second where the rate is no whole number.
    begin = round((first / drawn.frame_rate - late) * _SAMPLE_RATE)
    sound = drawn.waveform()[begin : begin + round(_SECONDS * _SAMPLE_RATE)]
    write_video(path, frames, sound * (kind != "silent"), frame_rate=drawn.frame_rate, sample_rate=_SAMPLE_RATE)


def film_trials(folder: str, film: Sequence[str], *, shifts: int, seed: int) -> Iterator[Trial]:
    """Yield copies of films with sound late by -1 to +1 s.

    Raises:
        InputError: If one cannot be copied.
    """
    chance = generator("offsets of film", seed)
    for number, path in enumerate(list_videos(film) if film else ()):
        for shift in range(shifts):
            late = float(chance.uniform(-_LARGEST_SECONDS, _LARGEST_SECONDS))
            copy = Path(folder) / "film" / f"{number:03d}-{shift}.mkv"
            copy.parent.mkdir(parents=True, exist_ok=True)
            try:
                move_sound(path, copy, late_seconds=-late)
            except MediaError as error:
                raise InputError(f"--film: '{path}': {error.reason} {error.detail}; leave it out") from None
            yield Trial(path=str(copy), kind=f"film: {Path(path).parent.name}", late_seconds=late)


def ask(trials: Sequence[Trial], model: str | None) -> Iterator[dict[str, Any]]:
    """Yield what is said of every trial, beside the truth."""
    progress = ProgressLine()
    with reading_for(model) as (reading, _):
        for number, trial in enumerate(trials, start=1):
            answer = answer_about(
                trial.path, reading, method="", tolerance=Tolerance(), max_offset_seconds=_LARGEST_SECONDS + 0.2
            )
            found = answer.found
            yield {
                "method": "correlation" if model is None else "model",
                "kind": trial.kind,
                "path": trial.path,
                "late_ms": 1000 * trial.late_seconds,
                "offset_ms": 1000 * found.offset_seconds,
                "low_ms": 1000 * found.low_seconds,
                "high_ms": 1000 * found.high_seconds,
                "peak": float(found.evidence.max()),
                "verdict": answer.verdict,
                "in_tolerance": -0.045 <= trial.late_seconds <= 0.125,
            }
            progress("answers", number, len(trials))
    progress.close()


def errors_ms(answers: Sequence[dict[str, Any]]) -> np.ndarray:
    """Return by how much the best offsets are off, decided or not."""
    return np.array([answer["offset_ms"] - answer["late_ms"] for answer in answers], float)

"""What of a source becomes rows: the stretches of it that have what rows hold, and the windows cut from those."""

import dataclasses
import math
from collections.abc import Collection, Sequence
from typing import NoReturn

from datasets.clips.windows import PlannedWindow, draw_windows
from datasets.config import PreparationConfig
from datasets.media import PICTURE, SOUND, Span, Timeline, intersection
from datasets.schema import MODALITIES
from datasets.sources.source import Source
from infra.errors import InputError
from infra.seeding import generator

_ALWAYS_PADDED = 1 / 50
"""Share of a clip that a sound may lack: coders cut a few hundredths of a second off what was five seconds."""


def refuse_other_modalities(offered: Collection[str], config: PreparationConfig) -> NoReturn:
    """Refuse sources of which each lacks files or texts that rows are to hold; `offered` are the modalities that they name.

    Raises:
        InputError: Always.
    """
    names = [name for name in MODALITIES if name in offered]
    suggested = [name for name in names if name != "picture" or "sound" not in names] or names
    raise InputError(
        f"--modalities: no source names what {' and '.join(config.modalities)} take, only files or texts for "
        f"{', '.join(names)}; give for example --modalities {' '.join(suggested)}"
    )


def offered_modalities(sources: Sequence[Source], config: PreparationConfig) -> dict[str, None]:
    """Return the modalities that some of the sources name files or texts of."""
    return dict.fromkeys(
        name for source in sources for name in MODALITIES if name not in lacks(source, config, MODALITIES)
    )


def lacks(source: Source, config: PreparationConfig, asked: Sequence[str] | None = None) -> list[str]:
    """Return which modalities a source names no file or text of, of those that rows hold or of some others."""
    named = {"picture": source.path, "sound": source.path, "image": source.image, "text": source.texts}
    return [name for name in (config.modalities if asked is None else asked) if not named[name]]


def usable_spans(source: Source, line: Timeline, config: PreparationConfig) -> list[Span]:
    """Return the stretches of a source that clips can be cut from, on its time line; none of what has no clock."""
    if not config.row_seconds:
        return []
    return intersection(line.spans(config.modalities), [asked_for(source)])


def windows_of(source: Source, spans: Sequence[Span], config: PreparationConfig) -> list[PlannedWindow]:
    """Return the windows of a source: one where it has no clock, none where no stretch is as long as a clip.

    A sound without picture may be shorter than a clip: what it lacks is silence.
    """
    if not config.row_seconds:
        return [_single(0.0)]
    begin, end = longest(spans)
    lacking = config.clip_seconds - (end - begin)
    padded = config.has_sound and not config.has_picture and end > begin
    if padded and lacking > 0 and (config.pad_sound or lacking <= _ALWAYS_PADDED * config.clip_seconds):
        return [dataclasses.replace(_single(begin), pad_seconds=lacking)]
    return draw_windows(config.window_rule, spans, generator=generator(config.seed, "windows", source.video_id))


def describe_too_short(spans: Sequence[Span], config: PreparationConfig) -> str:
    """Return why a source gives no clip."""
    what = " with ".join(name for name in (PICTURE, SOUND) if name in config.modalities)
    begin, end = longest(spans)
    parts = f" in {len(spans)} parts, the longest" if len(spans) > 1 else ""
    return f"{end - begin:.2f} s of {what}{parts}, a clip takes {config.clip_seconds} s"


def longest(spans: Sequence[Span]) -> Span:
    """Return the longest stretch; an empty one if there is none."""
    return max(spans, key=lambda span: span[1] - span[0], default=(0.0, 0.0))


def describe_clip(config: PreparationConfig) -> str:
    """Return how long a clip is, as a message says it; nothing where it has no length."""
    return f" of {config.clip_seconds} s" if config.row_seconds else ""


def remedy_for(reasons: Sequence[str], config: PreparationConfig) -> str:
    """Return what to do where no source at all gives a clip."""
    if {"no video stream", "no audio stream"} & set(reasons):
        return "ask for what they hold, for example --modalities sound or --modalities picture"
    if config.row_seconds:
        sounds_only = config.has_sound and not config.has_picture
        return f"give longer ones, or a shorter --clip-seconds{', or --pad-sound' if sounds_only else ''}"
    return "see that the files are there"


def asked_for(source: Source) -> Span:
    """Return the part of a source that its catalog or table asks for."""
    return source.start_seconds or 0.0, math.inf if source.end_seconds is None else source.end_seconds


def _single(start: float) -> PlannedWindow:
    return PlannedWindow(start_seconds=start, sound_start_seconds=start, in_sync=True, shift_seconds=None, pair=None)

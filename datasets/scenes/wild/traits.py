"""Traits of wild scenes, each of which can be left out for an ablation."""

from dataclasses import dataclass, fields
from typing import Literal, get_args

from infra.errors import InputError

Trait = Literal[
    "speech",
    "sustained",
    "strikes",
    "bystanders",
    "polyphony",
    "looseness",
    "camera",
    "film",
    "accompaniment",
    "recording",
    "distance",
    "coding",
]


@dataclass(frozen=True, kw_only=True, slots=True)
class Traits:
    """What wild scenes have.

    A scene without `camera` or a later trait is otherwise the same; the earlier ones change who and what is in it.
    """

    speech: bool = True
    """Talking heads: a mouth that opens with the syllables of a synthetic voice."""
    sustained: bool = True
    """Bowing, rubbing, engines and water, whose loudness follows a motion."""
    strikes: bool = True
    """Balls, hammers and mallets in a rhythm."""
    bystanders: bool = True
    """Others that move, talk and strike alike, and are not heard."""
    polyphony: bool = True
    """Two things that are heard at once, each in a rhythm of its own."""
    looseness: bool = True
    """Mouths and hands that follow the sound only in part, and small or faint mouths."""
    camera: bool = True
    """Pans, shake and cuts."""
    film: bool = True
    """Low contrast, blur, black and white, grain and changing exposure."""
    accompaniment: bool = True
    """Music and babble that nobody in the picture makes."""
    recording: bool = True
    """Echo of a room, noise, automatic gain and clipping."""
    distance: bool = True
    """Sound that is up to 50 ms late."""
    coding: bool = True
    """24, 25, 29.97 or 30 frames per second, and the compression of the web."""

    def __post_init__(self) -> None:
        """Refuse a world in which nothing sounds."""
        if not (self.speech or self.sustained or self.strikes):
            raise InputError("without: speech, sustained and strikes leave nothing that sounds; keep one of them")


def traits_without(names: tuple[Trait, ...]) -> Traits:
    """Return all traits except these.

    Raises:
        InputError: unknown name, or nothing left that sounds.
    """
    for name in names:
        if name not in get_args(Trait):
            raise InputError(f"without: {name!r} is unknown; choose from {', '.join(get_args(Trait))}")
    return Traits(**{field.name: field.name not in names for field in fields(Traits)})

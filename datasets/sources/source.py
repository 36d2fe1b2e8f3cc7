"""One source to prepare, wherever it was listed: a media file, a still picture, texts, and what its catalog says about them."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Text:
    """One text of a source; its times are seconds of the source's clock, none where it belongs to the whole source."""

    role: str
    text: str
    start_seconds: float | None = None
    end_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Box:
    """Where something that sounds is seen: normalized to the frame."""

    x0: float
    y0: float
    x1: float
    y1: float
    label: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """A source and what its catalog says about it."""

    path: str
    """Video or sound file; empty where there is none, as for a still picture or text."""
    video_id: str
    """Unique within a run and readable."""
    others: tuple[str, ...] = ()
    """Files of the same name that are taken, in this order, where the one before lacks what rows hold."""
    label: str | None = None
    catalog_id: str | None = None
    """The recording's own name where a catalog gives one, such as a YouTube id."""
    start_seconds: float | None = None
    """Begin of the part of the file that the catalog means; none for the whole file."""
    end_seconds: float | None = None
    image: str = ""
    """File of a still picture; empty where there is none."""
    texts: tuple[Text, ...] = ()
    boxes: tuple[Box, ...] | None = None
    """None where nobody knows, empty where what sounds is out of sight."""
    split: str | None = None
    """Official split: train, validation or test; drawn by a hash of the recording where none is given."""
    fold: int | None = None
    """Official fold of a cross-validation."""

    @property
    def place(self) -> str:
        """What it is called where it lies: its file, its still picture's, or its own name where it is text alone."""
        return self.path or self.image or self.video_id


def source_from_dict(values: dict[str, Any]) -> Source:
    """Return a source of nested plain values, as `dataclasses.asdict` gives them."""
    return Source(**{**values, **nested_parts(values), "others": tuple(values["others"])})


def nested_parts(values: dict[str, Any]) -> dict[str, Any]:
    """Return the texts and boxes of nested plain values."""
    boxes = values["boxes"]
    return {
        "texts": tuple(Text(**text) for text in values["texts"]),
        "boxes": None if boxes is None else tuple(Box(**box) for box in boxes),
    }

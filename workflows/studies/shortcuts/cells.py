"""The cells of the study: how out-of-sync sound is made, what happens to the sound, how much of its start is muted."""

import dataclasses
from typing import Literal

from datasets.clips.windows import LabelMode

Audio = Literal["decoded", "aac after", "file start"]

LONG = 3
"""How many times longer some cells are trained."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """One way to make labels, and what happens to the sound."""

    label_mode: LabelMode = "roll"
    """How out-of-sync sound is made."""
    crossfade: bool = False
    """Whether the end of rolled sound fades over into its beginning."""
    audio: Audio = "decoded"
    """The sound as the source's decoder gave it; through AAC after the label was made; or from the head of an AAC file of its own,
    cut before the label was made and read without its edit list, so that it begins with the encoder's priming."""
    mute_samples: int = 0
    """Samples at the start that the network does not hear."""
    clips_per_source: int = 1
    """1: every clip has a label of its own; 2: clips come in twos of one source, one in sync and one out of sync."""
    long: bool = False
    """Whether training lasts three times as long."""

    @property
    def name(self) -> str:
        """The cell's name: its fields that differ from the first cell's."""
        parts = ["roll with cross-fade" if self.crossfade else self.label_mode]
        parts += [self.audio] if self.audio != "decoded" else []
        parts += [f"mute {self.mute_samples}"] if self.mute_samples else []
        parts += ["two clips"] if self.clips_per_source == 2 else []
        parts += ["long"] if self.long else []
        return ", ".join(parts)


CELLS = (
    Cell(),
    Cell(crossfade=True),
    Cell(label_mode="slice"),
    Cell(label_mode="pairs"),
    Cell(audio="aac after"),
    Cell(audio="file start"),
    Cell(mute_samples=5000),
    Cell(mute_samples=10000),
    Cell(clips_per_source=2),
    Cell(audio="file start", mute_samples=5000),
    Cell(audio="file start", mute_samples=10000),
    Cell(audio="file start", crossfade=True),
    Cell(audio="file start", label_mode="slice"),
    Cell(audio="aac after", label_mode="slice"),
)
"""A base cell, each factor alone, and the crossings that tell the seam from the priming and both from the codec."""

LONG_CELLS = (Cell(mute_samples=5000, long=True), Cell(label_mode="slice", long=True))
"""Trained on for three times as long."""

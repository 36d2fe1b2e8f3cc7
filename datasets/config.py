"""What a dataset is made of: one frozen configuration, whose digest names its shards."""

import dataclasses
import json
from typing import Any, Literal

from datasets.clips.mouths import SEEN_SIZE
from datasets.clips.spectrogram import LogMelConfig
from datasets.clips.windows import LabelMode, WindowRule
from datasets.media.convert import Pixels
from datasets.media.fit import Fit
from datasets.schema import DATASET_VERSION, MODALITIES, Modality
from infra.errors import InputError, refuse_outside
from infra.seeding import digest

_IMAGE_BYTES = 200_000
_TEXT_BYTES = 500

_RANGES = {
    "clip_seconds": (0.01, 86_400),
    "frame_rate": (0.01, 1000),  # stored pictures lie on a clock of milliseconds
    "size": (2, 16_384),  # what x264 takes
    "sample_rate": (100, 768_000),
    "min_shift_seconds": (0.001, 86_400),
    "max_shift_seconds": (0.001, 86_400),
    "pairs_per_video": (0, 1_000_000),
    "validation_share": (0, 1),
    "test_share": (0, 1),
}


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class PreparationConfig:
    """How clips are cut and stored; the defaults are those of the published recipe."""

    modalities: tuple[Modality, ...] = ("picture", "sound")
    """What every row holds, of picture, sound, image (a still) and text; a source that lacks one is an error."""
    clip_seconds: float = 4.0
    """Length of a clip."""
    frame_rate: float = 30.0
    """Frames per second of a clip."""
    size: int = 256
    """Height and width in pixels."""
    fit: Fit = "squeeze"
    """How a frame becomes a square: squeezed whole, as published, its middle cropped, padded with bars, or the mouth of a face cut out."""
    sample_rate: int = 44100
    """Sound samples per second, mono."""
    audio_track: int | None = None
    """Which of several audio tracks is the sound, from 1 on; the one that players choose if not given."""
    pad_sound: bool = False
    """Fill sounds without picture that are shorter than a clip with silence, however short they are; a fiftieth of a clip always is."""
    image_size: int | None = None
    """Height and width of still pictures, squeezed to a square; as they are if not given."""
    min_shift_seconds: float = 2.2
    """Shortest time between the two windows of a pair; 2.2 to 5.9 s as in the code of Owens and Efros."""
    max_shift_seconds: float = 5.9
    """Longest time between the two windows of a pair."""
    pairs_per_video: int = 1
    """Pairs of windows from every source of picture and sound that is long enough; 0 cuts one window without a partner from each."""
    label_mode: LabelMode = "pairs"
    """Pairs; slice and roll make out-of-step sound as published systems do, for the audit only."""
    storage: Literal["raw", "h264"] = "h264"
    """Frames as uint8 for speed, or as H.264 for size."""
    log_mel: LogMelConfig = dataclasses.field(default_factory=LogMelConfig)
    """Sizes of the spectrogram."""
    validation_share: float = 0.1
    """Share of the recordings for validation."""
    test_share: float = 0.1
    """Share of the recordings for testing."""
    seed: int = 0
    """Seed of windows and splits."""

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        object.__setattr__(self, "modalities", tuple(name for name in MODALITIES if name in self.modalities))
        if not self.modalities:
            raise InputError(f"modalities: none is left; give one or more of {', '.join(MODALITIES)}")
        if self.audio_track is not None:
            refuse_outside("audio_track", self.audio_track, 1, 1000)
        if self.image_size is not None:
            refuse_outside("image_size", self.image_size, 1, 7000)
        for field, (low, high) in _RANGES.items():
            refuse_outside(field, getattr(self, field), low, high)
        if self.min_shift_seconds > self.max_shift_seconds:
            raise InputError(
                f"min_shift_seconds: {self.min_shift_seconds} is above max_shift_seconds ({self.max_shift_seconds}); "
                "give a smaller shortest or a larger longest shift"
            )
        if self.size % 2:
            raise InputError(f"size: {self.size} is odd, which H.264 cannot store; give an even number")
        shares = (self.validation_share, self.test_share)
        if self.fit == "mouth" and (self.storage != "raw" or not self.has_picture):
            raise InputError("fit: mouth needs storage raw and rows with a picture; give --storage raw, or another fit")
        if sum(shares) >= 1:
            raise InputError(
                f"validation_share, test_share: {shares} leave nothing to train on; give shares from 0 that sum to less than 1"
            )
        if self.num_frames < 1:
            raise InputError(
                f"frame_rate: {self.frame_rate} gives no frame in clip_seconds {self.clip_seconds}; give a higher rate or a longer clip"
            )
        if self.has_sound:
            self.log_mel.refuse_sound(self.num_samples, self.sample_rate)

    @property
    def has_picture(self) -> bool:
        """Whether rows have a moving picture."""
        return "picture" in self.modalities

    @property
    def has_sound(self) -> bool:
        """Whether rows have sound."""
        return "sound" in self.modalities

    @property
    def has_pairs(self) -> bool:
        """Whether two windows of a source make a pair, whose picture and sound are exchanged."""
        return self.has_picture and self.has_sound and self.label_mode == "pairs" and self.pairs_per_video > 0

    @property
    def row_seconds(self) -> float:
        """How long a row lasts; nothing where nothing moves or sounds."""
        return self.clip_seconds if self.has_picture or self.has_sound else 0.0

    @property
    def pixels(self) -> Pixels:
        """How pictures lie in memory on their way into storage."""
        return "rgb24" if self.storage == "raw" else "yuv420p"

    @property
    def num_frames(self) -> int:
        """Frames of a clip."""
        return round(self.clip_seconds * self.frame_rate)

    @property
    def num_samples(self) -> int:
        """Sound samples of a clip."""
        return round(self.clip_seconds * self.sample_rate)

    @property
    def num_hops(self) -> int:
        """Hops of a clip's spectrogram."""
        return self.log_mel.num_hops(self.num_samples, self.sample_rate)

    @property
    def window_rule(self) -> WindowRule:
        """How windows are drawn."""
        return WindowRule(
            clip_seconds=self.clip_seconds,
            frame_rate=self.frame_rate,
            min_shift_seconds=self.min_shift_seconds,
            max_shift_seconds=self.max_shift_seconds,
            pairs_per_video=self.pairs_per_video if self.has_picture and self.has_sound else 0,
            label_mode=self.label_mode,
        )

    @property
    def fingerprint(self) -> str:
        """Digest of all that decides what is in a clip."""
        return digest(DATASET_VERSION, json.dumps(self.to_dict(), sort_keys=True)).hex()

    @property
    def row_bytes(self) -> int:
        """Estimated size of a row: H.264 takes about 0.06 bytes a pixel at this quality, a JPEG 0.5."""
        size = _TEXT_BYTES
        if self.has_picture:
            size += (
                self.num_frames * self.size**2 * 3
                if self.storage == "raw"
                else round(self.num_frames * self.size**2 * 0.06)
            )
        if self.has_sound:
            size += 2 * self.num_samples + 2 * self.num_hops * self.log_mel.num_bins
        if "image" in self.modalities:
            size += _IMAGE_BYTES if self.image_size is None else self.image_size**2 // 2
        return size

    @property
    def decoded_bytes(self) -> int:
        """Size of a row's frames and sound as they are cut."""
        size = SEEN_SIZE if self.fit == "mouth" else self.size
        frames = self.num_frames * size**2 * (6 if self.pixels == "rgb24" else 3) // 2 if self.has_picture else 0
        return frames + (4 * self.num_samples if self.has_sound else 0)

    def to_dict(self) -> dict[str, Any]:
        """Return the configuration as nested plain values."""
        return dataclasses.asdict(self) | {"modalities": list(self.modalities)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "PreparationConfig":
        """Return the configuration of nested plain values."""
        return cls(**{**values, "log_mel": LogMelConfig(**values["log_mel"])})

"""Lip sync: does the mouth that is seen speak what is heard.

Trained without labels on talking faces, on shifted sound, as `coincidence` is. Clips show the mouth alone: `prepare --fit mouth` finds a
face (dlib's frontal detector: the extra `faces`), follows it and cuts out the square around its mouth; videos
without a face become rows of the error table. The network (`models/lip_sync.py`) is our own and small; the idea is that of Chung and
Zisserman, Out of Time: Automated Lip Sync in the Wild (2016), with one product over the clip in place of distances of short windows.

    python -m workflows.prepare --source FACES --preset demo --fit mouth --frame-rate 30 --pairs-per-video 6 --output data/mouths
    python -m workflows.train lip_sync --data data/mouths
    python -m workflows.crossvalidate lip_sync --data data/mouths --run-name faces

Measured figures stand in docs/real-footage.md, beside what was tried.

Limits: it needs talking faces to learn from, some fifty recordings; drawn heads were not tried. Faces are frontal or nearly so and at
least a tenth of the picture wide. Sound up to a tenth of a second early or late counts as in sync. It does not identify people or judge
whether a recording was tampered with.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from datasets.card import preparation_of
from infra.errors import InputError
from workflows.contract.config import CadenceConfig, LoaderConfig, OptimConfig, ScheduleConfig
from workflows.contract.figure import Objective
from workflows.contract.streams import Stream

if TYPE_CHECKING:
    from workflows.learners.gradient import GradientLearner

DEFAULT = "demo"


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Config:
    """Everything that a run of this recipe hangs on."""

    num_features: int = 24
    """Features of the picture, and of the sound."""
    lag_ms: float = 100.0
    """Largest lag of sound behind the picture, or before it, that still is in sync."""
    any_picture: bool = False
    """Whether clips are taken that were not prepared with `--fit mouth`, as of videos that show mouths alone."""
    disturbed: bool = True
    """Whether pictures are turned, scaled and noisy to train, and bands of the sound hidden and noisy."""
    crop_size: int = 48
    """Height and width that the network sees, cut from the stored frames: at random to train, from the middle to test."""
    flip: bool = True
    """Whether half of the clips are mirrored to train."""
    num_frames: int = 60
    """Frames of a clip; taken from the dataset."""
    frame_rate: float = 30.0
    """Frames per second; taken from the dataset."""
    num_samples: int = 32000
    """Sound samples of a clip; taken from the dataset."""
    num_bins: int = 32
    """Mel bins; taken from the dataset."""
    num_hops: int = 124
    """Hops of a clip's spectrogram; taken from the dataset."""
    hop_ms: float = 16.0
    """Step from one hop to the next; taken from the dataset."""
    window_ms: float = 32.0
    """What one hop covers; taken from the dataset."""
    seed: int = 0
    """Seed of weights, order and augmentation."""
    optim: OptimConfig = OptimConfig(name="adamw", lr=3e-3, weight_decay=0.01)
    """Optimizer."""
    schedule: ScheduleConfig = ScheduleConfig(kind="one_cycle")
    """Learning rate over the run."""
    loader: LoaderConfig = LoaderConfig(batch_size=16)
    """Pairs a step."""
    cadence: CadenceConfig = CadenceConfig(epochs=8)
    """Length of the run."""


def demo() -> Config:
    """The network that learns from fifty recordings of talking faces in two minutes on two cores."""
    return Config()


def tiny() -> Config:
    """The smallest that still learns: for tests."""
    return Config(
        num_features=8,
        lag_ms=0.0,
        any_picture=True,
        disturbed=False,
        flip=False,
        crop_size=32,
        num_frames=8,
        num_samples=8000,
        num_bins=8,
        num_hops=30,
        optim=OptimConfig(name="adamw", lr=0.03, weight_decay=0.0),
        loader=LoaderConfig(batch_size=2),
        cadence=CadenceConfig(epochs=2),
    )


def streams(config: Config) -> dict[str, Stream]:
    """Return what is read: pairs of windows with picture and sound."""
    return {"clips": Stream(columns=("frames", "log_mel"), unit="pair")}


def fit_to(config: Config, cards: Mapping[str, Mapping[str, Any]]) -> Config:
    """Return the configuration with the clip sizes of a dataset.

    Raises:
        InputError: If clips do not show mouths, the network sees more pixels than are stored, or a clip is too short for the lag.
    """
    clip = preparation_of(cards["clips"])
    if clip.fit != "mouth" and not config.any_picture:
        raise InputError(
            f"--data: clips show the picture with fit={clip.fit}; prepare them with --fit mouth, "
            "or give --any-picture if the videos show mouths alone"
        )
    if config.crop_size > clip.size:
        raise InputError(
            f"crop_size: {config.crop_size} is larger than the {clip.size} pixels that the dataset stores; "
            f"give --crop-size {clip.size} or less, or prepare with --size {config.crop_size} or more"
        )
    if not 0 <= config.lag_ms / 1000 <= clip.clip_seconds / 4:
        raise InputError(f"lag_ms: {config.lag_ms} is not between 0 and a quarter of a clip of {clip.clip_seconds} s")
    if clip.num_frames < 4:
        raise InputError(
            f"frame_rate: {clip.frame_rate} gives clips of {clip.num_frames} frames; prepare with 4 or more"
        )
    return dataclasses.replace(
        config,
        num_frames=clip.num_frames,
        frame_rate=clip.frame_rate,
        num_samples=clip.num_samples,
        num_bins=clip.log_mel.num_bins,
        num_hops=clip.num_hops,
        hop_ms=clip.log_mel.hop_ms,
        window_ms=clip.log_mel.window_ms,
    )


def assets(config: Config, read: Callable[..., Any]) -> dict[str, Any]:
    """Return what is learned from the training split before the first step: nothing."""
    return {}


def references(config: Config) -> dict[str, str]:
    """Return what this recipe builds on: nothing."""
    return {}


def evaluators(config: Config) -> tuple[str, ...]:
    """Return the evaluators that judge a model of this recipe; the first validates."""
    return ("synchronization",)


def objective(config: Config) -> Objective:
    """Return what chooses the epoch: accuracy, less what the best shortcut has above chance."""
    shortcuts = ("audio_only_accuracy", "video_only_accuracy", "swapped_source_accuracy")
    return Objective("net_sync_accuracy", "sync accuracy less shortcuts", "sync_accuracy", shortcuts)


def build(config: Config, assets: Mapping[str, Any], references: Mapping[str, Any]) -> "GradientLearner":
    """Return the learner, its weights drawn by the seed."""
    import torch

    from models.lip_sync import LipSync
    from models.losses.synchronization import pairing_margin_loss
    from models.synchronization import ClipSize, Synchronization
    from workflows.learners.gradient import GradientLearner

    torch.manual_seed(config.seed)
    network = LipSync(
        num_bins=config.num_bins,
        num_features=config.num_features,
        num_frames=config.num_frames,
        frame_rate=config.frame_rate,
        hop_seconds=config.hop_ms / 1000,
        window_seconds=config.window_ms / 1000,
        lag_seconds=config.lag_ms / 1000,
    )
    module = Synchronization(
        network,
        sound_column="log_mel",
        crop_size=config.crop_size,
        flip=config.flip,
        clip=ClipSize(config.num_frames, config.num_samples, config.num_bins, config.num_hops),
        seed=config.seed,
        loss=pairing_margin_loss,
        encode_disturbed=network.encode_disturbed if config.disturbed else None,
    )
    return GradientLearner(module, optim=config.optim, schedule=config.schedule)

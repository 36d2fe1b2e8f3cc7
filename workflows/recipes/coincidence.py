"""Synchronization from motion: says whether sound and picture are in sync, and where the sound comes from, on film as on drawn scenes.

Trained without labels, on shifted sound, as `multisensory` is. The network is of our own and small (`models/coincidence.py`): it sees how
much each place of the picture moves, each clip against itself, and not what is in it; it compares by the product of picture and sound
features, place by place. A recipe of its own, as encoders, comparison, loss and augmentation are all others than those of Owens and Efros.

    python -m workflows.train coincidence --data DATASET --preset demo         three minutes on two cores, drawn scenes
    python -m workflows.train coincidence --more --data clips=FILM --data more=DATASET      film and drawn scenes together
    python -m workflows.evaluate --model models:/coincidence@champion --data FILM --split all

Measured figures, on drawn scenes and on film, stand in docs/real-footage.md, beside what was tried and did not help.

Limits: it hears what changes: a steady hum over a steady motion is nothing to it. Shifts shorter than the dataset's shortest were not
trained for. On film it is right less often than on drawn scenes, and probabilities that were calibrated on drawn scenes are far too sure
there: calibrate them on film (`workflows.calibrate`), or compare logits of one video. It does not identify people or judge whether a
recording was tampered with.
"""

import dataclasses
import functools
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
READS_ANY = ("clip_seconds", "frame_rate")


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Config:
    """Everything that a run of this recipe hangs on."""

    grid: int = 12
    """Cells along height and along width."""
    scales: tuple[int, ...] = (3, 12)
    """Widths, in cells, of the squares whose motion is compared as a whole."""
    num_features: int = 16
    """Features of a cell, and of the sound."""
    moments_per_second: float = 15.0
    """Clock on which picture and sound are compared, whatever the frame rate."""
    disturbed: bool = True
    """Whether places of the picture and bands of the sound are hidden to train, and noise is added to bands."""
    jitter: bool = False
    """Whether clips are read at a frame rate and of a length drawn anew at every step of training."""
    more: bool = False
    """Whether a second dataset, `more`, is trained on beside the first, as many pairs a step: drawn scenes beside film, say."""
    crop_size: int = 64
    """Height and width that the network sees, cut from the stored frames: at random to train, from the middle to test."""
    flip: bool = True
    """Whether half of the clips are mirrored to train."""
    num_frames: int = 30
    """Frames of a clip; taken from the dataset."""
    frame_rate: float = 15.0
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
    loader: LoaderConfig = LoaderConfig(batch_size=24)
    """Pairs a step."""
    cadence: CadenceConfig = CadenceConfig(epochs=3)
    """Length of the run."""


def demo() -> Config:
    """The network that learns from 800 drawn scenes in three minutes on two cores and carries over to film."""
    return Config()


def tiny() -> Config:
    """The smallest that still learns: for tests."""
    return Config(
        grid=4,
        scales=(4,),
        num_features=8,
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
    pairs = Stream(columns=("frames", "log_mel"), unit="pair")
    return {"clips": pairs, "more": pairs} if config.more else {"clips": pairs}


def fit_to(config: Config, cards: Mapping[str, Mapping[str, Any]]) -> Config:
    """Return the configuration with the clip sizes of a dataset.

    Raises:
        InputError: If the network sees more pixels than are stored, clips have one frame or differ between datasets, or squares do not
            tile the grid.
    """
    uneven = [scale for scale in config.scales if scale < 1 or config.grid % scale]
    if uneven:
        raise InputError(
            f"scales: squares of {uneven[0]} cells do not tile a grid of {config.grid}; give divisors of it"
        )
    clip = preparation_of(cards["clips"])
    for name, card in cards.items():
        other = preparation_of(card)
        for field in ("clip_seconds", "frame_rate", "sample_rate", "log_mel"):
            if getattr(other, field) != getattr(clip, field):
                raise InputError(
                    f"--data: {name} has {field}={getattr(other, field)} and clips {getattr(clip, field)}; prepare both alike"
                )
        if config.crop_size > other.size:
            raise InputError(
                f"crop_size: {config.crop_size} is larger than the {other.size} pixels that the dataset stores; "
                f"give --crop-size {other.size} or less, or prepare with --size {config.crop_size} or more"
            )
    if clip.num_frames < 2:
        raise InputError(
            f"frame_rate: {clip.frame_rate} gives clips of one frame, in which nothing moves; prepare with a higher rate or longer clips"
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
    from models.offset.grid import FEWEST_FRAMES

    return ("synchronization", "localization", *(("offset",) if config.num_frames >= FEWEST_FRAMES else ()))


def objective(config: Config) -> Objective:
    """Return what chooses the epoch: accuracy, less what the best shortcut has above chance."""
    shortcuts = ("audio_only_accuracy", "video_only_accuracy", "swapped_source_accuracy")
    return Objective("net_sync_accuracy", "sync accuracy less shortcuts", "sync_accuracy", shortcuts)


def build(config: Config, assets: Mapping[str, Any], references: Mapping[str, Any]) -> "GradientLearner":
    """Return the learner, its weights drawn by the seed."""
    import torch

    from models.coincidence import Coincidence
    from models.losses.synchronization import pairing_margin_loss
    from models.offset.clips import CoincidenceSynchronization
    from models.synchronization import ClipSize
    from workflows.learners.gradient import GradientLearner

    torch.manual_seed(config.seed)
    network = Coincidence(
        num_bins=config.num_bins,
        num_features=config.num_features,
        grid=config.grid,
        scales=tuple(config.scales),
        moments_per_second=config.moments_per_second,
        num_frames=config.num_frames,
        frame_rate=config.frame_rate,
        hop_seconds=config.hop_ms / 1000,
        window_seconds=config.window_ms / 1000,
    )
    module = CoincidenceSynchronization(
        network,
        sound_column="log_mel",
        crop_size=config.crop_size,
        flip=config.flip,
        clip=ClipSize(config.num_frames, config.num_samples, config.num_bins, config.num_hops),
        seed=config.seed,
        loss=pairing_margin_loss,
        encode_disturbed=functools.partial(network.encode_disturbed, hidden=config.disturbed, jitter=config.jitter),
    )
    return GradientLearner(module, optim=config.optim, schedule=config.schedule)

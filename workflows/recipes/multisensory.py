"""Synchronization: says whether sound and picture of a clip are in sync, and where in the picture the sound comes from.

Trained without labels, on shifted sound. Owens and Efros, Audio-Visual Scene Analysis with Self-Supervised Multisensory Features
(2018, arXiv:1804.03641), in the layer sizes of a student re-implementation on Kinetics-700-2020.

Reproduced: task, network (`paper()`), optimizer, augmentation, muting, companding. Not reproduced: their data, 650,000 steps, the
stage at a quarter of the frame rate. Differs in the labels: all four pairings of two windows of a video, so that neither modality
alone says anything about the label.

    python -m workflows.train multisensory --data DATASET                      the full-size network with aligned maps
    python -m workflows.train multisensory --data DATASET --preset demo       two minutes on two cores, synthetic scenes
    python -m workflows.train multisensory --data DATASET --preset offset     by how much the sound is late

Published accuracy: 59.9 % (Owens and Efros), about 55 % (re-implementation), people 66.6 %, chance 50 %. Measured here on synthetic
scenes: see the README, `make demo`.

Limits: shifts shorter than the dataset's shortest, talk off screen and music laid over a picture were not trained for. It does not
identify people or judge whether a recording was tampered with.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal

from datasets.card import preparation_of
from infra.errors import InputError
from workflows.contract.config import CadenceConfig, LoaderConfig, OptimConfig, ScheduleConfig
from workflows.contract.figure import Objective
from workflows.contract.streams import Stream

if TYPE_CHECKING:
    from models.multisensory import Multisensory
    from models.synchronization import Synchronization
    from workflows.learners.gradient import GradientLearner

DEFAULT = "aligned"


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Config:
    """Everything that a run of this recipe hangs on."""

    target: Literal["binary", "offset"] = "binary"
    """Whether sound and picture are in sync, or by how much the sound is late (docs/offsets.md)."""
    num_candidates: int = 8
    """Offset classes that compete in a step of training with target=offset."""
    network: Literal["paper", "aligned", "compact"] = "aligned"
    """The published table, the same with aligned maps, or the small network of the demo."""
    audio_input: Literal["waveform", "log_mel"] = "waveform"
    """What the network hears."""
    mute_samples: int = 5000
    """Samples at the start of a waveform that are set to zero."""
    compander: bool = True
    """Whether waveforms are put on the mu-law scale."""
    crop_size: int = 224
    """Height and width that the network sees, cut from the stored frames: at random to train, from the middle to test."""
    flip: bool = True
    """Whether half of the clips are mirrored to train."""
    num_frames: int = 120
    """Frames of a clip; taken from the dataset."""
    frame_rate: float = 30.0
    """Frames per second; taken from the dataset."""
    num_samples: int = 176400
    """Sound samples of a clip; taken from the dataset."""
    num_bins: int = 64
    """Mel bins; taken from the dataset."""
    num_hops: int = 249
    """Hops of a clip's spectrogram; taken from the dataset."""
    hop_ms: float = 16.0
    """Step from one hop to the next; taken from the dataset."""
    window_ms: float = 32.0
    """What one hop covers; taken from the dataset."""
    channels: int = 32
    """Width of the compact network."""
    norm: Literal["batch", "group"] = "batch"
    """Normalization of the compact network; group norm does not look at the rest of the batch."""
    seed: int = 0
    """Seed of weights, order and augmentation."""
    optim: OptimConfig = OptimConfig(name="sgd_momentum", lr=0.01, weight_decay=1e-4)
    """Optimizer."""
    schedule: ScheduleConfig = ScheduleConfig()
    """Learning rate over the run."""
    loader: LoaderConfig = LoaderConfig()
    """Clips a step."""
    cadence: CadenceConfig = CadenceConfig()
    """Length of the run."""


def paper() -> Config:
    """The published network and recipe."""
    return Config(network="paper", cadence=CadenceConfig(epochs=35))


def aligned() -> Config:
    """The published network with a padded trunk, whose maps lie where they seem to."""
    return Config(network="aligned", cadence=CadenceConfig(epochs=35))


def demo() -> Config:
    """The small network of 35,457 parameters, which learns its point on synthetic scenes in two minutes on two cores."""
    return Config(
        network="compact",
        audio_input="log_mel",
        crop_size=64,
        num_frames=30,
        frame_rate=15.0,
        num_samples=32000,
        num_bins=32,
        num_hops=124,
        optim=OptimConfig(name="adamw", lr=0.01, weight_decay=0.01),
        schedule=ScheduleConfig(kind="one_cycle"),
        loader=LoaderConfig(batch_size=4),
        cadence=CadenceConfig(epochs=9, validate_every=3),
    )


def offset() -> Config:
    """The demo's network, trained to tell by how much the sound is late."""
    return dataclasses.replace(demo(), target="offset")


def tiny() -> Config:
    """The smallest that still learns: for tests."""
    return dataclasses.replace(
        demo(),
        crop_size=32,
        num_frames=8,
        frame_rate=8.0,
        num_samples=8000,
        num_bins=8,
        num_hops=30,
        hop_ms=32.0,
        window_ms=64.0,
        channels=8,
        loader=LoaderConfig(batch_size=2),
        cadence=CadenceConfig(epochs=2),
    )


def streams(config: Config) -> dict[str, Stream]:
    """Return what is read: pairs of windows with picture and sound."""
    return {"clips": Stream(columns=("frames", config.audio_input), unit="pair")}


def fit_to(config: Config, cards: Mapping[str, Mapping[str, Any]]) -> Config:
    """Return the configuration with the clip sizes of a dataset.

    Raises:
        InputError: If the network sees more pixels than are stored, or clips are too short for offset classes.
    """
    clip = preparation_of(cards["clips"])
    if config.crop_size > clip.size:
        raise InputError(
            f"crop_size: {config.crop_size} is larger than the {clip.size} pixels that the dataset stores; "
            f"give --crop-size {clip.size} or less, or prepare with --size {config.crop_size} or more"
        )
    _refuse_offset(config, num_frames=clip.num_frames)
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


def _refuse_offset(config: Config, *, num_frames: int) -> None:
    """Refuse to tell offsets with networks that do not read parts of clips, and of clips that have none."""
    reads_parts = config.network == "compact" or (config.network, config.audio_input) == ("aligned", "log_mel")
    if config.target == "offset" and not reads_parts:
        raise InputError("target: offset reads parts of clips; give --network compact, or aligned with log_mel")
    if config.target == "offset" and num_frames < 4:
        raise InputError(f"target: offset needs clips of 4 frames, these have {num_frames}; prepare longer clips")


def assets(config: Config, read: Callable[..., Any]) -> dict[str, Any]:
    """Return what is learned from the training split before the first step: nothing."""
    return {}


def references(config: Config) -> dict[str, str]:
    """Return what this recipe builds on: nothing."""
    return {}


def evaluators(config: Config) -> tuple[str, ...]:
    """Return the evaluators that judge a model of this recipe; the first validates."""
    return ("offset" if config.target == "offset" else "synchronization", "localization")


def objective(config: Config) -> Objective:
    """Return what chooses the epoch: accuracy, less what the best shortcut has above chance; of offsets, at plus or minus one class."""
    if config.target == "offset":
        return Objective("near_offset_accuracy", "offset accuracy within a class")
    shortcuts = ("audio_only_accuracy", "video_only_accuracy", "swapped_source_accuracy")
    return Objective("net_sync_accuracy", "sync accuracy less shortcuts", "sync_accuracy", shortcuts)


def build(config: Config, assets: Mapping[str, Any], references: Mapping[str, Any]) -> "GradientLearner":
    """Return the learner, its weights drawn by the seed."""
    import torch

    from workflows.learners.gradient import GradientLearner

    torch.manual_seed(config.seed)
    return GradientLearner(_module(config), optim=config.optim, schedule=config.schedule)


def _module(config: Config) -> "Synchronization":
    from models.synchronization import ClipSize, Synchronization

    whole = ClipSize(config.num_frames, config.num_samples, config.num_bins, config.num_hops)
    settings: dict[str, Any] = {name: getattr(config, name) for name in ("crop_size", "flip", "seed")}
    settings["sound_column"] = config.audio_input
    if config.target == "binary":
        return Synchronization(_network(config, config.num_frames), clip=whole, **settings)
    from models.offset.grid import offset_grid
    from models.offset.matching import OffsetMatching

    grid = offset_grid(num_frames=config.num_frames, frame_rate=config.frame_rate)
    return OffsetMatching(
        _network(config, grid.picture_frames),
        grid=grid,
        whole=whole,
        hop_seconds=config.hop_ms / 1000,
        window_seconds=config.window_ms / 1000,
        num_candidates=config.num_candidates,
        **settings,
    )


def _network(config: Config, num_frames: int) -> "Multisensory":
    from models import multisensory

    sizes: dict[str, Any] = {
        name: getattr(config, name) for name in ("audio_input", "num_bins", "mute_samples", "compander")
    }
    sizes["video_size"] = (num_frames, config.crop_size, config.crop_size)
    if config.network == "compact":
        return multisensory.compact(
            **sizes,
            audio_channels=config.channels,
            video_channels=(config.channels // 2, 3 * config.channels // 4),
            num_features=config.channels,
            norm=config.norm,
        )
    return multisensory.paper(**sizes) if config.network == "paper" else multisensory.aligned(**sizes)

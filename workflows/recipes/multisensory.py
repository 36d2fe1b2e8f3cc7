"""Sound and picture in step or not, and where the sound comes from.

Owens and Efros, Audio-Visual Scene Analysis with Self-Supervised Multisensory Features (2018, arXiv:1804.03641), in the layer
sizes of a student re-implementation on Kinetics-700-2020. Reproduced: task, network (`paper()`), optimizer, augmentation, muting,
companding. Not reproduced: their data, 650,000 steps, the stage at a quarter of the frame rate. Differs in the labels: all four
pairings of two windows of a video, so that neither modality alone says anything about the label.

    python -m workflows.train multisensory --data DATASET                      the full-size network with aligned maps
    python -m workflows.train multisensory --data DATASET --preset demo       two minutes on two cores, synthetic scenes

Published: 59.9 % (Owens and Efros), about 55 % (re-implementation), people 66.6 %, chance 50 %. Measured here on synthetic
scenes: see the README, `make demo`.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from models import multisensory
from models.augmentation import augment, center_crop, scale_frames
from models.losses.synchronization import pairings, synchronization_loss
from workflows.contract.config import CadenceConfig, LoaderConfig, OptimConfig, ScheduleConfig
from workflows.evaluators.synchronization import Read, score_pairs
from workflows.learners.learner import GradientLearner

MODEL_NAME = "multisensory"
SILENT_LOG_MEL = float(np.log(1e-6))


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Config:
    """Everything that a run of this recipe hangs on."""

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
    num_samples: int = 176400
    """Sound samples of a clip; taken from the dataset."""
    num_bins: int = 64
    """Mel bins; taken from the dataset."""
    num_hops: int = 249
    """Hops of a clip's spectrogram; taken from the dataset."""
    channels: int = 32
    """Width of the compact network."""
    norm: Literal["batch", "group"] = "batch"
    """Normalization of the compact network; group norm does not look at the rest of the batch."""
    sync_batch_norm: bool = False
    """Whether batch norms see the batches of all workers (GPU only). Off, as each step already mixes both labels of 4 pairings a pair."""
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
        num_samples=32000,
        num_bins=32,
        num_hops=124,
        optim=OptimConfig(name="adamw", lr=0.01, weight_decay=0.01),
        schedule=ScheduleConfig(kind="one_cycle"),
        loader=LoaderConfig(batch_pairs=4),
        cadence=CadenceConfig(epochs=9, validate_every=3),
    )


def tiny() -> Config:
    """The smallest that still learns: for tests."""
    return dataclasses.replace(
        demo(),
        crop_size=32,
        num_frames=8,
        num_samples=8000,
        num_bins=8,
        num_hops=30,
        channels=8,
        loader=LoaderConfig(batch_pairs=2),
        cadence=CadenceConfig(epochs=2),
    )


def adapt(config: Config, preparation: Mapping[str, int]) -> Config:
    """Return the configuration with the clip sizes of a dataset."""
    names = ("num_frames", "num_samples", "num_bins", "num_hops")
    return dataclasses.replace(config, **{name: preparation[name] for name in names})


def streams(config: Config) -> dict[str, tuple[str, ...]]:
    """Return the columns that every stream reads."""
    return {"clips": ("frames", config.audio_input)}


def references(config: Config) -> dict[str, str]:
    """Return the models this recipe builds on: none."""
    return {}


def evaluators(config: Config) -> tuple[str, ...]:
    """Return the evaluators that judge a model of this recipe."""
    return ("synchronization", "localization")


def build(config: Config, references: Mapping[str, Any] | None = None) -> GradientLearner:
    """Return the learner, its weights drawn by the seed."""
    torch.manual_seed(config.seed)
    return GradientLearner(Synchronization(config), evaluate=validate, optim=config.optim, schedule=config.schedule)


def validate(module: nn.Module, read: Read) -> dict[str, tuple[float, float]]:
    """Return sums and counts of the accuracies and the loss."""
    assert isinstance(module, Synchronization)
    scores = score_pairs(module, read)
    targets = np.array([1.0, 1.0, 0.0, 0.0])
    losses = np.logaddexp(0, scores.pairings) - scores.pairings * targets
    sums = {name: (float(v.sum()), float(v.size)) for name, v in scores.accuracies().items()}
    return {**sums, "loss": (float(losses.sum()), float(losses.size))}


def selection(metrics: Mapping[str, float]) -> float:
    """Return by how much sound and picture together beat the best shortcut; the epoch with most is the best."""
    shortcuts = ("audio_only_accuracy", "video_only_accuracy", "swapped_source_accuracy")
    return metrics["sync_accuracy"] - max(metrics[name] for name in shortcuts)


class Synchronization(nn.Module):
    """The network with what surrounds it: augmentation on the device, four pairings, loss."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.sound_column = config.audio_input
        self.network = _network(config)
        self.generator = torch.Generator().manual_seed(config.seed)

    def forward(self, batches: Mapping[str, Mapping[str, Any]]) -> dict[str, Tensor]:
        """Return loss and accuracy of all four pairings of every pair."""
        batch = batches["clips"]
        video = augment(
            self._tensor(batch["frames"]),
            size=self.config.crop_size,
            generator=self.generator,
            flip=self.config.flip,
        )
        examples = pairings(
            self.network.encode_audio(self._tensor(batch[self.sound_column])),
            self.network.encode_video(video),
        )
        logits = self.judge(examples.audio_features, examples.video_features)
        right = (logits > 0) == (examples.targets > 0)
        return {
            "loss": synchronization_loss(logits.float(), examples.targets),
            "sync_accuracy": right.float().mean(),
        }

    def encode_sound(self, batch: Mapping[str, Any]) -> Tensor:
        """Return sound features (clips, channels, cells)."""
        return self.network.encode_audio(self._tensor(batch[self.sound_column]))

    def encode_picture(self, batch: Mapping[str, Any]) -> Tensor:
        """Return picture features (clips, channels, cells, rows, columns) of the middle of the frames."""
        frames = center_crop(self._tensor(batch["frames"]), size=self.config.crop_size)
        return self.network.encode_video(scale_frames(frames))

    def encode_silence(self) -> Tensor:
        """Return sound features of one silent clip."""
        if self.sound_column == "waveform":
            return self.network.encode_audio(self._tensor(np.zeros((1, 1, self.config.num_samples), np.float32)))
        shape = (1, self.config.num_bins, self.config.num_hops)
        return self.network.encode_audio(self._tensor(np.full(shape, SILENT_LOG_MEL, np.float32)))

    def encode_grey(self) -> Tensor:
        """Return picture features of one grey clip."""
        size = self.config.crop_size
        frames = np.full((1, self.config.num_frames, size, size, 3), 128, np.uint8)
        return self.encode_picture({"frames": frames})

    def judge(self, sound: Tensor, picture: Tensor) -> Tensor:
        """Return the logits of sound and picture features."""
        return self.network.logits(self.network.fuse(sound, picture))

    def maps(self, sound: Tensor, picture: Tensor) -> Tensor:
        """Return the signed maps (clips, cells, rows, columns) of sound and picture features."""
        return self.network.activation_map(self.network.fuse(sound, picture))

    def predict(self, batch: Mapping[str, Any]) -> dict[str, Tensor]:
        """Return logits and maps of the clips' sounds with their own pictures."""
        features = self.network.fuse(self.encode_sound(batch), self.encode_picture(batch))
        return {"logits": self.network.logits(features), "maps": self.network.activation_map(features)}

    def _tensor(self, values: np.ndarray) -> Tensor:
        device = next(self.parameters()).device
        return torch.as_tensor(values).to(device, non_blocking=True)


def _network(config: Config) -> multisensory.Multisensory:
    sizes = {
        "audio_input": config.audio_input,
        "num_bins": config.num_bins,
        "mute_samples": config.mute_samples,
        "compander": config.compander,
        "video_size": (config.num_frames, config.crop_size, config.crop_size),
    }
    if config.network == "compact":
        width = config.channels
        return multisensory.compact(
            **sizes,
            audio_channels=width,
            video_channels=(width // 2, 3 * width // 4),
            num_features=width,
            norm=config.norm,
        )
    return multisensory.paper(**sizes) if config.network == "paper" else multisensory.aligned(**sizes)

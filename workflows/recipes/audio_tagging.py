"""Audio tagging: says which of a set of classes a clip's sound is of.

Trained on labeled sounds. With `paper()` the network is SoundNet's of eight layers (Aytar, Vondrick and Torralba, SoundNet, 2016,
arXiv:1610.09001) on the raw waveform, with one classification head; with `demo()` a small convolutional network on log-mel spectrograms.

Reproduced: layer sizes, input range, batch norm, initialization, optimizer and batch. Not reproduced: what SoundNet is about, its
training by the answers of image networks on two million videos; here it is trained on labels. Differs in pooling (mean and maximum over
time) and augmentation (clips are rolled in time, masked and mixed).

    python -m workflows.prepare --source labels.csv --columns label=class --preset sounds --pad-sound --test-share 0 --output DATASET
    python -m workflows.train audio_tagging --data DATASET --preset demo --exclude-folds 1
    python -m workflows.evaluate --model models:/audio_tagging@champion --data DATASET --split all --folds 1

Published accuracy on ESC-10: 92.2 % (SoundNet features and a linear SVM), people 95.7 %, chance 10 %. Measured here with `demo()`, seed
0, mean of the five official folds with a 95 % bootstrap interval over recordings: 0.877 [0.847, 0.908] (0.812, 0.850, 0.887, 0.925,
0.912), below the 0.887 of hand-made features (statistics of log-mel and MFCC) and an SVM; with `--frozen`, which trains the head on
an encoder of random weights, 0.750 [0.708, 0.792].

Limits: one class a clip, of those that it was trained on; sounds of no class are given one all the same.
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
    from torch import nn

    from models.tagging import Tagger
    from workflows.learners.gradient import GradientLearner

_SOUNDNET_RATE = 22050
_FEWEST_SOUNDNET_SAMPLES = 20000


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Config:
    """Everything that a run of this recipe hangs on."""

    network: Literal["soundnet", "compact"] = "soundnet"
    """SoundNet on the waveform, or a small network on log-mel spectrograms."""
    channels: int = 16
    """Width of the compact network's first convolution."""
    dropout: float = 0.3
    """Share of the pooled features that are dropped to train."""
    mix: float = 0.3
    """How much clips are mixed to train: the parameter of a Beta distribution, 0 for none."""
    masked_share: float = 0.2
    """Longest share of bins, and of hops, that is masked to train."""
    initial: str = ""
    """Model to start from, such as models:/audio_tagging/3: its encoder's weights are taken, the head is drawn anew."""
    frozen: bool = False
    """Whether the encoder's weights stay as they are and only the head learns: how much its features know, also random ones."""
    num_bins: int = 64
    """Mel bins; taken from the dataset."""
    seed: int = 0
    """Seed of weights, order and augmentation."""
    optim: OptimConfig = OptimConfig(name="adam", lr=1e-3, weight_decay=0.0)
    """Optimizer."""
    schedule: ScheduleConfig = ScheduleConfig()
    """Learning rate over the run."""
    loader: LoaderConfig = LoaderConfig(batch_size=64)
    """Clips a step."""
    cadence: CadenceConfig = CadenceConfig(epochs=100)
    """Length of the run."""


def paper() -> Config:
    """SoundNet's network, optimizer and batch."""
    return Config()


def demo() -> Config:
    """The small network, which learns ten kinds of sound from some hundred clips in two minutes on two cores."""
    return Config(
        network="compact",
        optim=OptimConfig(name="adamw", lr=3e-3, weight_decay=0.02),
        schedule=ScheduleConfig(kind="one_cycle"),
        loader=LoaderConfig(batch_size=16),
        cadence=CadenceConfig(epochs=40, validate_every=10),
    )


def tiny() -> Config:
    """The smallest that still learns: for tests."""
    return dataclasses.replace(
        demo(),
        channels=4,
        dropout=0.0,
        mix=0.0,
        masked_share=0.0,
        num_bins=8,
        loader=LoaderConfig(batch_size=4),
        cadence=CadenceConfig(epochs=2),
    )


def streams(config: Config) -> dict[str, Stream]:
    """Return what is read: labeled sounds."""
    return {"sounds": Stream(columns=(_column(config), "label"), requires=("label",))}


def fit_to(config: Config, cards: Mapping[str, Mapping[str, Any]]) -> Config:
    """Return the configuration with the sizes of a dataset.

    Raises:
        InputError: If the network cannot read its clips.
    """
    clip = preparation_of(cards["sounds"])
    if config.network == "soundnet" and clip.num_samples < _FEWEST_SOUNDNET_SAMPLES:
        raise InputError(
            f"network: soundnet needs clips of {_FEWEST_SOUNDNET_SAMPLES} samples or more, these have {clip.num_samples}; "
            f"prepare with a longer --clip-seconds and --sample-rate {_SOUNDNET_RATE}, or give --network compact"
        )
    return dataclasses.replace(config, num_bins=clip.log_mel.num_bins)


def assets(config: Config, read: Callable[..., Any]) -> dict[str, Any]:
    """Return the classes of the training split."""
    classes = sorted({label for batch in read(("label",)) for label in batch["label"]})
    if len(classes) < 2:
        raise InputError(
            f"--data: its training clips are all of the class '{''.join(classes)}'; give clips of two or more"
        )
    return {"classes": classes}


def references(config: Config) -> dict[str, str]:
    """Return the model to start from, where one is named."""
    return {"initial": config.initial} if config.initial else {}


def evaluators(config: Config) -> tuple[str, ...]:
    """Return the evaluators that judge a model of this recipe; the first validates."""
    return ("classification",)


def objective(config: Config) -> Objective:
    """Return what chooses the epoch: accuracy."""
    return Objective("accuracy", "accuracy")


def build(config: Config, assets: Mapping[str, Any], references: Mapping[str, Any]) -> "GradientLearner":
    """Return the learner, its weights drawn by the seed, or its encoder's taken from the model to start from."""
    import torch

    from models.tagging import Tagger
    from workflows.learners.gradient import GradientLearner

    torch.manual_seed(config.seed)
    encoder, num_features = _encoder(config)
    module = Tagger(
        encoder,
        num_features=num_features,
        column=_column(config),
        gain=256.0 if config.network == "soundnet" else 1.0,
        classes=assets["classes"],
        dropout=config.dropout,
        mix=config.mix,
        masked_share=config.masked_share,
        seed=config.seed,
    )
    if "initial" in references:
        _start_from(module, references["initial"])
    module.encoder.requires_grad_(not config.frozen)
    return GradientLearner(module, optim=config.optim, schedule=config.schedule)


def _column(config: Config) -> str:
    return "waveform" if config.network == "soundnet" else "log_mel"


def _encoder(config: Config) -> "tuple[nn.Module, int]":
    """Return the encoder and the channels of its features."""
    from models.encoders.soundnet import SOUNDNET_FEATURES, soundnet_encoder
    from models.encoders.spectrogram import SpectrogramEncoder

    if config.network == "soundnet":
        return soundnet_encoder(), SOUNDNET_FEATURES
    encoder = SpectrogramEncoder(num_bins=config.num_bins, channels=config.channels)
    return encoder, encoder.num_features


def _start_from(module: "Tagger", folder: str) -> None:
    """Take the encoder's weights of a model in a folder."""
    import safetensors.torch

    weights = safetensors.torch.load_file(f"{folder}/model.safetensors")
    prefix = "network.encoder."
    own = {name.removeprefix(prefix): value for name, value in weights.items() if name.startswith(prefix)}
    try:
        module.encoder.load_state_dict(own)
    except RuntimeError as error:
        first = str(error).splitlines()[1].strip() if "\n" in str(error) else str(error)
        raise InputError(
            f"initial: the model's encoder is another than --network and --channels ask for ({first})"
        ) from None

"""Pictures, sounds and words in one space, although sounds and words never meet in training: each is only paired with pictures.

Aytar, Vondrick and Torralba, See, Hear, and Read: Deep Aligned Representations (2017, arXiv:1706.00932). Two streams, pictures with
captions and pictures with sounds. Every modality learns to tell the distribution over classes that a frozen image network gives its
picture (equation 2), and what belongs together is ranked above what does not (equation 4).

Reproduced: the two losses, two shared layers of 4,096 and 1,000 classes, no pair of sound and text. Differs in the image network, a frozen
EfficientNet-Lite0 in the place of AlexNet for both the features and the teacher; in the word vectors, GloVe of 50 dimensions in the place
of word2vec of 300; in the text network, one convolution of three words and their maximum; and in the sound network, four two-dimensional convolutions.
The margin is ours: the paper gives none. With `demo()` pairs are ranked by InfoNCE, which needs none.

    python -m workflows.prepare --source captions.csv --columns image=image audio=speech --image-size 224 --output PHOTOS
    python -m workflows.train see_hear_read --data images=PHOTOS --data sounds=PHOTOS --preset demo
    python -m workflows.evaluate --model models:/see_hear_read@champion --data PHOTOS

What is pretrained comes as packages (the extra `pretrained`). `--image none` learns the image network too, which then teaches nothing
(`--transfer 0`), and `--vectors none` learns word vectors of the training captions' words.

Measured with `demo()` on photos and captions alone: docs/retrieval.md. The published losses were not trained at full length here.

Limits: words that neither GloVe nor the captions hold are not read; a picture is one square, so that small things in it are lost.
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
    from models.encoders.picture import PictureEncoder
    from models.encoders.words import WordVectors
    from workflows.learners.gradient import GradientLearner

READS_ANY = ("clip_seconds", "frame_rate")

_GLOVE_DIM = 50


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Config:
    """Everything that a run of this recipe hangs on."""

    image: str = "package:efficientnet_lite0"
    """Weights of the image network, which then stays as it is and teaches; none learns one from random weights."""
    network: str = "tf_efficientnet_lite0"
    """Image network, by its name in timm."""
    image_size: int = 224
    """Height and width in pixels that the image network sees."""
    vectors: str = "package:glove_6b_50d"
    """Word vectors, which stay as they are; none learns those of the training captions' words."""
    num_words: int = 50_000
    """Words that are known: the most frequent of GloVe, or at most so many of the captions."""
    sounds: bool = True
    """Whether there is a stream of pictures with sounds; without, pictures meet captions alone."""
    images_from: Literal["image", "frames"] = "image"
    """What pictures with captions are: stills, or the middle frames of clips; taken from the dataset."""
    sounds_from: Literal["image", "frames"] = "image"
    """The same of pictures with sounds."""
    channels: int = 32
    """Width of the sound network's first convolution; the text network's is 32 times that."""
    phrase: int = 3
    """Words that a feature of the text network sees at a time."""
    width: int = 4096
    """Length of an embedding."""
    num_shared: int = 2
    """Layers that all three modalities share."""
    dropout: float = 0.3
    """Share of the features that are dropped to train."""
    transfer: float = 1.0
    """Weight of the teacher's classes."""
    ranking: Literal["sum", "max", "nce"] = "sum"
    """How what belongs together is ranked: a hinge over all other pairs or over the hardest, or InfoNCE."""
    ranking_weight: float = 1.0
    """Weight of the ranking."""
    margin: float = 0.1
    """Margin of a hinge, in cosine."""
    num_bins: int = 64
    """Mel bins; taken from the dataset."""
    seed: int = 0
    """Seed of weights, order and captions."""
    optim: OptimConfig = OptimConfig(name="adam", lr=1e-3, weight_decay=0.0)
    """Optimizer."""
    schedule: ScheduleConfig = ScheduleConfig()
    """Learning rate over the run."""
    loader: LoaderConfig = LoaderConfig(batch_size=128)
    """Rows a step and stream."""
    cadence: CadenceConfig = CadenceConfig(epochs=100)
    """Length of the run."""

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        if not self.transfer and not self.ranking_weight:
            raise InputError("transfer, ranking_weight: both are 0; give one of them")
        if self.transfer and self.image == "none":
            raise InputError("transfer: a network of random weights teaches nothing; give --transfer 0, or an --image")


def paper() -> Config:
    """The published losses and sizes, on the image network and the word vectors that are at hand."""
    return Config()


def demo() -> Config:
    """No shared layers and InfoNCE: learns to find photos by captions, from 800 photos."""
    return Config(
        width=256,
        num_shared=0,
        channels=16,
        phrase=1,
        transfer=0.0,
        ranking="nce",
        optim=OptimConfig(name="adamw", lr=1e-3, weight_decay=0.01),
        schedule=ScheduleConfig(kind="one_cycle"),
        cadence=CadenceConfig(epochs=120, validate_every=40),
    )


def tiny() -> Config:
    """The smallest that still learns: for tests."""
    return dataclasses.replace(
        demo(),
        image="none",
        network="test_efficientnet",
        image_size=32,
        vectors="none",
        num_words=64,
        width=16,
        channels=2,
        dropout=0.0,
        num_bins=8,
        images_from="frames",
        sounds_from="frames",
        loader=LoaderConfig(batch_size=4),
        optim=OptimConfig(name="adamw", lr=1e-2, weight_decay=0.0),
        cadence=CadenceConfig(epochs=2),
    )


def streams(config: Config) -> dict[str, Stream]:
    """Return what is read: pictures with captions, and pictures with sounds."""
    found = {"images": Stream(columns=(config.images_from, "texts", "clip_id"), requires=("texts:caption",))}
    if config.sounds:
        found["sounds"] = Stream(columns=(config.sounds_from, "log_mel", "clip_id"))
    return found


def fit_to(config: Config, cards: Mapping[str, Mapping[str, Any]]) -> Config:
    """Return the configuration with the sizes of a dataset."""
    held = {name: preparation_of(card) for name, card in cards.items()}
    sources = {f"{name}_from": "image" if "image" in clip.modalities else "frames" for name, clip in held.items()}
    bins = held.get("sounds", held["images"]).log_mel.num_bins
    return dataclasses.replace(config, num_bins=bins, **sources)


def assets(config: Config, read: Callable[..., Any]) -> dict[str, Any]:
    """Return the words of the training split's captions, the most frequent first, where their vectors are learned."""
    if config.vectors != "none":
        return {}
    from collections import Counter

    from models.encoders.words import split_words
    from models.see_hear_read import captions_of

    counts = Counter(
        word
        for batch in read(("texts",), stream="images")
        for texts in batch["texts"]
        for caption in captions_of(texts)
        for word in split_words(caption)
    )
    return {"words": sorted(counts, key=lambda word: (-counts[word], word))[: config.num_words]}


def references(config: Config) -> dict[str, str]:
    """Return the pretrained parts."""
    return {name: uri for name, uri in (("image", config.image), ("vectors", config.vectors)) if uri != "none"}


def evaluators(config: Config) -> tuple[str, ...]:
    """Return the evaluators that judge a model of this recipe; the first validates."""
    return ("retrieval",)


def objective(config: Config) -> Objective:
    """Return what chooses the epoch: how often what belongs together is among the first ten."""
    return Objective("retrieval/recall_at_10", "mean recall at 10", training="found")


def build(config: Config, assets: Mapping[str, Any], references: Mapping[str, Any]) -> "GradientLearner":
    """Return the learner, its weights drawn by the seed but those of the pretrained parts."""
    import torch

    from models.see_hear_read import SeeHearRead
    from workflows.learners.gradient import GradientLearner

    torch.manual_seed(config.seed)
    module = SeeHearRead(
        picture=_picture(config, references.get("image")),
        words=_words(config, assets, references.get("vectors")),
        num_bins=config.num_bins if config.sounds else None,
        channels=config.channels,
        phrase=config.phrase,
        width=config.width,
        num_shared=config.num_shared,
        dropout=config.dropout,
        transfer=config.transfer,
        ranking=config.ranking,
        ranking_weight=config.ranking_weight,
        margin=config.margin,
        seed=config.seed,
    )
    return GradientLearner(module, optim=config.optim, schedule=config.schedule)


def _picture(config: Config, folder: str | None) -> "PictureEncoder":
    from models.encoders.picture import PictureEncoder
    from workflows.contract.pretrained import read_weights

    encoder = PictureEncoder(config.network, size=config.image_size, frozen=config.image != "none")
    if folder is not None:
        encoder.load_in_order(read_weights(folder))
    return encoder


def _words(config: Config, assets: Mapping[str, Any], folder: str | None) -> "WordVectors":
    from models.encoders.words import WordVectors
    from workflows.contract.pretrained import read_vectors

    learned = config.vectors == "none"
    words = WordVectors(config.num_words, _GLOVE_DIM, trained=learned)
    if learned:
        words.fill(assets["words"])
    elif folder is not None:
        words.fill(*read_vectors(folder))
    return words

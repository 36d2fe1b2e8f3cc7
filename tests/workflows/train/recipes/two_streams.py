"""Two streams: classes of sounds, learned from single clips, while pairs of another dataset must sound alike. For tests of the engine.

Limits: nothing but a test.
"""

import dataclasses
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from workflows.contract.config import CadenceConfig, LoaderConfig, OptimConfig, ScheduleConfig
from workflows.contract.figure import Objective
from workflows.contract.streams import Stream
from workflows.learners.gradient import GradientLearner


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Config:
    """Everything that a run of this recipe hangs on."""

    seed: int = 0
    initial: str = ""
    optim: OptimConfig = OptimConfig(lr=0.01)
    schedule: ScheduleConfig = ScheduleConfig()
    loader: LoaderConfig = LoaderConfig(batch_size=2)
    cadence: CadenceConfig = CadenceConfig(epochs=2)


def paper() -> Config:
    """The only configuration."""
    return Config()


def streams(config: Config) -> dict[str, Stream]:
    """Return single labeled clips, and pairs."""
    return {
        "labeled": Stream(columns=("log_mel", "label", "clip_id"), requires=("label",)),
        "paired": Stream(columns=("log_mel", "clip_id"), unit="pair"),
    }


def fit_to(config: Config, cards: Any) -> Config:
    """Return the configuration as it is."""
    return config


def assets(config: Config, read: Any) -> dict[str, Any]:
    """Return the classes."""
    return {"classes": sorted({label for batch in read(("label",), stream="labeled") for label in batch["label"]})}


def references(config: Config) -> dict[str, str]:
    """Return the model to start from, where one is named."""
    return {"initial": config.initial} if config.initial else {}


def evaluators(config: Config) -> tuple[str, ...]:
    """Return the evaluator."""
    return ("classification",)


def objective(config: Config) -> Objective:
    """Return the accuracy."""
    return Objective("accuracy", "accuracy")


def build(config: Config, assets: Any, references: Any) -> GradientLearner:
    """Return the learner."""
    torch.manual_seed(config.seed)
    module = TwoStreams(assets["classes"])
    module.opened = dict(references)
    return GradientLearner(module, optim=config.optim, schedule=config.schedule)


class TwoStreams(nn.Module):
    """A linear classifier; `seen` holds the clips of all steps."""

    column = "log_mel"

    def __init__(self, classes: list[str]) -> None:
        super().__init__()
        self.classes = tuple(classes)
        self.head = nn.Linear(8, len(classes))
        self.generator = torch.Generator().manual_seed(0)

    def forward(self, batches: Any) -> dict[str, torch.Tensor]:
        """Return the loss of both streams."""
        SEEN.append({name: list(batch["clip_id"]) for name, batch in batches.items()})
        labels = torch.tensor([self.classes.index(label) for label in batches["labeled"]["label"]])
        logits = self.classify(batches["labeled"])
        first, second = self.classify(batches["paired"]).unflatten(0, (-1, 2)).unbind(1)
        return {"loss": functional.cross_entropy(logits, labels) + 0.01 * (first - second).square().mean()}

    def classify(self, batch: Any) -> torch.Tensor:
        """Return logits."""
        return self.head(torch.as_tensor(batch["log_mel"]).mean(dim=2))

    def predict(self, batch: Any) -> dict[str, torch.Tensor]:
        """Return logits."""
        return {"logits": self.classify(batch)}


SEEN: list[dict[str, list[str]]] = []

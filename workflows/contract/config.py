"""Configuration that all recipes share: optimizer, schedule, loader, cadence, under the dotted names of the command line."""

import dataclasses
from typing import Any, Literal

from infra.errors import InputError


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class OptimConfig:
    """How weights follow their gradients."""

    name: Literal["sgd", "sgd_momentum", "adam", "adamw"] = "adamw"
    """Optimizer."""
    lr: float = 1e-3
    """Learning rate, the highest of the schedule."""
    weight_decay: float = 1e-4
    """Weight decay; too high a value keeps the network at chance."""
    momentum: float = 0.9
    """Momentum of sgd_momentum."""
    gradient_clip: float = 5.0
    """Largest norm of the gradient; 0 for no limit."""

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        if not 0 < self.lr < float("inf"):
            raise InputError(f"optim.lr: {self.lr} is not above zero; give for example 0.001")
        if not (self.weight_decay >= 0 and self.gradient_clip >= 0):
            raise InputError(
                f"optim.weight_decay, optim.gradient_clip: {self.weight_decay}, {self.gradient_clip} "
                "must not be negative; give 0 to switch one off"
            )


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class ScheduleConfig:
    """How the learning rate changes over the run."""

    kind: Literal["constant", "cosine", "one_cycle"] = "constant"
    """Constant, or down to zero by half a cosine, or up and down once."""
    warmup_share: float = 0.0
    """Share of the steps over which the rate rises first; one_cycle takes 0.3 where this is 0."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class LoaderConfig:
    """How clips reach the learner."""

    batch_size: int = 4
    """Units a step, worker and stream: clips, or pairs of clips where the recipe reads pairs."""
    pool_mb: int = 64
    """Stored clips that a worker holds to shuffle them."""
    balance_classes: bool = False
    """Draw all classes equally often in every epoch, which stays as long as it is; clips without a label are a class."""

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        if self.batch_size < 1:
            raise InputError(f"loader.batch_size: {self.batch_size} is below 1; give 1 or more")


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class CadenceConfig:
    """How long a run lasts and what it keeps."""

    epochs: int = 10
    """Passes over the training clips; the schedule is laid over them."""
    max_minutes: float | None = None
    """Checkpoint and stop after this long, finished or not."""
    validate_every: int = 1
    """Epochs from one validation to the next; the last is always validated."""
    keep_checkpoints: int = 2
    """How many of the latest checkpoints stay besides the best; 0 for all."""


PARTS = {"optim": OptimConfig, "schedule": ScheduleConfig, "loader": LoaderConfig, "cadence": CadenceConfig}
"""The parts by the field that holds them in a recipe's configuration."""


def restore_config(kind: Any, values: dict[str, Any]) -> Any:
    """Return a recipe's configuration from the nested plain values that were saved with a model; unknown fields are refused.

    Args:
        kind: the recipe's Config.
        values: as `dataclasses.asdict` gave them.

    Raises:
        InputError: If they are of another version of the recipe.
    """
    known = {field.name for field in dataclasses.fields(kind)}
    unknown = sorted(set(values) - known)
    if unknown:
        raise InputError(
            f"--model: its configuration has the unknown field '{unknown[0]}'; it is of another version of its recipe"
        )
    try:
        return kind(**{**values, **{name: part(**values[name]) for name, part in PARTS.items() if name in known}})
    except (KeyError, TypeError) as error:
        raise InputError(f"--model: its configuration is of another version of its recipe ({error})") from None

"""A trained model from the registry, a run or a folder, ready to be asked."""

import contextlib
import dataclasses
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from datasets.config import PreparationConfig
from infra.errors import InputError
from infra.tracking import model_folder
from workflows.contract.config import CadenceConfig, LoaderConfig, OptimConfig, ScheduleConfig
from workflows.contract.registry import load_recipe
from workflows.trained.checkpoint import read_description, read_weights

_PARTS = {
    "optim": OptimConfig,
    "schedule": ScheduleConfig,
    "loader": LoaderConfig,
    "cadence": CadenceConfig,
}


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Model:
    """The module in evaluation mode, its configuration, the clips it was trained on and the run it comes from."""

    module: Any
    config: Any
    preparation: PreparationConfig
    description: dict[str, Any]
    run_id: str | None


@contextlib.contextmanager
def loaded(uri: str, *, recipe: str | None = None) -> Iterator[Model]:
    """Give the model of a URI, of a certain recipe where one is named.

    Raises:
        InputError: If there is none, or it is of another recipe.
    """
    with model_folder(uri) as (folder, run_id):
        description = read_description(folder)
        found = str(description.get("recipe"))
        if recipe not in (None, found):
            raise InputError(
                f"--model: '{uri}' is of the recipe {found}, this needs one of {recipe}; train one with python -m workflows.train {recipe}"
            )
        config = restore_config(found, description["config"])
        module = load_recipe(found).build(config).modules["network"]
        load_weights(module, folder)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    yield Model(
        module=module.eval().to(device),
        config=config,
        preparation=PreparationConfig.from_dict(description["preparation"]),
        description=description,
        run_id=run_id,
    )


def restore_config(recipe: str, values: dict[str, Any]) -> Any:
    """Return the configuration that was saved with a model; unknown fields are refused."""
    parts = {name: kind(**values[name]) for name, kind in _PARTS.items()}
    return load_recipe(recipe).Config(**{**values, **parts})


def load_weights(module: nn.Module, folder: str) -> None:
    """Put a folder's weights into a module."""
    weights = read_weights(folder)
    module.load_state_dict({k.removeprefix("network."): v for k, v in weights.items()})

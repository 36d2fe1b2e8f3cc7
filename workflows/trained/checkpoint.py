"""A checkpoint is a folder: weights as safetensors, the configuration and the assets beside them, and what resuming needs.

`state.pt` is written last; a folder without it is not a checkpoint.
"""

import io
from collections.abc import Mapping
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from infra import storage
from infra.errors import InputError

WEIGHTS, CONFIG, ASSETS, STATE = "model.safetensors", "config.json", "assets.json", "state.pt"
MODEL_FILES = (WEIGHTS, CONFIG, ASSETS)
"""What of a checkpoint makes a model."""


def checkpoint_folder(run_folder: str, epoch: int) -> str:
    """Return where the checkpoint of an epoch lies."""
    return storage.join(run_folder, "checkpoints", f"epoch-{epoch:04d}")


def write_checkpoint(
    folder: str,
    *,
    weights: dict[str, Tensor],
    description: dict[str, Any],
    assets: dict[str, Any],
    state: dict[str, Any],
) -> None:
    """Write a checkpoint that becomes one with its last file."""
    contiguous = {name: value.detach().cpu().contiguous() for name, value in weights.items()}
    storage.remove(storage.join(folder, STATE))
    storage.write_bytes(storage.join(folder, WEIGHTS), safetensors.torch.save(contiguous))
    storage.write_json(storage.join(folder, CONFIG), description)
    storage.write_json(storage.join(folder, ASSETS), assets)
    buffer = io.BytesIO()
    torch.save(state, buffer)
    storage.write_bytes(storage.join(folder, STATE), buffer.getvalue())


def read_weights(folder: str) -> dict[str, Tensor]:
    """Return the weights of a model or checkpoint."""
    return safetensors.torch.load(storage.read_bytes(storage.join(folder, WEIGHTS)))


def load_weights(module: torch.nn.Module, weights: Mapping[str, Tensor], *, name: str, source: str) -> None:
    """Give a module those of some weights that are its own, under its name in the learner.

    Raises:
        InputError: If they are of a network of other sizes.
    """
    own = {key.removeprefix(f"{name}."): value for key, value in weights.items() if key.startswith(f"{name}.")}
    try:
        module.load_state_dict(own)
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].strip()
        raise InputError(
            f"'{source}' holds the weights of another network ({reason}); give the options of that one"
        ) from None


def read_description(folder: str) -> dict[str, Any]:
    """Return the recipe, the configuration and the data of a model or checkpoint."""
    return storage.read_json(storage.join(folder, CONFIG))


def read_assets(folder: str) -> dict[str, Any]:
    """Return what a model learned from its training split before the first step, such as its classes."""
    return storage.read_json(storage.join(folder, ASSETS))


def read_state(folder: str) -> dict[str, Any]:
    """Return what resuming needs."""
    data = io.BytesIO(storage.read_bytes(storage.join(folder, STATE)))
    return torch.load(data, weights_only=True, map_location="cpu")


def list_checkpoints(run_folder: str) -> list[str]:
    """Return the complete checkpoints of a run, oldest first."""
    states = storage.list_files(storage.join(run_folder, "checkpoints"), suffix="/" + STATE)
    return [path.removesuffix("/" + STATE) for path in states]


def remove_checkpoint(folder: str) -> None:
    """Remove a checkpoint, its last file first and then its folder."""
    for name in (STATE, *MODEL_FILES):
        storage.remove(storage.join(folder, name))
    storage.remove_if_empty(folder)

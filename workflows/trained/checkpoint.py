"""A checkpoint is a folder: weights as safetensors, the configuration and the assets beside them, and what resuming needs.

`state.pt` is written last; a folder without it is not a checkpoint.
"""

import io
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from infra import storage

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

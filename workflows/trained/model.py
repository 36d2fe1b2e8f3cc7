"""A trained model from the registry, a run or a folder, ready to be asked."""

import contextlib
import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch

from datasets.config import PreparationConfig
from infra.errors import InputError
from infra.tracking import model_folder
from workflows.contract.calibration import read_calibration
from workflows.contract.config import restore_config
from workflows.contract.registry import load_recipe
from workflows.contract.streams import Stream
from workflows.learners.learner import trained_module
from workflows.trained.checkpoint import load_weights, read_assets, read_description, read_weights


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Model:
    """The module in evaluation mode, its configuration, the clips it was trained on and the run it comes from."""

    recipe: str
    module: Any
    config: Any
    preparation: PreparationConfig
    """How the clips of its first stream were prepared."""
    description: dict[str, Any]
    """What is saved beside the weights: recipe, configuration, data."""
    run_id: str | None
    assets: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    """What was learned from the training split before the first step."""

    @property
    def stream(self) -> Stream:
        """What its first stream reads."""
        return next(iter(load_recipe(self.recipe).streams(self.config).values()))

    def refuse_without(self, capabilities: Sequence[str], *, verb: str) -> None:
        """Refuse a model that cannot do what a verb needs.

        Raises:
            InputError: Naming what it lacks.
        """
        lacking = [name for name in capabilities if not hasattr(self.module, name)]
        if lacking:
            raise InputError(
                f"--model: one of the recipe {self.recipe} offers no {lacking[0]}, which {verb} needs; give another model"
            )


@contextlib.contextmanager
def loaded(uri: str, *, recipe: str | None = None) -> Iterator[Model]:
    """Give the model of a URI, calibrated if it was, of a certain recipe where one is named.

    Raises:
        InputError: If there is none, it is of another recipe, or its training diverged.
    """
    with model_folder(uri) as (folder, run_id):
        description = read_description(folder)
        found = str(description.get("recipe"))
        if recipe not in (None, found):
            raise InputError(
                f"--model: '{uri}' is of the recipe {found}, this needs one of {recipe}; train one with python -m workflows.train {recipe}"
            )
        module = load_recipe(found)
        config = restore_config(module.Config, description["config"])
        assets = read_assets(folder)
        learner = module.build(config, assets, {})  # all weights come from the file
        weights = read_weights(folder)
    name, network = next(iter(learner.modules)), trained_module(learner)
    load_weights(network, weights, name=name, source=uri)
    if not all(torch.isfinite(value).all() for value in network.state_dict().values()):
        raise InputError(
            f"--model: '{uri}' has weights that are no numbers, as its training diverged; give another model"
        )
    calibration = read_calibration(description)
    if calibration is not None:
        network.calibration = calibration.numbers  # type: ignore[assignment]
    data = next(iter(description["data"].values()))
    device = "cuda" if torch.cuda.is_available() else "cpu"
    yield Model(
        recipe=found,
        module=network.eval().to(device),
        config=config,
        preparation=PreparationConfig.from_dict(data["preparation"]),
        description=description,
        run_id=run_id,
        assets=assets,
    )

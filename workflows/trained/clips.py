"""Which clips a trained model reads: those it was trained on, and with a recipe that `READS_ANY` length or frame rate, others too."""

import dataclasses

from datasets.config import PreparationConfig
from infra.errors import InputError
from workflows.contract.registry import load_recipe, reads_any
from workflows.learners.learner import trained_module
from workflows.trained.model import Model

_DECISIVE = ("clip_seconds", "frame_rate", "sample_rate", "log_mel")


def fit_to_clips(
    model: Model, preparation: PreparationConfig, *, given: str, remedy: str = "prepare the data alike"
) -> Model:
    """Return the model for clips prepared so: its weights, in a network of their length and frame rate.

    Args:
        model: a trained model.
        preparation: how the clips are prepared.
        given: what gave the clips, for complaints.
        remedy: what to do about it.

    Raises:
        InputError: If the model cannot read them, naming the first field that differs.
    """
    recipe = load_recipe(model.recipe)
    differing = [name for name in _DECISIVE if getattr(preparation, name) != getattr(model.preparation, name)]
    for name in differing:
        if name not in reads_any(recipe):
            ours, theirs = getattr(preparation, name), getattr(model.preparation, name)
            raise InputError(f"{given} has {name}={ours}, the model was trained with {theirs}; {remedy}")
    stream = next(iter(recipe.streams(model.config)))
    config = recipe.fit_to(model.config, {stream: {"config": preparation.to_dict()}})
    if not differing:
        return model
    module = trained_module(recipe.build(config, model.assets, {}))
    module.load_state_dict(model.module.state_dict())
    if hasattr(model.module, "calibration"):
        module.calibration = model.module.calibration
    device = next(model.module.parameters()).device
    return dataclasses.replace(model, module=module.eval().to(device), config=config, preparation=preparation)

"""Audio tagging: an encoder that is taken over, or that does not learn."""

import dataclasses

import numpy as np
import pytest
import safetensors.torch
import torch

from infra.errors import InputError
from workflows.recipes import audio_tagging

BATCH = {
    "sounds": {
        "log_mel": np.random.default_rng(0).normal(-8, 3, (4, 8, 30)).astype(np.float32),
        "label": ["low", "high"] * 2,
    }
}


def built(references=None, **fields):
    config = dataclasses.replace(audio_tagging.tiny(), **fields)
    return audio_tagging.build(config, {"classes": ["high", "low"]}, references or {})


def weights(learner):
    return {name: value.clone() for name, value in learner.modules["network"].named_parameters()}


def test_a_frozen_encoder_keeps_its_weights_and_the_head_learns():
    learner = built(frozen=True)
    before = weights(learner)
    learner.begin(total_steps=2, device=torch.device("cpu"))
    for _ in range(2):
        learner.step(BATCH)
    after = weights(learner)
    assert {name for name in after if not torch.equal(after[name], before[name])} == {"head.weight", "head.bias"}


def test_the_encoder_of_a_model_is_taken_over_and_the_head_drawn_anew(tmp_path):
    module = built(seed=1).modules["network"]
    state = {f"network.{name}": value for name, value in module.state_dict().items()}
    safetensors.torch.save_file(state, tmp_path / "model.safetensors")
    learner = built({"initial": str(tmp_path)})
    given, taken = weights(built(seed=1)), weights(learner)
    assert {name for name in taken if not torch.equal(taken[name], given[name])} == {"head.weight", "head.bias"}
    with pytest.raises(InputError, match="initial: the model's encoder is another"):
        built({"initial": str(tmp_path)}, channels=8)

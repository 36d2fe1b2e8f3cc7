"""A model with maps, untrained, in a folder."""

import dataclasses

import pytest

from workflows.learners.learner import trained_module
from workflows.recipes import multisensory
from workflows.trained.checkpoint import write_checkpoint


@pytest.fixture(scope="session")
def untrained(small_config, tmp_path_factory):
    """The folder of a network that judges and localizes at random."""
    folder = str(tmp_path_factory.mktemp("untrained"))
    config = multisensory.fit_to(multisensory.tiny(), {"clips": {"config": small_config.to_dict()}})
    learner = multisensory.build(config, {}, {})
    name = next(iter(learner.modules))
    write_checkpoint(
        folder,
        weights={f"{name}.{key}": value for key, value in trained_module(learner).state_dict().items()},
        description={
            "recipe": "multisensory",
            "config": dataclasses.asdict(config),
            "data": {"clips": {"preparation": small_config.to_dict()}},
        },
        assets={},
        state={},
    )
    return folder

"""A model with maps, untrained, in a folder, and a server that works with it."""

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import pytest

from workflows.learners.learner import trained_module
from workflows.recipes import multisensory
from workflows.trained.checkpoint import write_checkpoint

ROOT = Path(__file__).resolve().parents[3]
TOKEN = "a token of this test"


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


@pytest.fixture(scope="session")
def server(untrained, tmp_path_factory):
    """The address of a server that asks for a token and takes small files; at its end nothing of them is left."""
    folder = tmp_path_factory.mktemp("server")
    options = ["--port", "0", "--max-mb", "1", "--max-minutes", "0.2", "--max-side", "100"]
    process = subprocess.Popen(
        [sys.executable, "-m", "workflows.serve", "--model", untrained, *options], cwd=ROOT,
        env={**os.environ, "SENSORIUM_TOKEN": TOKEN, "TMPDIR": str(folder)}, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    address = next(line.split()[1] for line in process.stdout if line.startswith("open"))
    yield address, folder
    process.terminate()
    process.wait(60)
    assert not list(folder.glob("sensorium-serve-*"))

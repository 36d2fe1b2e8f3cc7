"""Two workers are one worker with twice the batch, on one node or on two."""

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import ray.train
import ray.train.torch
import torch

from workflows.recipes import multisensory

ROOT = Path(__file__).resolve().parents[3]


def clips(config):
    chance = np.random.default_rng(0)
    size = config.crop_size
    return {
        "frames": chance.integers(0, 255, (8, config.num_frames, size, size, 3), np.uint8),
        "log_mel": chance.normal(-8, 3, (8, config.num_bins, config.num_hops)).astype(np.float32),
    }


def gradients(module, batch):
    module({"clips": batch})["loss"].backward()
    return {name.removeprefix("module."): value.grad for name, value in module.named_parameters()}


@pytest.mark.ray
def test_two_workers_have_the_gradients_of_one_with_twice_the_batch(ray_cluster, tmp_path):
    # Frames as large as the crop and no flips: augmentation leaves them as they are. Batch norm would see half a batch.
    config = dataclasses.replace(multisensory.tiny(), norm="group", flip=False)

    def loop():
        rank = ray.train.get_context().get_world_rank()
        module = ray.train.torch.prepare_model(multisensory.build(config, {}, {}).modules["network"])
        half = {name: value[4 * rank : 4 * rank + 4] for name, value in clips(config).items()}
        torch.save(gradients(module, half), tmp_path / f"{rank}.pt")

    ray.train.torch.TorchTrainer(
        loop,
        scaling_config=ray.train.ScalingConfig(num_workers=2, resources_per_worker={"CPU": 0.5}),
        run_config=ray.train.RunConfig(storage_path=str(tmp_path), name="gradients"),
    ).fit()
    whole = gradients(multisensory.build(config, {}, {}).modules["network"], clips(config))
    for rank in range(2):
        shared = torch.load(tmp_path / f"{rank}.pt", weights_only=True)
        assert shared.keys() == whole.keys()
        for name, value in whole.items():
            torch.testing.assert_close(shared[name], value, rtol=1e-4, atol=1e-6)


@pytest.mark.ray
@pytest.mark.slow
def test_two_nodes_train(small_dataset, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "tests.workflows.train.two_nodes", small_dataset, "tiny", "1"],
        cwd=ROOT,
        env={**os.environ, "SENSORIUM_HOME": str(tmp_path), "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "0.2"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "nodes 2 finished True" in done.stdout

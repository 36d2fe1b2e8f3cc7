"""Evaluation and localization spread over the workers of a cluster, on two nodes: the same figures and maps as in one process."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from infra.errors import InputError
from workflows.evaluate.spread import spread_over
from workflows.localize.videos import localize_videos

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.ray
@pytest.mark.slow
def test_spread_over_two_nodes_gives_the_figures_and_maps_of_one_process(trained, small_dataset, tracking, tmp_path):
    variables = {"SENSORIUM_HOME": str(tmp_path), "MLFLOW_TRACKING_URI": tracking, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", "tests.workflows.evaluate.two_nodes", trained.model_folder, small_dataset, str(tmp_path)],
        cwd=ROOT, env={**os.environ, **variables}, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["num_nodes"] == 2
    assert found["spread"] == found["alone"]
    for name in found["maps"]:
        one, other = (np.load(tmp_path / place / name) for place in ("alone", "spread"))
        np.testing.assert_array_equal(one["signed"], other["signed"])
    assert len(found["maps"]) == 3
    assert found["failed"] == found["failed_alone"]
    assert "broken.mp4" in found["failed"][0]


def test_spread_refuses_what_cannot_be():
    for num_workers, use_gpu, words in (
        (-1, False, "--num-workers: -1 is below 0"),
        (0, True, "--use-gpu: True needs"),
    ):
        with pytest.raises(InputError, match=words), spread_over("model", num_workers, use_gpu=use_gpu):
            pass


def test_spread_of_no_workers_is_this_process():
    with spread_over("model", 0, use_gpu=False) as spread:
        assert spread is None
    assert localize_videos.__kwdefaults__["spread"] is None

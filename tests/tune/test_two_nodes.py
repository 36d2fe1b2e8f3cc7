"""A sweep spreads over the nodes of a cluster."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.mark.ray
@pytest.mark.slow
def test_two_trials_at_a_time_run_on_two_nodes(small_dataset, tracking, tmp_path):
    variables = {"SENSORIUM_HOME": str(tmp_path), "MLFLOW_TRACKING_URI": tracking, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", "tests.tune.two_nodes", small_dataset],
        cwd=ROOT, env={**os.environ, **variables}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    ended = json.loads(done.stdout.splitlines()[-1])
    assert [status for status, _ in ended] == ["finished", "finished"]
    assert len({node for _, node in ended}) == 2

"""The verbs as Ray jobs on a head of their own: prepare, train and a sweep, submitted, read and ended."""

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from ray.job_submission import JobStatus, JobSubmissionClient

ROOT = Path(__file__).resolve().parent.parent.parent
_SECONDS = 180


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def head():
    """The address of a dashboard; its Ray lives in a session of its own and is ended by its process group."""
    ports = {
        name: free_port()
        for name in ("port", "dashboard-port", "dashboard-agent-listen-port", "ray-client-server-port")
    }
    environment = {
        **{name: value for name, value in os.environ.items() if name not in ("SENSORIUM_HOME", "RAY_ADDRESS")},
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "RAY_AUTH_MODE": "disabled",
        "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S": "1",
        "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "0.2",
    }
    options = [f"--{name}={port}" for name, port in ports.items()]
    process = subprocess.Popen(
        [str(Path(sys.executable).parent / "ray"), "start", "--head", "--block", "--num-cpus=2",
         "--object-store-memory=200000000", "--dashboard-host=127.0.0.1", "--disable-usage-stats", *options],
        env=environment, start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if "--block" in line:
            break
    else:
        raise AssertionError(said)
    yield f"http://127.0.0.1:{ports['dashboard-port']}"
    os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(40)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)


def accepted(client, **job) -> str:
    """Submit, again as long as the head's agent is still starting: each refusal takes it seconds."""
    for _ in range(6):
        try:
            return client.submit_job(**job)
        except RuntimeError as error:
            refusal = error
            if "No available agent" not in str(error):
                break
    raise refusal


@pytest.fixture
def submit(head, tmp_path):
    client = JobSubmissionClient(head)
    package = {
        "working_dir": str(ROOT),
        "excludes": [".git", ".venv", "tests", "data", "runs"],
        "env_vars": {"SENSORIUM_HOME": str(tmp_path), "OMP_NUM_THREADS": "1"},
    }

    def run(command, **changes):
        job = accepted(client, entrypoint=f"python -m {command}", runtime_env={**package, **changes})
        watch = subprocess.run(
            [sys.executable, "-m", "ray.scripts.scripts", "job", "logs", "--follow", "--address", head, job],
            timeout=_SECONDS, capture_output=True, check=False, env={**os.environ, "RAY_AUTH_MODE": "disabled"},
        )  # fmt: skip
        assert watch.returncode == 0
        return client.get_job_status(job), client.get_job_logs(job), client.get_job_info(job).driver_exit_code

    return run


@pytest.mark.ray
@pytest.mark.slow
def test_the_verbs_run_as_jobs(submit, scene_folder, tmp_path):
    small = (
        "--clip-seconds 1 --frame-rate 8 --size 32 --sample-rate 8000 --min-shift-seconds 0.5 --max-shift-seconds 2 "
        "--log-mel.num-bins 8 --log-mel.window-ms 64 --log-mel.hop-ms 32 --validation-share 0.2 --test-share 0.2"
    )
    for command, wanted in (
        (f"workflows.prepare --source {scene_folder} --output data/scenes {small}", r"train +\d+ +\d+ +\d+"),
        ("workflows.train multisensory --data data/scenes --preset tiny --run-name job", r"models:/multisensory/1"),
        (
            "tune.sweep multisensory --data data/scenes --preset tiny --epochs 1 --num-trials 2 --run-name swept",
            r"best +0\d .*  models:/multisensory/2",
        ),
    ):
        status, logs, code = submit(command)
        assert (status, code) == (JobStatus.SUCCEEDED, 0), logs[-3000:]
        assert re.search(wanted, logs), logs[-3000:]
    assert {path.name for path in tmp_path.iterdir()} >= {"data", "runs", "mlflow.db"}

    status, logs, code = submit("workflows.prepare --source videos --output data/other", env_vars={})
    assert (status, code) == (JobStatus.FAILED, 2)
    assert "error: --output: the relative path 'data/other' means nothing inside a Ray job" in logs

"""The verbs as Ray jobs on a head of their own: prepare, train and a sweep, submitted, read and ended."""

import asyncio
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml
from ray._private.runtime_env.packaging import create_package
from ray.job_submission import JobStatus, JobSubmissionClient

ROOT = Path(__file__).resolve().parent.parent.parent
_SECONDS = 180
_COMMIT = "0123456789abcdef"
_SMALL = (
    "--clip-seconds 1 --frame-rate 8 --size 32 --sample-rate 8000 --min-shift-seconds 0.5 --max-shift-seconds 2 "
    "--log-mel.num-bins 8 --log-mel.window-ms 64 --log-mel.hop-ms 32 --validation-share 0.2 --test-share 0.2"
)


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
        [str(Path(sys.executable).parent / "ray"), "start", "--head", "--block", "--num-cpus=3",
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
def submit(head, tmp_path, monkeypatch):
    """Submits jobs at once, with the runtime environment of the repository; returns status, log and exit code of each.

    Those that are `homeless` do not know where relative paths lie.
    """
    monkeypatch.delenv("RAY_ADDRESS")  # it goes before the client's own address
    client = JobSubmissionClient(head)
    package = yaml.safe_load((ROOT / "infra" / "job.yaml").read_text())
    own = {"SENSORIUM_HOME": str(tmp_path), "OMP_NUM_THREADS": "1", "SENSORIUM_COMMIT": _COMMIT}

    async def ended(job):
        async for _ in client.tail_job_logs(job):
            pass

    async def all_ended(jobs):
        await asyncio.wait_for(asyncio.gather(*map(ended, jobs)), _SECONDS)

    def run(*lines, homeless=()):
        jobs = []
        for line in [*lines, *homeless]:
            variables = {} if line in homeless else own
            environment = {**package, "working_dir": str(ROOT), "env_vars": {**package["env_vars"], **variables}}
            jobs.append(accepted(client, entrypoint=f"python -m {line}", runtime_env=environment))
        asyncio.run(all_ended(jobs))
        return [
            (client.get_job_status(job), client.get_job_logs(job), client.get_job_info(job).driver_exit_code)
            for job in jobs
        ]

    return run


@pytest.mark.ray
@pytest.mark.slow
def test_the_verbs_run_as_jobs(submit, tmp_path):
    prepared, refused = submit(
        "workflows.prepare --source synthetic --output data/scenes --num-videos 24 " + _SMALL,
        homeless=["workflows.prepare --source videos --output data/other"],
    )
    # Neither needs the other: their processes start while the other's wait.
    trained, swept = submit(
        "workflows.train multisensory --data data/scenes --preset tiny --run-name job --num-workers 1",
        "tune.sweep multisensory --data data/scenes --preset tiny --epochs 1 --num-trials 2 --run-name swept",
    )
    for (status, logs, code), wanted in (
        (prepared, r"train +\d+ +\d+ +\d+"),
        (trained, r"model +models:/multisensory/\d"),
        (swept, r"best +0\d .*  models:/multisensory/\d"),
    ):
        assert (status, code) == (JobStatus.SUCCEEDED, 0), logs[-3000:]
        assert re.search(wanted, logs), logs[-3000:]
    assert {path.name for path in tmp_path.iterdir()} >= {"data", "runs", "mlflow.db"}

    status, logs, code = refused
    assert (status, code) == (JobStatus.FAILED, 2)
    assert "error: --output: the relative path 'data/other' means nothing inside a Ray job" in logs

    tags = sqlite3.connect(tmp_path / "mlflow.db").execute(
        "SELECT value FROM tags WHERE key = 'mlflow.source.git.commit'"
    )
    assert {value for (value,) in tags} == {_COMMIT}


def test_a_job_is_sent_the_code_alone(tmp_path):
    for place in ("workflows/train", "infra", "runs/first", "maps", ".venv/bin", "workflows/__pycache__"):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "file").write_text(place)
    shutil.copy(ROOT / ".rayignore", tmp_path)
    package = tmp_path.parent / "package.zip"
    create_package(str(tmp_path), package, include_gitignore=True, include_parent_dir=False)
    with zipfile.ZipFile(package) as found:
        files = {name for name in found.namelist() if not name.endswith("/")}
    assert files == {"workflows/train/file", "infra/file"}

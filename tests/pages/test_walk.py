"""What a user sees of trainings, evaluations, sweeps and models in MLflow's pages, by a real browser."""

import asyncio
import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import mlflow
import pytest

from tests.pages.browser import PROGRAM
from tests.pages.walk import stops, walk
from tune import sweep
from workflows.cli import command
from workflows.evaluate import __main__ as evaluate
from workflows.train import __main__ as train

ROOT = Path(__file__).resolve().parent.parent.parent
pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.skipif(PROGRAM is None, reason="there is no Chromium")]


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address) as answer:
            return answer.status == 200
    except urllib.error.URLError:
        return False


@pytest.fixture
def server(tracking) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "workflows.ui", "--port", str(port)],
        cwd=ROOT, env={**os.environ, "MLFLOW_TRACKING_URI": tracking}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    assert process.stdout is not None
    for line in process.stdout:
        if b"startup complete" in line:
            break
    while not _answers(address):  # it says so a moment before it listens
        assert process.poll() is None
    yield address
    process.terminate()
    process.wait()


def test_pages_of_mlflow_show_what_the_commands_made(server, tracking, small_dataset, monkeypatch, tmp_path):
    def run(main, arguments):
        monkeypatch.setattr(sys, "argv", ["command", *arguments.split()])
        command.run(main)

    run(train.main, f"multisensory --preset tiny --epochs 2 --num-workers 0 --run-name walked --data {small_dataset}")
    run(evaluate.main, f"--model models:/multisensory/1 --data {small_dataset} --output {tmp_path}/report")
    shared = f"--preset tiny --epochs 2 --scheduler none --data {small_dataset}"
    run(sweep.main, f"multisensory --num-trials 3 --run-name searched {shared}")
    client = mlflow.MlflowClient(tracking)
    experiment = client.get_experiment_by_name("multisensory")
    assert experiment is not None
    asyncio.run(walk(server, list(stops(client, experiment)), tmp_path))

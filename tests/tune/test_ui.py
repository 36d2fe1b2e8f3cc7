"""What a user sees of a sweep in MLflow's pages, by a real browser."""

import asyncio
import json
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

from tests.tune.browser import PROGRAM, browsing
from tune import sweep as verb
from workflows.cli import command

ROOT = Path(__file__).resolve().parent.parent.parent
pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.skipif(PROGRAM is None, reason="there is no Chromium")]

_EXPAND = """(() => {
    const cells = [...document.querySelectorAll('[role=gridcell]')].filter(cell => cell.innerText.includes('seen'));
    const button = cells.map(cell => cell.querySelector('button')).find(Boolean);
    if (button) button.click();
    return Boolean(button);
})()"""


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


def test_a_sweep_shows_its_trials_and_their_curves(server, tracking, small_dataset, monkeypatch, tmp_path):
    arguments = f"--preset tiny --epochs 2 --num-trials 2 --scheduler none --run-name seen --data {small_dataset}"
    monkeypatch.setattr(sys, "argv", ["tune.sweep", "multisensory", *arguments.split()])
    command.run(verb.main)
    client = mlflow.MlflowClient(tracking)
    experiment = client.get_experiment_by_name("multisensory")
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id])
    trials = {run.info.run_name: run.info.run_id for run in runs if "mlflow.parentRunId" in run.data.tags}
    assert len(trials) == 2
    asyncio.run(look(server, experiment.experiment_id, trials, tmp_path / "browser"))


async def look(server: str, experiment: str, trials: dict[str, str], folder: Path) -> None:
    base = f"{server}/#/experiments/{experiment}/runs"
    async with browsing(folder) as page:
        await page.open(f"{base}?workflowType=machine_learning")
        await page.until("document.body.innerText.includes('seen')")
        await page.until(_EXPAND)
        await page.until(f"{json.dumps(list(trials))}.every(name => document.body.innerText.includes(name))")
        for run in trials.values():
            await page.open(f"{base}/{run}/model-metrics")
            await page.until("document.body.innerText.includes('train')")
            assert await page.until("document.querySelectorAll('.scatterlayer .js-line').length") >= 1

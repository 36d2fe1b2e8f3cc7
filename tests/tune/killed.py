"""Sweeps killed at a random moment and gone on with: is any trial lost, run twice to its end, or left running?

python -m tests.tune.killed --data DATASET [--times 5]
"""

import os
import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import mlflow

from infra import storage
from infra.tracking import tracking_uri
from workflows.cli import command

ROOT = Path(__file__).resolve().parent.parent.parent
_LATEST_SECONDS = 60.0


def kill(data: str, times: int = 5, num_trials: int = 6, epochs: int = 3, seed: int = 0) -> None:
    """Start, kill and resume a sweep so many times; print what became of its trials.

    Args:
        data: Dataset to train on.
        times: Sweeps.
        num_trials: Trials of each.
        epochs: Epochs of a trial.
        seed: Seed of the moments.
    """
    chance = random.Random(seed)
    failures = 0
    for number in range(times):
        name = f"killed-{int(time.time())}"
        moment = chance.uniform(1, _LATEST_SECONDS)
        options = ["--preset", "tiny", "--epochs", str(epochs), "--num-trials", str(num_trials), "--data", data]
        process = _start(*options, "--run-name", name)
        try:
            process.wait(moment)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        folder = Path(storage.resolve(f"runs/{name}", field="--run-name"))
        if not (folder / "sweep.json").exists():
            print(f"{number}: killed after {moment:4.1f} s, before the sweep was on record: nothing to resume")
            continue
        before = _ended(folder)
        code = _start("--resume", name).wait()
        after = _ended(folder)
        again = [trial for trial in before if after.get(trial) != before[trial]]
        statuses = _statuses(name)
        good = code == 0 and len(after) == num_trials and not again and "RUNNING" not in statuses
        failures += not good or sum(statuses.values()) != num_trials + 1
        print(
            f"{number}: killed after {moment:4.1f} s with {len(before)} of {num_trials} ended; resumed: exit {code}, "
            f"{len(after)} ended, {len(again)} of them again, runs {dict(statuses)}",
            flush=True,
        )
    print(f"{failures} of {times} sweeps lost, repeated or left something running")
    sys.exit(failures > 0)


def _start(*options: str) -> subprocess.Popen[bytes]:
    words = [sys.executable, "-m", "tune.sweep", "multisensory", *options]
    return subprocess.Popen(words, cwd=ROOT, env=os.environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _ended(folder: Path) -> dict[str, int]:
    """Return when the record of every trial that ended was last written."""
    records = {path: storage.read_json(str(path)) for path in folder.glob("*/trial.json")}
    return {path.parent.name: path.stat().st_mtime_ns for path, record in records.items() if record.get("status")}


def _statuses(name: str) -> Counter[str]:
    """Return how many of the sweep's runs, its own among them, are in which state."""
    client = mlflow.MlflowClient(tracking_uri())
    experiment = client.get_experiment_by_name("multisensory")
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id])
    parent = next(run for run in runs if run.info.run_name == name)
    own = [run for run in runs if run.data.tags.get("mlflow.parentRunId") == parent.info.run_id]
    return Counter(run.info.status for run in (parent, *own))


if __name__ == "__main__":
    command.run(lambda: command.parse(kill))

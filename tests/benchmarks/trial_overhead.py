"""What a trial of a sweep costs beyond its own training, and where it goes.

python -m tests.benchmarks.trial_overhead --data DATASET [--workers-per-trial 2]

A trial's own time is that of its steps and validations. All else is overhead: waiting for a process and starting it, opening the
run, starting its workers, checkpoints and logging, and the model that is kept at the end. What a sweep does once, its cluster,
table and figures, is given apart.
"""

import heapq
import os
import subprocess
import sys
import time
from typing import Any

import numpy as np

from infra import storage
from infra.tracking import Run
from workflows.cli import command


def measure(
    data: str, workers_per_trial: int = 0, max_concurrent: int = 2, num_trials: int = 6, epochs: int = 3
) -> None:
    """Run a sweep without early stopping and say where its time went.

    Args:
        data: Dataset to train on.
        workers_per_trial: As in tune.sweep.
        max_concurrent: As in tune.sweep.
        num_trials: As in tune.sweep.
        epochs: As in tune.sweep.
    """
    name = f"overhead-{workers_per_trial}-{int(time.time())}"
    options = {
        "data": data,
        "workers-per-trial": workers_per_trial,
        "max-concurrent": max_concurrent,
        "num-trials": num_trials,
        "epochs": epochs,
        "scheduler": "none",
        "run-name": name,
    }
    arguments = [word for option, value in options.items() for word in (f"--{option}", str(value))]
    began = time.time()
    subprocess.run(
        [sys.executable, "-m", "tune.sweep", "multisensory", *arguments], check=True, stdout=subprocess.DEVNULL
    )
    seconds = time.time() - began
    folder = storage.resolve(f"runs/{name}", field="--run-name")
    records = [storage.read_json(uri) for uri in storage.list_files(folder, suffix="/trial.json")]
    slots = max_concurrent if workers_per_trial == 0 else 1
    parts = itemize(records, began=os.path.getmtime(storage.join(folder, "sweep.json")), slots=slots)
    own = parts.pop("own")
    print(f"{num_trials} trials, {workers_per_trial} workers each, {slots} at a time: {seconds:.0f} s in all")
    print(f"own time of a trial      {own:6.1f} s")
    for part, value in parts.items():
        print(f"  {part:<23}{value:6.1f} s")
    print(f"overhead of a trial      {sum(parts.values()):6.1f} s")
    print(f"once, for the sweep      {seconds - (own + sum(parts.values())) * num_trials / slots:6.1f} s")


def itemize(records: list[dict[str, Any]], *, began: float, slots: int) -> dict[str, float]:
    """Return the mean seconds of a trial by part; a trial's wait is counted from the end of the one before in its slot."""
    free = [began] * slots
    rows = []
    for record in sorted(records, key=lambda record: record["began"]):
        stages = record["stages"]
        history = {key: Run(record["run_id"]).metric(key) for key in ("seconds", "saving_seconds")}
        own = history["seconds"] - history["saving_seconds"]
        rows.append(
            {
                "own": own,
                "waiting for a process": record["began"] - heapq.heappop(free),
                "opening the run": stages["open"],
                "workers, checkpoints": stages["work"] - own,
                "keeping the model": stages["conclude"],
            }
        )
        heapq.heappush(free, record["began"] + record["seconds"])
    return {part: float(np.mean([row[part] for row in rows])) for part in rows[0]}


if __name__ == "__main__":
    command.run(lambda: command.parse(measure))

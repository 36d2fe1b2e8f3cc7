"""Walk through MLflow's pages of the runs below the home folder and write a picture of each.

SENSORIUM_HOME=... .venv/bin/python -m tests.pages --server http://127.0.0.1:5000 --experiment coincidence --output FOLDER
"""

import asyncio
from pathlib import Path

import mlflow

from infra.errors import InputError
from infra.tracking.client import tracking_uri
from tests.pages.walk import stops, walk
from workflows.cli import command


def pictures(server: str, experiment: str, output: Path) -> None:
    """Write a picture of every page.

    Args:
        server: Address of MLflow's pages, such as http://127.0.0.1:5000 after make ui.
        experiment: Name of the experiment; it has a training, an evaluation and a sweep.
        output: Folder of the pictures.
    """
    client = mlflow.MlflowClient(tracking_uri())
    found = client.get_experiment_by_name(experiment)
    if found is None:
        raise InputError(f"--experiment: '{experiment}' is unknown; give one of {tracking_uri()}")
    output.mkdir(parents=True, exist_ok=True)
    asyncio.run(walk(server, list(stops(client, found)), output))
    print(output)


def main() -> None:
    """Parse the command line and walk."""
    command.parse(pictures)


if __name__ == "__main__":
    command.run(main)

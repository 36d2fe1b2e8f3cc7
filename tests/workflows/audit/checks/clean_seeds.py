"""How often clean datasets raise an alarm: python -m tests.workflows.audit.checks.clean_seeds --seeds 20.

Each seed is two datasets of its own scenes, one labeled by pairs and one by slices, each audited whole.
"""

import tempfile
from pathlib import Path
from typing import Any

import tyro

from infra import cluster
from tests.workflows.audit.checks import leaky
from workflows.audit.dataset_checks import audit_dataset

_MAX_ROWS = 4000


def audit_clean(seed: int, *, num_recordings: int, null_scenes: int) -> dict[str, dict[str, Any]]:
    """The audits of a seed's two datasets."""
    recordings = leaky.record_scenes(num_recordings, seed=seed)
    audits = {}
    for label_mode in ("pairs", "slice"):
        with tempfile.TemporaryDirectory() as folder:
            leaky.clean(Path(folder), recordings, label_mode=label_mode, seed=seed)
            audits[label_mode] = audit_dataset(folder, max_rows=_MAX_ROWS, null_scenes=null_scenes)
    return audits


def describe(audit: dict[str, Any]) -> str:
    """The verdict and the check that came nearest to an alarm."""
    unsure = [check for check in audit["checks"] if check["smallest_detectable"]]
    nearest = max(unsure, key=lambda check: (check["value"] - check["chance"]) / check["smallest_detectable"])
    above = nearest["value"] - nearest["chance"]
    found = f"{audit['verdict']:<16}nearest to an alarm: {nearest['name']} {above:+.3f} of {nearest['smallest_detectable']:.3f}"
    alarms = [f"{check['name']}, {check['detail']}" for check in audit["checks"] if check["verdict"] == "leak"]
    return "; ALARM ".join([found, *alarms])


def clean_seeds(seeds: int = 20, first: int = 0, recordings: int = 240, null_scenes: int = 120) -> None:
    """Audit clean datasets and count the alarms.

    Args:
        seeds: Number of seeds.
        first: The first of them.
        recordings: Scenes a dataset, two windows of each.
        null_scenes: Scenes with foreign sound in each audit.
    """
    alarms = num_checks = 0
    with cluster.running(num_cpus=2, object_store_mb=200):
        for seed in range(first, first + seeds):
            audits = audit_clean(seed, num_recordings=recordings, null_scenes=null_scenes)
            for label_mode, audit in audits.items():
                print(f"seed {seed:<4}{label_mode:<7}{describe(audit)}", flush=True)
                alarms += sum(check["verdict"] == "leak" for check in audit["checks"])
                num_checks += len(audit["checks"])
    print(f"{alarms} alarms in {num_checks} checks of {2 * seeds} datasets")


if __name__ == "__main__":
    tyro.cli(clean_seeds)

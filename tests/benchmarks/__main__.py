"""How fast it is: one command, one table, one JSON.

python -m tests.benchmarks [--quick] [--only NAME ...] [--output runs/bench] [--docs]
"""

import os
import shutil
import time
from pathlib import Path

os.environ.setdefault("RAY_AUTH_MODE", "disabled")

from infra import cluster, storage
from infra.errors import InputError
from tests.benchmarks import augmentation, gpu, growth, load, prepare, quality, report, tracking, train
from tests.benchmarks.measure import Row, Setting
from workflows.cli import command

GROUPS = {
    "prepare": prepare,
    "load": load,
    "quality": quality,
    "train": train,
    "tracking": tracking,
    "augmentation": augmentation,
    "growth": growth,
    "gpu": gpu,
}


def bench(only: tuple[str, ...] = (), output: str = "runs/bench", quick: bool = False, docs: bool = False) -> None:
    """Measure preparation, loading, training and growth against what else one might do, each as a ratio of this run.

    Args:
        only: Rows or groups of rows (prepare, load, quality, train, tracking, augmentation, growth, gpu); others stay as an earlier run left them.
        output: Folder for bench.json; data for measuring lie in it while this runs.
        quick: Three minutes instead of twenty-five: few clips and one round, so ratios are rough.
        docs: Also put the table into docs/performance.md.
    """
    unknown = [
        name for name in only if name not in GROUPS and not any(name in group.NAMES for group in GROUPS.values())
    ]
    if unknown:
        raise InputError(f"--only: '{unknown[0]}' is no row or group; groups are {', '.join(GROUPS)}")
    uri = storage.join(storage.resolve(output, field="--output"), "bench.json")
    wanted = tuple(row for word in only for row in (GROUPS[word].NAMES if word in GROUPS else (word,)))
    folder = Path(uri).parent / f"data-{os.getpid()}"
    setting = Setting(quick=quick, folder=folder, only=wanted)
    print(report.machine(), flush=True)
    rows: list[Row] = []
    try:
        folder.mkdir(parents=True)
        os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{folder / 'mlflow.db'}"
        with cluster.running(object_store_mb=1500):
            for name, group in GROUPS.items():
                if setting.wants(*group.NAMES):
                    rows += _measured(name, group, setting)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    names = [name for group in GROUPS.values() for name in group.NAMES]
    table = sorted(report.merge(uri, rows) if only else rows, key=lambda row: names.index(row.name))
    report.write(uri, table)
    print(report.markdown(table))
    if docs:
        report.write_page(Path(cluster.ROOT) / "docs" / "performance.md", table)


def _measured(name: str, group, setting: Setting) -> list[Row]:
    """Return the wanted rows of a group, each shown as soon as it is known."""
    began = time.perf_counter()
    rows = []
    for row in group.measure(setting):
        if setting.wants(row.name):
            rows.append(row)
            print(report.line(row), flush=True)
    print(f"{name} took {time.perf_counter() - began:.0f} s\n", flush=True)
    return rows


def main() -> None:
    """Parse the command line and measure."""
    command.parse(bench)


if __name__ == "__main__":
    command.run(main)

"""Tasks and actors of Ray Data that wait on a cluster with a dashboard, and what is said of them; run by test_waiting.py."""

import json
import os
import threading
import time

import ray
import ray.data
from ray.util.placement_group import placement_group, remove_placement_group

from infra import cluster
from infra.waiting import describe_waiting


class Double:
    """What an actor does."""

    def __call__(self, row: dict) -> dict:
        return {"id": 2 * row["id"]}


def slowly(row: dict) -> dict:
    """What a task does."""
    time.sleep(1.5)
    return row


def first_line(dashboard: str | None) -> str:
    """Return what is said first within 20 s; a second passes before the cluster knows of a task."""
    for _ in range(100):
        if line := describe_waiting(dashboard):
            return line
        time.sleep(0.2)
    return ""


def main() -> None:
    """Print, as JSON, what is said of tasks and of actors without room, and of tasks that take turns."""
    said = []
    with cluster.running(num_cpus=2, object_store_mb=150, dashboard=True):
        del os.environ["RAY_ADDRESS"]  # it goes before the address that is given
        dashboard = cluster.dashboard_address()
        items = ray.data.range(4, override_num_blocks=4)
        pool = ray.data.ActorPoolStrategy(size=2)
        for work in (items.map(slowly, num_cpus=1), items.map(Double, num_cpus=1, compute=pool)):
            group = placement_group([{"CPU": 2}])
            ray.get(group.ready())
            thread = threading.Thread(target=work.take_all)
            thread.start()
            said.append(first_line(dashboard))
            remove_placement_group(group)
            turns = []
            while thread.is_alive():
                thread.join(0.3)
                turns.append(describe_waiting(dashboard))
            said.append(turns[-1])
    print(json.dumps(said))


if __name__ == "__main__":
    main()

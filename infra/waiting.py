"""What waits for room on a Ray cluster, and for what: workers, trials, and tasks and actors of Ray Data; said every ten seconds."""

import contextlib
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import ray
from ray.util.placement_group import placement_group_table
from ray.util.state import list_actors, list_tasks
from ray.util.state.exception import RayStateApiException
from tqdm import tqdm

_SECONDS_BETWEEN_LINES = 10.0
_PATIENCE_SECONDS = 5
_MOST = 10_000

Shape = tuple[tuple[str, float], ...]
"""What one worker, trial, task or actor reserves: names of resources, and how much of each."""


@contextlib.contextmanager
def telling(dashboard: str | None) -> Iterator[None]:
    """Print what this process's work waits for, every ten seconds, for as long as the block runs.

    Args:
        dashboard: address of the cluster's dashboard, which alone knows of tasks and actors; None where no other work is on the cluster.
    """
    done = threading.Event()

    def tell() -> None:
        while not done.wait(_SECONDS_BETWEEN_LINES):
            if line := describe_waiting(dashboard):
                tqdm.write(line)

    thread = threading.Thread(target=tell, name="waiting", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join(_PATIENCE_SECONDS)


def describe_waiting(dashboard: str | None) -> str:
    """Return what this process's work waits for until the cluster has room, and how much is free; empty where it goes on.

    Where one of several has room, such as one of many tasks or trials, the others take turns: they do not wait in this sense.
    """
    own = ray.get_runtime_context().get_job_id()
    waiting, working = _groups(own)
    if dashboard:
        with contextlib.suppress(RayStateApiException, OSError):  # it is busy, or gone
            waiting_work, working_work = _tasks(own, dashboard)
            waiting, working = waiting + waiting_work, working | working_work
    wanted = {shape: count for shape, count in waiting.items() if shape and shape not in working}
    if not wanted:
        return ""
    shown = [
        f"{count} x {' and '.join(f'{amount:g} {name}' for name, amount in shape)}" for shape, count in wanted.items()
    ]
    free = ray.available_resources()
    names = sorted({name for shape in wanted for name, _ in shape})
    there = [f"{free.get(name, 0):g}{f' {name}' if len(names) > 1 else ''}" for name in names]
    return f"waiting for {', '.join(shown)}, {' and '.join(there)} free"


def _groups(own: str) -> tuple[Counter[Shape], set[Shape]]:
    """Return what waits and what has room of that which training workers and trials reserve as a group."""
    bundles = [
        (group["state"], _shape(bundle))
        for name, group in placement_group_table().items()
        if name.endswith(own)
        for bundle in group["bundles"].values()
    ]
    waiting = Counter(shape for state, shape in bundles if state in ("PENDING", "RESCHEDULING"))
    return waiting, {shape for state, shape in bundles if state == "CREATED"}


def _tasks(own: str, dashboard: str) -> tuple[Counter[Shape], set[Shape]]:
    """Return what waits and what has room of the tasks, and of the actors, which a task of theirs starts."""

    def tasks(state: str) -> Iterator[Shape]:
        for each in list_tasks(
            dashboard, filters=_in_state(own, state), detail=True, limit=_MOST, timeout=_PATIENCE_SECONDS
        ):
            if not each.placement_group_id:  # the group stands for those in it
                yield _shape(each.required_resources or {})

    waiting = Counter(tasks("PENDING_NODE_ASSIGNMENT"))
    if not waiting:
        return waiting, set()
    alive = _in_state(own, "ALIVE")
    actors = list_actors(dashboard, filters=alive, detail=True, limit=_MOST, timeout=_PATIENCE_SECONDS)
    return waiting, {*tasks("RUNNING"), *(_shape(each.required_resources or {}) for each in actors)}


def _in_state(own: str, state: str) -> list[Any]:
    """Return the filters for what is this job's and in a state."""
    return [("job_id", "=", own), ("state", "=", state)]


def _shape(reserved: Mapping[str, float]) -> Shape:
    return tuple(sorted((name, amount) for name, amount in reserved.items() if amount))

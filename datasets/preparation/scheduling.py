"""How tasks are spread over processors: those of Ray Data where their results are small, and plain ones in a bounded number."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import ray
import ray.data


def all_processors(stream: ray.data.Dataset, *, name: str) -> ray.data.Dataset:
    """Return a stream whose tasks may take every processor at once, under a name that Ray's dashboard shows.

    By default Ray Data reserves resources for each operator, as if results were large: with two processors its tasks begin one
    after another, and two of them take three quarters of the time of one. Without reservations it knows no budget, and would hold
    back tasks while a result waits to be taken. Here results are rows of a few words.
    """
    stream.set_name(name)
    stream.context.op_resource_reservation_enabled = False
    stream.context.downstream_capacity_backpressure_ratio = None
    return stream


def as_task(function: Callable[..., Any], *, num_returns: int = 1) -> Callable[..., Any]:
    """Return what starts a function as a task of one processor, again as often as its process dies, and gives its references."""
    options: Any = ray.remote(num_cpus=1, num_returns=num_returns, max_retries=-1)
    return options(function).remote


def run_tasks(starts: Sequence[Callable[[], Any]], *, at_once: int) -> Iterator[tuple[int, Any]]:
    """Yield the numbers of tasks and what starting them gave, as they end.

    Args:
        starts: each starts a task and returns its reference, or several, of which the first is waited for.
        at_once: tasks that run at once.
    """
    waiting = iter(enumerate(starts))
    running: dict[Any, tuple[int, Any]] = {}

    def start(count: int) -> None:
        for place, begin in itertools.islice(waiting, count):
            refs = begin()
            running[refs[0] if isinstance(refs, list) else refs] = (place, refs)

    start(at_once)
    while running:
        for ref in ray.wait(list(running))[0]:
            yield running.pop(ref)
            start(1)

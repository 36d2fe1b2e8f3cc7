"""One stream of batches for the whole run, read ahead and shuffled as stored; H.264 is decoded batch by batch, in Ray tasks.

The batches follow the read plan from any position, epoch after epoch. Differs from Ray Data's iterators, whose executor runs as a
thread of the training process and does not rest while the trainer is the slower side: on two processors it took most of one, and
a training step two to four times as long.
"""

import collections
import concurrent.futures
import functools
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import pyarrow as pa
import ray

from datasets.config import PreparationConfig
from datasets.reading.read_plan import ReadItem, ReadPlan
from datasets.reading.reader import Batch, collate, decode_table, row_views, to_arrays
from datasets.reading.row_groups import read_rows

_TASK_BYTES = 16 * 2**20
_LARGEST_TASK_BYTES = 128 * 2**20
_TASKS_AHEAD = 2
_SMALL_BATCH_BYTES = 8 * 2**20
"""Copied within a millisecond."""

T = TypeVar("T")


class _Piece(NamedTuple):
    uri: str
    group: int
    rows: list[int]


class BatchStream:
    """Batches of units from any position on.

    Args:
        plan: the order of reading.
        columns: columns to read.
        config: configuration of the dataset.
        position: batch to begin with, counted from the run's first: epoch times steps an epoch, plus the step in it.
    """

    def __init__(self, plan: ReadPlan, *, columns: Sequence[str], config: PreparationConfig, position: int = 0) -> None:
        self.plan, self.columns, self.config = plan, list(columns), config
        self._first_epoch, self._first_step = divmod(position, plan.steps_per_epoch)
        self._span = plan.groups[0].span
        sizes = {
            "frames": config.num_frames * config.size**2 * 3,
            "waveform": 2 * config.num_samples,
            "image": 3 * (config.image_size or 0) ** 2,
        }
        self._row_bytes = sum(size for name, size in sizes.items() if name in self.columns)
        self._waiting: list[pa.Table] = []
        self._tables = _ahead(self._pieces(), functools.partial(_read, columns=self.columns), _on_a_thread())

    def batches(self) -> Iterator[Batch]:
        """Yield the batches without end.

        A large batch is formed while the one before is used. A small one is formed when it is asked for, in less time than a training
        step would lose by sharing Python's lock with a thread.
        """
        decodes = self.config.storage == "h264" and "frames" in self.columns
        formed = self._decoded() if decodes else (collate(members) for members in self._members(self._views))
        large = self._span * self.plan.batch_size * self._row_bytes > _SMALL_BATCH_BYTES
        return _one_ahead(formed) if large else formed

    def _decoded(self) -> Iterator[Batch]:
        """Yield batches whose frames other processes decode, a few batches a task; a thread does without a cluster."""
        num_rows = self._span * self.plan.batch_size
        together = max(1, _TASK_BYTES // (num_rows * self._row_bytes))
        batches = self._members(lambda table: [table[row : row + 1] for row in range(table.num_rows)])
        stored = (
            pa.concat_tables(itertools.chain.from_iterable(members)).combine_chunks()
            for members in _in_groups(batches, together)
        )
        decode = functools.partial(decode_table, config=self.config)
        task_bytes = together * num_rows * self._row_bytes
        place = _on_the_cluster(self.plan.world_size, task_bytes) if ray.is_initialized() else _on_a_thread()
        for table in _ahead(stored, decode, place):
            for begin in range(0, table.num_rows, num_rows):
                yield to_arrays(table[begin : begin + num_rows], config=self.config)

    def _views(self, table: pa.Table) -> list[Batch]:
        return row_views(table, config=self.config)

    def _members(self, rows_of: Callable[[pa.Table], list[T]]) -> Iterator[list[T]]:
        """Yield the rows of one batch after another, as `rows_of` gives them of a pool's table."""
        skip = self._first_step
        for epoch in itertools.count(self._first_epoch):
            step = 0
            members: list[T] = []
            pools = self.plan.pools(epoch)
            for number, pool in enumerate(pools):
                num_units = sum(len(item.units) for item in pool)
                following = sum(len(item.units) for item in pools[(number + 1) % len(pools)])
                rows = rows_of(self._take(self._span * num_units))
                for place, unit in enumerate(self.plan.mixing(epoch, number, num_units)):
                    self._draw(self._span * (following * place // num_units))
                    members += rows[self._span * unit : self._span * (unit + 1)]
                    if len(members) == self._span * self.plan.batch_size:
                        if step >= skip:
                            yield members
                        members = []
                        step += 1
            skip = 0

    def _take(self, num_rows: int) -> pa.Table:
        """Return the next rows, however the reads have cut them."""
        self._draw(num_rows)
        table = pa.concat_tables(self._waiting)
        self._waiting = [table[num_rows:]]
        return table[:num_rows]

    def _draw(self, num_rows: int) -> None:
        """Have so many rows of the next pool waiting: reading goes on while this pool is used, and no step waits for a whole one."""
        while sum(part.num_rows for part in self._waiting) < num_rows:
            self._waiting.append(next(self._tables))

    def _pieces(self) -> Iterator[list[_Piece]]:
        """Yield what one read takes, in order, without end."""
        read: list[_Piece] = []
        num_bytes = 0
        for epoch in itertools.count(self._first_epoch):
            for item in self.plan.items(epoch):
                for piece, size in self._cut(item):
                    read.append(piece)
                    num_bytes += size
                    if num_bytes >= _TASK_BYTES:
                        yield read
                        read, num_bytes = [], 0

    def _cut(self, item: ReadItem) -> Iterator[tuple[_Piece, int]]:
        """Yield the rows of an item in pieces of bounded size, and their stored bytes."""
        group = self.plan.groups[item.group]
        most = max(1, _LARGEST_TASK_BYTES // max(1, group.unit_bytes))
        for begin in range(0, len(item.units), most):
            units = item.units[begin : begin + most]
            yield _Piece(group.uri, group.index, group.rows(units)), len(units) * group.unit_bytes


def _read(pieces: list[_Piece], columns: list[str]) -> pa.Table:
    return pa.concat_tables([read_rows(piece.uri, piece.group, piece.rows, columns) for piece in pieces])


def _in_groups(values: Iterable[T], count: int) -> Iterator[list[T]]:
    source = iter(values)
    while group := list(itertools.islice(source, count)):
        yield group


class _Place(NamedTuple):
    """Where work is done: `start` begins it, `finish` waits for what came out, `ahead` are begun before they are asked for."""

    start: Callable[..., Any]
    finish: Callable[[Any], Any]
    ahead: int = _TASKS_AHEAD


def _on_a_thread() -> _Place:
    pool = concurrent.futures.ThreadPoolExecutor(1)
    return _Place(pool.submit, concurrent.futures.Future.result)


def _on_the_cluster(world_size: int, task_bytes: int) -> _Place:
    """Return Ray's tasks; they reserve no processor, as they would wait for ever where training workers hold all of them."""
    return _Place(
        ray.remote(num_cpus=0)(_call).remote, ray.get, tasks_ahead(world_size, task_bytes, ray.cluster_resources())
    )


def tasks_ahead(world_size: int, task_bytes: int, resources: Mapping[str, float]) -> int:
    """Return how many tasks a worker begins ahead: one for each of its processors, as far as half of the object store holds them.

    Args:
        world_size: workers that share the cluster.
        task_bytes: what a task returns.
        resources: those of the cluster, as Ray names them.
    """
    held = resources.get("object_store_memory", 0.0) / 2 / task_bytes
    return max(_TASKS_AHEAD, int(min(resources.get("CPU", 0.0), held) / world_size))


def _call(work: Callable[[Any], T], value: Any) -> T:
    return work(value)


def _one_ahead(batches: Iterator[Batch]) -> Iterator[Batch]:
    """Yield endless batches, each formed on a thread while the one before is used."""
    pool = concurrent.futures.ThreadPoolExecutor(1)
    coming = pool.submit(next, batches)
    while True:
        batch = coming.result()
        coming = pool.submit(next, batches)
        yield batch


def _ahead(values: Iterable[Any], work: Callable[[Any], T], place: _Place) -> Iterator[T]:
    """Yield what work makes of values, in order, with the next ones always under way."""
    under_way: collections.deque[Any] = collections.deque()
    for value in values:
        under_way.append(place.start(work, value))
        if len(under_way) > place.ahead:
            yield place.finish(under_way.popleft())
    while under_way:
        yield place.finish(under_way.popleft())

"""One stream of batches for the whole run, read ahead: decoded by Ray tasks, or by a thread where that is cheaper.

The tasks follow the read plan and their results are taken in order; batches are formed here. Differs from Ray Data's iterators,
whose executor runs as a thread of the training process and does not rest while the trainer is the slower side: on two processors
it took most of one, and a training step two to four times as long.
"""

import collections
import concurrent.futures
import functools
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import pyarrow as pa
import ray

from datasets.config import PreparationConfig
from datasets.reading.read_plan import ReadItem, ReadPlan
from datasets.reading.reader import Batch, collate, decode_table, read_rows, row_views

_TASK_BYTES = 16 * 2**20
_LARGEST_TASK_BYTES = 128 * 2**20
_TASKS_AHEAD = 2
_SMALL_BATCH_BYTES = 8 * 2**20
"""Copied within a millisecond."""


class _Piece(NamedTuple):
    uri: str
    group: int
    rows: list[int]


class Stream:
    """Batches of pairs, epoch after epoch, from any position.

    Args:
        plan: the order of reading.
        columns: columns to read.
        config: configuration of the dataset.
        first_epoch: epoch to begin with.
        num_epochs: where to end.
    """

    def __init__(
        self,
        plan: ReadPlan,
        *,
        columns: Sequence[str],
        config: PreparationConfig,
        first_epoch: int,
        num_epochs: int,
    ) -> None:
        self.plan, self.config = plan, config
        row_bytes = config.num_frames * config.size**2 * 3 + 2 * config.num_samples
        self._batch_bytes = 2 * plan.batch_pairs * row_bytes
        items = (item for epoch in range(first_epoch, num_epochs) for item in plan.items(epoch))
        pieces = (piece for item in items for piece in _pieces(plan, item, row_bytes))
        self._waiting: list[pa.Table] = []
        self._tables = _read_ahead(
            _tasks(pieces, row_bytes),
            list(columns),
            config,
            decode_on_cluster=ray.is_initialized() and config.storage == "h264",
        )

    def epoch(self, epoch: int, *, first_step: int = 0) -> Iterator[Batch]:
        """Yield the batches of the next epoch; epochs must be asked for in order.

        A large batch is formed while the one before is used. A small one is formed when it is asked for, in less time than a training
        step would lose by sharing Python's lock with a thread.

        Args:
            epoch: number of the epoch.
            first_step: steps to leave out, when a run resumes inside an epoch.
        """
        batches = self._batches(epoch, first_step)
        return _one_ahead(batches) if self._batch_bytes > _SMALL_BATCH_BYTES else batches

    def _batches(self, epoch: int, first_step: int) -> Iterator[Batch]:
        step = 0
        members: list[Batch] = []
        for number, pool in enumerate(self.plan.pools(epoch)):
            rows = row_views(self._take(2 * sum(len(item.pair_rows) for item in pool)), config=self.config)
            num_pairs = len(rows) // 2
            for place, pair in enumerate(self.plan.mixing(epoch, number, num_pairs)):
                self._draw(2 * self.plan.pool_pairs * place // num_pairs)
                members += rows[2 * pair : 2 * pair + 2]
                if len(members) == 2 * self.plan.batch_pairs:
                    if step >= first_step:
                        yield collate(members)
                    members = []
                    step += 1

    def _take(self, num_rows: int) -> pa.Table:
        """Return the next rows, however the tasks have cut them."""
        self._draw(num_rows)
        table = pa.concat_tables(self._waiting)
        self._waiting = [table[num_rows:]]
        return table[:num_rows]

    def _draw(self, num_rows: int) -> None:
        """Have so many rows of the next pool waiting, so that reading goes on while this one is used and no step waits for a whole pool."""
        while sum(part.num_rows for part in self._waiting) < num_rows:
            table = next(self._tables, None)
            if table is None:
                return
            self._waiting.append(table)


def _one_ahead(batches: Iterator[Batch]) -> Iterator[Batch]:
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, batches, None)
        while (batch := coming.result()) is not None:
            coming = pool.submit(next, batches, None)
            yield batch


def _pieces(plan: ReadPlan, item: ReadItem, row_bytes: int) -> Iterator[_Piece]:
    """Yield the rows of an item in pieces that a task can hold when they are decoded: a row group of H.264 may grow a hundredfold."""
    group = plan.groups[item.group]
    most = max(1, _LARGEST_TASK_BYTES // (2 * row_bytes))
    for begin in range(0, len(item.pair_rows), most):
        firsts = item.pair_rows[begin : begin + most]
        yield _Piece(group.uri, group.index, [row for first in firsts for row in (first, first + 1)])


def _read(pieces: list[_Piece], columns: list[str], config: PreparationConfig) -> pa.Table:
    tables = [read_rows(piece.uri, piece.group, piece.rows, columns) for piece in pieces]
    return decode_table(pa.concat_tables(tables), config=config)


def _tasks(pieces: Iterable[_Piece], row_bytes: int) -> Iterator[list[_Piece]]:
    """Yield the pieces in lists of about one task's bytes."""
    task: list[_Piece] = []
    for piece in pieces:
        task.append(piece)
        if row_bytes * sum(len(part.rows) for part in task) >= _TASK_BYTES:
            yield task
            task = []
    if task:
        yield task


def _read_ahead(
    tasks: Iterable[list[_Piece]], columns: list[str], config: PreparationConfig, *, decode_on_cluster: bool
) -> Iterator[pa.Table]:
    """Yield what the tasks read, in order, with the next ones always under way.

    Frames are decoded in processes of Ray; raw frames are read by a thread, as a copy between processes would cost more than
    reading. Ray's tasks reserve no processor: where training workers hold all of them, they would wait for ever.
    """
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        if decode_on_cluster:
            start, finish = ray.remote(num_cpus=0)(_read).remote, ray.get
        else:
            start, finish = functools.partial(pool.submit, _read), concurrent.futures.Future.result
        ahead = collections.deque()
        for task in tasks:
            ahead.append(start(task, columns, config))
            if len(ahead) > _TASKS_AHEAD:
                yield finish(ahead.popleft())
        while ahead:
            yield finish(ahead.popleft())

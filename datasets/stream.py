"""One stream of batches for the whole run, through Ray Data where it runs, in the process where not.

A fresh pass of Ray Data costs over a second before its first batch, so all epochs are one pass: each element is one part of a row
group, read and decoded in a task, delivered in order. Batches are formed here, never by Ray, which may shorten them.
"""

import functools
from collections.abc import Iterator, Sequence

import pyarrow as pa
import ray
import ray.data

from datasets.preparation_config import PreparationConfig
from datasets.read_plan import ReadItem, ReadPlan
from datasets.reader import Batch, decode_table, read_rows, to_arrays

_TASK_BYTES = 32 * 2**20


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
        pieces = [
            {"uri": group.uri, "index": group.index, "rows": _rows(item)}
            for epoch in range(first_epoch, num_epochs)
            for item in plan.items(epoch)
            for group in [plan.groups[item.group]]
        ]
        self._waiting: list[pa.Table] = []
        read = functools.partial(_read, columns=list(columns), config=config)
        self._tables = _through_ray(pieces, read, config) if ray.is_initialized() else map(read, pieces)

    def epoch(self, epoch: int, *, first_step: int = 0) -> Iterator[Batch]:
        """Yield the batches of the next epoch; epochs must be asked for in order.

        Args:
            epoch: number of the epoch.
            first_step: steps to leave out, when a run resumes inside an epoch.
        """
        step = 0
        rest: list[pa.Table] = []
        for number, pool in enumerate(self.plan.pools(epoch)):
            table = self._take(2 * sum(len(item.pair_rows) for item in pool))
            # Slices copy nothing; `take` would join all of the pool's chunks for every batch.
            for pair in self.plan.mixing(epoch, number, table.num_rows // 2):
                rest.append(table.slice(2 * pair, 2))
                if len(rest) == self.plan.batch_pairs:
                    if step >= first_step:
                        yield to_arrays(pa.concat_tables(rest), config=self.config)
                    rest = []
                    step += 1

    def _take(self, num_rows: int) -> pa.Table:
        """Return the next rows, however Ray has cut its blocks."""
        while sum(part.num_rows for part in self._waiting) < num_rows:
            self._waiting.append(next(self._tables))
        table = pa.concat_tables(self._waiting)
        self._waiting = [table[num_rows:]]
        return table[:num_rows]


def _rows(item: ReadItem) -> list[int]:
    return [row for first in item.pair_rows for row in (first, first + 1)]


def _read(piece: dict, *, columns: list[str], config: PreparationConfig) -> pa.Table:
    table = read_rows(piece["uri"], piece["index"], piece["rows"], columns)
    return decode_table(table, config=config)


def _through_ray(pieces: list[dict], read: functools.partial, config: PreparationConfig) -> Iterator[pa.Table]:
    """Yield the rows of all pieces in order, read ahead in Ray tasks as memory allows.

    A task costs about a tenth of a second of processor time whatever it reads, so it reads several row groups.
    """
    context = ray.data.DataContext.get_current()
    context.execution_options.preserve_order = True
    context.enable_progress_bars = False
    row_bytes = config.num_frames * config.size**2 * 3 + 2 * config.num_samples
    num_bytes = row_bytes * sum(len(piece["rows"]) for piece in pieces)
    blocks = min(len(pieces), max(4, num_bytes // _TASK_BYTES))
    stream = ray.data.from_items([{"piece": piece} for piece in pieces], override_num_blocks=blocks).map_batches(
        functools.partial(_read_one, read=read),  # pyright: ignore[reportArgumentType]
        batch_size=1,
        batch_format="numpy",
        # Two tasks a rank, each small enough that every rank's always find a place: a rank whose tasks wait for its
        # full buffer to empty must not keep those of another from starting.
        num_cpus=0.1,
        compute=ray.data.TaskPoolStrategy(size=2),
    )
    yield from stream.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=2)


def _read_one(batch: dict, *, read: functools.partial) -> pa.Table:
    return read(batch["piece"][0])

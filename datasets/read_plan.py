"""Which pairs each rank reads in which order, for the whole run: a position in it is the resume point.

Per epoch the row groups are permuted by (seed, epoch). The pairs, in that order, are cut into one slice a rank, so that all ranks
take equally many steps and a row group is read by one rank, or by two at a border. Within a rank, pairs are mixed over pools of row groups.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

from datasets.reader import RowGroup
from infra.seeding import digest, generator


@dataclasses.dataclass(frozen=True, slots=True)
class ReadItem:
    """Part of a row group that one rank reads in one epoch."""

    epoch: int
    group: int
    pair_rows: tuple[int, ...]


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class ReadPlan:
    """The order of reading; `pool_pairs` bounds how many pairs a rank holds at once to mix them."""

    groups: tuple[RowGroup, ...]
    batch_pairs: int
    world_size: int
    rank: int
    seed: int
    pool_pairs: int

    @property
    def num_pairs(self) -> int:
        """Pairs of the split."""
        return sum(len(group.pair_rows) for group in self.groups)

    @property
    def steps_per_epoch(self) -> int:
        """Steps that every rank takes; what is left over is dropped, another part each epoch."""
        return self.num_pairs // (self.batch_pairs * self.world_size)

    @property
    def digest(self) -> str:
        """Stands for all that decides the order of reading; the same on every rank."""
        groups = [(group.uri, group.index, group.pair_rows) for group in self.groups]
        return digest(groups, self.batch_pairs, self.world_size, self.seed, self.pool_pairs).hex()

    def items(self, epoch: int) -> list[ReadItem]:
        """Return what this rank reads in an epoch, in order."""
        share = self.steps_per_epoch * self.batch_pairs
        begin, end = self.rank * share, (self.rank + 1) * share
        items, position = [], 0
        order = generator(self.seed, "row groups", epoch).permutation(len(self.groups))
        for group in order.tolist():
            rows = self.groups[group].pair_rows
            mine = rows[max(0, begin - position) : max(0, end - position)]
            if mine:
                items.append(ReadItem(epoch, group, mine))
            position += len(rows)
        return items

    def pools(self, epoch: int) -> list[list[ReadItem]]:
        """Return the items of an epoch in the pools over which pairs are mixed."""
        pools: list[list[ReadItem]] = []
        held = 0
        for item in self.items(epoch):
            if not pools or held + len(item.pair_rows) > self.pool_pairs:
                pools.append([])
                held = 0
            pools[-1].append(item)
            held += len(item.pair_rows)
        return pools

    def mixing(self, epoch: int, pool: int, num_pairs: int) -> Sequence[int]:
        """Return the order in which the pairs of a pool are taken."""
        chance: np.random.Generator = generator(self.seed, "pairs", epoch, self.rank, pool)
        return chance.permutation(num_pairs).tolist()

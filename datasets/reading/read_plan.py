"""Which pairs each rank reads in which order, for the whole run: a position in it is the resume point.

Per epoch the row groups are permuted by (seed, epoch). The pairs, in that order, are cut into one slice a rank, so that all ranks
take equally many steps and a row group is read by one rank, or by two at a border. Within a rank, pairs are mixed over pools of row groups.
Where classes are balanced, an epoch has as many pairs but as many of one class as of another: of large classes some, others in every epoch,
of small ones all and some again. What is read again is another visit of the row group, so that a visit has a pair once.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

from datasets.reading.reader import RowGroup
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
    labels: tuple[tuple[str, ...], ...] = ()
    """Class of every pair of every row group, where classes are balanced."""

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
        balanced = (self.labels,) if self.labels else ()
        return digest(groups, self.batch_pairs, self.world_size, self.seed, self.pool_pairs, *balanced).hex()

    def items(self, epoch: int) -> list[ReadItem]:
        """Return what this rank reads in an epoch, in order."""
        share = self.steps_per_epoch * self.batch_pairs
        begin, end = self.rank * share, (self.rank + 1) * share
        items, position = [], 0
        visits = self._balanced(epoch) if self.labels else [(i, group.pair_rows) for i, group in enumerate(self.groups)]
        order = generator(self.seed, "row groups", epoch).permutation(len(visits))
        for visit in order.tolist():
            group, rows = visits[visit]
            mine = rows[max(0, begin - position) : max(0, end - position)]
            if mine:
                items.append(ReadItem(epoch, group, mine))
            position += len(rows)
        return items

    def _balanced(self, epoch: int) -> list[tuple[int, tuple[int, ...]]]:
        """Return the row groups and pairs of an epoch's visits, classes equally often but for what does not divide."""
        classes: dict[str, list[tuple[int, int]]] = {}
        for group, labels in enumerate(self.labels):
            for row, label in zip(self.groups[group].pair_rows, labels, strict=True):
                classes.setdefault(label, []).append((group, row))
        chance = generator(self.seed, "classes", epoch)
        every, left = divmod(self.steps_per_epoch * self.batch_pairs * self.world_size, len(classes))
        visits: dict[tuple[int, int], list[int]] = {}
        for place, label in zip(chance.permutation(len(classes)).tolist(), sorted(classes), strict=True):
            members = classes[label]
            whole, some = divmod(every + (place < left), len(members))
            picked = set(chance.permutation(len(members))[:some].tolist())
            for member, (group, row) in enumerate(members):
                for visit in range(whole + (member in picked)):
                    visits.setdefault((group, visit), []).append(row)
        return [(group, tuple(sorted(rows))) for (group, _), rows in sorted(visits.items())]

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

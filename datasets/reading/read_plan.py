"""The order of reading of each rank, for the whole run: a position in it is the resume point.

Per epoch the row groups are permuted by (seed, epoch). Their units (rows, or pairs of rows) are cut in that order into one slice a
rank, so that all ranks take equally many steps and a row group is read by one rank, or by two at a border. Within a rank, units are
shuffled over pools of row groups. Where classes are balanced, an epoch has as many units but equally many of each class: of large
classes some, others in every epoch, of small ones all, repeatedly. A repeated unit belongs to another visit of its row group, so that
each visit has a unit once.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

from datasets.reading.row_groups import RowGroup, count_units
from infra.seeding import digest, generator


@dataclasses.dataclass(frozen=True, slots=True)
class ReadItem:
    """Part of a row group that one rank reads in one epoch."""

    epoch: int
    group: int
    units: tuple[int, ...]


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class ReadPlan:
    """The order of reading; `pool_bytes` bounds what a rank holds at once to shuffle it, as it is stored."""

    groups: tuple[RowGroup, ...]
    batch_size: int
    """Units a step."""
    world_size: int
    rank: int
    seed: int
    pool_bytes: int
    labels: tuple[tuple[str, ...], ...] = ()
    """Class of every unit of every row group, where classes are balanced."""

    @property
    def num_units(self) -> int:
        """Units of the split."""
        return count_units(self.groups)

    @property
    def steps_per_epoch(self) -> int:
        """Steps that every rank takes; what is left over is dropped, another part each epoch."""
        return self.num_units // (self.batch_size * self.world_size)

    @property
    def digest(self) -> str:
        """Stands for all that decides the order of reading; the same on every rank."""
        groups = [(group.uri, group.index, group.units, group.span, group.unit_bytes) for group in self.groups]
        balanced = (self.labels,) if self.labels else ()
        return digest(groups, self.batch_size, self.world_size, self.seed, self.pool_bytes, *balanced).hex()

    def items(self, epoch: int) -> list[ReadItem]:
        """Return what this rank reads in an epoch, in order."""
        share = self.steps_per_epoch * self.batch_size
        begin, end = self.rank * share, (self.rank + 1) * share
        items, position = [], 0
        visits = self._balanced(epoch) if self.labels else [(i, group.units) for i, group in enumerate(self.groups)]
        order = generator(self.seed, "row groups", epoch).permutation(len(visits))
        for visit in order.tolist():
            group, units = visits[visit]
            mine = units[max(0, begin - position) : max(0, end - position)]
            if mine:
                items.append(ReadItem(epoch, group, mine))
            position += len(units)
        return items

    def _balanced(self, epoch: int) -> list[tuple[int, tuple[int, ...]]]:
        """Return the row groups and units of an epoch's visits, classes equally often but for what does not divide."""
        classes: dict[str, list[tuple[int, int]]] = {}
        for group, labels in enumerate(self.labels):
            for row, label in zip(self.groups[group].units, labels, strict=True):
                classes.setdefault(label, []).append((group, row))
        chance = generator(self.seed, "classes", epoch)
        every, left = divmod(self.steps_per_epoch * self.batch_size * self.world_size, len(classes))
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
        """Return the items of an epoch in the pools over which units are shuffled; each has a batch or more, save the last."""
        pools: list[list[ReadItem]] = []
        held = num_bytes = 0
        for item in self.items(epoch):
            more = len(item.units) * self.groups[item.group].unit_bytes
            if not pools or (held >= self.batch_size and num_bytes + more > self.pool_bytes):
                pools.append([])
                held = num_bytes = 0
            pools[-1].append(item)
            held += len(item.units)
            num_bytes += more
        return pools

    def mixing(self, epoch: int, pool: int, num_units: int) -> Sequence[int]:
        """Return the order in which the units of a pool are taken."""
        chance: np.random.Generator = generator(self.seed, "pairs", epoch, self.rank, pool)
        return chance.permutation(num_units).tolist()

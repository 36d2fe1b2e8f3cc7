"""Held-out clips for an evaluator: the units of a split, of which each process reads its share."""

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np

from datasets.config import PreparationConfig
from datasets.reading.reader import Batch, read_units
from datasets.reading.row_groups import RowGroup, count_units

_HELD_WITH = {"frames": "picture", "waveform": "sound", "log_mel": "sound", "image": "image"}


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class HeldOut:
    """Units of a split; which of them a process reads depends on its rank, what all find together does not."""

    groups: tuple[RowGroup, ...]
    preparation: PreparationConfig
    batch_size: int
    """Units a batch."""
    share: tuple[int, int] = (0, 1)
    """(rank, number of ranks)."""
    consecutive: int = 1
    """Units that a rank takes before the next rank's turn; with whole batches, each batch holds what it holds in one process."""
    first_unit: int = 0
    """Number of the first unit in the split."""

    @property
    def num_units(self) -> int:
        """Units of all ranks."""
        return count_units(self.groups)

    def column_of(self, columns: Sequence[str]) -> str | None:
        """Return the first of some columns that such clips hold, None if they hold none of them; texts they always may."""
        held = self.preparation.modalities
        return next((name for name in columns if _HELD_WITH.get(name, "") in (*held, "")), None)

    def read(self, columns: Sequence[str]) -> Iterator[tuple[np.ndarray, Batch]]:
        """Yield the batches of this rank's share, each with the numbers of its units."""
        rank, world_size = self.share
        numbers = np.arange(self.num_units)
        numbers = numbers[numbers // self.consecutive % world_size == rank] + self.first_unit
        begin = 0
        for batch in self._batches(columns, self.share):
            count = len(batch[columns[0]]) // self.groups[0].span
            yield numbers[begin : begin + count], batch
            begin += count

    def read_all(self, columns: Sequence[str]) -> Iterator[Batch]:
        """Yield the batches of all ranks, in order."""
        return self._batches(columns, (0, 1))

    def blocks(self, num_units: int) -> Iterator["HeldOut"]:
        """Yield consecutive parts of so many units, the last of fewer."""
        waiting: list[RowGroup] = []
        count, first = 0, self.first_unit
        for group in self.groups:
            units = group.units
            while count + len(units) >= num_units:
                part, units = units[: num_units - count], units[num_units - count :]
                waiting.append(dataclasses.replace(group, units=part))
                yield dataclasses.replace(self, groups=tuple(waiting), first_unit=first)
                first, count, waiting = first + num_units, 0, []
            if units:
                waiting.append(dataclasses.replace(group, units=units))
                count += len(units)
        if waiting:
            yield dataclasses.replace(self, groups=tuple(waiting), first_unit=first)

    def _batches(self, columns: Sequence[str], share: tuple[int, int]) -> Iterator[Batch]:
        return read_units(
            self.groups,
            columns=tuple(columns),
            config=self.preparation,
            batch_size=self.batch_size,
            share=share,
            consecutive=self.consecutive,
        )

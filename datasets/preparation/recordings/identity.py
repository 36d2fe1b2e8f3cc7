"""Which sources are of one recording: joined by their sound, their content or their catalog's name, over any number of others."""

import dataclasses

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datasets.preparation.recordings.duplicates import equal_keys, unite

_NAMES = ("content_id", "catalog_id", "recording_id")


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Identities:
    """The recordings of new sources."""

    recording_ids: pa.Array
    groups: np.ndarray
    """Number (sources,) that sources of one recording share."""
    joined: tuple[tuple[str, ...], ...]
    """Recordings of before that a new source shows to be one; each keeps its name and its split."""


def identify(known: pa.Table, new: pa.Table, pairs: np.ndarray) -> Identities:
    """Return the recordings of new sources: that of an older copy, else the first one's name by its catalog, or its content.

    Args:
        known: content_id, catalog_id and recording_id of the sources of before; null where one counts for nothing.
        new: the same of the new ones, whose recording is null but where it was decided by a run that was killed.
        pairs: int64 (pairs, 2) numbers of copies by their sound, counted over known and new.
    """
    count = known.num_rows
    links = [equal_keys(pa.concat_arrays([as_array(known[name]), as_array(new[name])])) for name in _NAMES]
    firsts = unite(count + new.num_rows, pairs, *links)
    decided = np.flatnonzero(as_array(new["recording_id"]).is_valid().to_numpy(zero_copy_only=False))[::-1]
    decided = decided[firsts[count + decided] >= count]
    named_by = np.arange(count + new.num_rows)
    named_by[firsts[count + decided]] = count + decided
    own = as_array(pc.coalesce(new["recording_id"], new["catalog_id"], new["content_id"]))
    names = pa.concat_arrays([as_array(known["recording_id"]), own])
    groups = firsts[count:]
    return Identities(
        recording_ids=names.take(pa.array(named_by[groups])),
        groups=groups,
        joined=_joined(as_array(known["recording_id"]), firsts[:count], groups),
    )


def _joined(recording_ids: pa.Array, firsts: np.ndarray, new: np.ndarray) -> tuple[tuple[str, ...], ...]:
    """Return the recordings of before that stand in one group with a new source, where they are several."""
    meant = np.flatnonzero(np.isin(firsts, new) & recording_ids.is_valid().to_numpy(zero_copy_only=False))
    groups: dict[int, dict[str, None]] = {}
    for group, name in zip(firsts[meant].tolist(), recording_ids.take(pa.array(meant)).to_pylist(), strict=True):
        groups.setdefault(group, {})[name] = None
    return tuple(tuple(names) for names in groups.values() if len(names) > 1)


def as_array(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Return a column in one piece."""
    if isinstance(column, pa.Array):
        return column
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)

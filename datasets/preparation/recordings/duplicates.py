"""Finding copies of recordings among any number of sounds: a job in which the driver sees pairs of rows and no fingerprint.

sample -> group by code -> verify. Of a long sound the codes at which its fingerprint changes least stand for it, as these survive noise
and coding; copies give the same ones. Equal codes meet in one task, where the codes before and after must agree too, so that chance alone makes
few candidates. Each candidate is then compared over its whole length. Codes go to tasks by their own values, by plain Ray tasks: their
number is known before, records are of one size, and numpy sorts them in place, where a sort of Ray Data keeps tables of objects.
"""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import ray

from datasets.preparation.recordings.fingerprint import same_recording
from datasets.preparation.scheduling import as_task
from infra import cluster, storage

_MOST_CODES = 160
"""Codes that stand for a sound; of 5 s of real sounds that is all of them."""
_STEADY_BITS = 20
"""Bits in which a code of a longer sound may differ from its two neighbors together, as three in five of real sounds do."""
_CONTEXT_HOPS = 8
_CONTEXT_SHARE = 0.38
_NEXT_MEMBERS = 3
"""Members of a code's group that each is compared with, beside the first: work stays linear where very many share a code."""
_MOST_LAGS = 3
_BATCH_ROWS = 4096
_BUCKET_ROWS = 32768
_CHUNK_PAIRS = 32768

_RECORD = np.dtype([("code", "<u4"), ("row", "<u4"), ("hop", "<u4"), ("before", "<u4"), ("after", "<u4")])


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Fingerprints:
    """A column of fingerprints, as bytes of uint32: of a Parquet file, or in Ray's object store."""

    place: Any
    """The file's URI, or the reference of an Arrow array."""
    num_rows: int

    def read(self) -> pa.ChunkedArray | pa.Array:
        """Return the column."""
        if isinstance(self.place, str):
            return pq.read_table(storage.open_input(self.place), columns=["fingerprint"])["fingerprint"]
        return ray.get(self.place)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class _Batch:
    parts: tuple[Fingerprints, ...]
    first_row: int
    num_rows: int


def find_copies(parts: Sequence[Fingerprints], *, num_known: int = 0) -> np.ndarray:
    """Return pairs of copies as int64 (pairs, 2) row numbers, counted over all parts in their order.

    Pairs connect all copies of a recording, but not each with each.

    Args:
        parts: fingerprints.
        num_known: rows at the beginning that were compared with each other before, so that only the others are looked up.
    """
    batches = list(_batches(parts))
    if sum(batch.num_rows for batch in batches) <= num_known:
        return np.zeros((0, 2), np.int64)
    if len(batches) == 1:
        return _copies_of(_Sounds.of(batches[0]), num_known)
    with cluster.running():
        candidates = _candidates(batches, num_known)
        return np.concatenate([np.zeros((0, 2), np.int64), *_verified(batches, candidates)])


def group_recordings(fingerprints: dict[str, np.ndarray]) -> dict[str, str]:
    """Return for every name the first name (in the order given) that is a copy of the same recording, all looked up here."""
    names = list(fingerprints)
    column = pa.array([codes.astype(np.uint32).tobytes() for codes in fingerprints.values()], pa.binary())
    firsts = unite(len(names), _copies_of(_Sounds(column), 0))
    return {name: names[first] for name, first in zip(names, firsts.tolist(), strict=True)}


def unite(count: int, *pairs: np.ndarray) -> np.ndarray:
    """Return for each of some things (count,) the first that pairs (pairs, 2) connect it with, over any number of others."""
    links = np.concatenate([np.zeros((0, 2), np.int64), *pairs])
    first = np.arange(count)
    while True:
        before = first.copy()
        low = np.minimum(first[links[:, 0]], first[links[:, 1]])
        # What stood for a thing, too, is led to the lower one: so each pass at least halves the length of a chain.
        for side in (0, 1):
            np.minimum.at(first, before[links[:, side]], low)
            np.minimum.at(first, links[:, side], low)
        first = first[first]
        if np.array_equal(before, first):
            return first


def equal_keys(keys: pa.Array | pa.ChunkedArray) -> np.ndarray:
    """Return pairs (pairs, 2) that connect all places of each key but null."""
    codes = keys.combine_chunks() if isinstance(keys, pa.ChunkedArray) else keys
    numbers = codes.dictionary_encode().indices.fill_null(-1).to_numpy(zero_copy_only=False)
    order = np.argsort(numbers, kind="stable")
    same = (numbers[order[1:]] == numbers[order[:-1]]) & (numbers[order[1:]] >= 0)
    return np.stack([order[:-1][same], order[1:][same]], axis=1)


class _Sounds:
    """Fingerprints laid end to end: those of `rows`, or of all from 0 on."""

    def __init__(self, column: pa.Array | pa.ChunkedArray, rows: np.ndarray | None = None) -> None:
        array = pa.concat_arrays(column.chunks) if isinstance(column, pa.ChunkedArray) and column.num_chunks else column
        array = array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
        array = array.fill_null(b"")
        ends = np.frombuffer(array.buffers()[1], np.int32)[array.offset : array.offset + len(array) + 1].astype(
            np.int64
        )
        data = array.buffers()[2]
        held = b"" if data is None or not len(array) else data[int(ends[0]) : int(ends[-1])]
        self.codes = np.frombuffer(held, "<u4")
        self.starts = (ends - ends[0]) // 4
        self.rows = np.arange(len(array)) if rows is None else rows

    @classmethod
    def of(cls, batch: _Batch) -> "_Sounds":
        column = pa.concat_arrays([_plain(part.read()) for part in batch.parts])
        return cls(column, np.arange(batch.first_row, batch.first_row + batch.num_rows))

    def codes_of(self, row: int) -> np.ndarray:
        place = int(np.searchsorted(self.rows, row))
        return self.codes[self.starts[place] : self.starts[place + 1]]

    def column_of(self, rows: np.ndarray) -> pa.Array:
        return pa.array([self.codes_of(row).tobytes() for row in rows.tolist()], pa.binary())


def _plain(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    if isinstance(column, pa.ChunkedArray):
        return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
    return column


def _batches(parts: Sequence[Fingerprints]) -> Iterator[_Batch]:
    """Yield parts in their order, as many at once as give a task enough to do."""
    held: list[Fingerprints] = []
    first = rows = 0
    for place, part in enumerate(parts):
        held.append(part)
        rows += part.num_rows
        following = parts[place + 1].num_rows if place + 1 < len(parts) else None
        if following is None or rows + following > _BATCH_ROWS:
            yield _Batch(parts=tuple(held), first_row=first, num_rows=rows)
            held, first, rows = [], first + rows, 0


def _copies_of(sounds: _Sounds, num_known: int) -> np.ndarray:
    return _compare(sounds, _best_lags([_grouped([_sample(sounds)], num_known)]))


def _candidates(batches: Sequence[_Batch], num_known: int) -> np.ndarray:
    num_rows = batches[-1].first_row + batches[-1].num_rows
    num_buckets = -(-num_rows // _BUCKET_ROWS)
    sample = as_task(_sample_batch, num_returns=num_buckets)
    sampled = [sample(batch, num_buckets) for batch in batches]
    columns = [[refs] for refs in sampled] if num_buckets == 1 else sampled
    group = as_task(_group_bucket)
    found = [group(num_known, *refs) for refs in zip(*columns, strict=True)]
    del sampled, columns
    return _best_lags([ray.get(ref) for ref in found])


def _sample_batch(batch: _Batch, num_buckets: int) -> Any:
    records = _sample(_Sounds.of(batch))
    if num_buckets == 1:
        return records
    mixed = (records["code"] ^ (records["code"] >> np.uint32(15))) * np.uint32(0x846CA68B)
    buckets = (mixed.astype(np.uint64) * np.uint64(num_buckets)) >> np.uint64(32)
    return [records[buckets == bucket] for bucket in range(num_buckets)]


def _group_bucket(num_known: int, *records: np.ndarray) -> np.ndarray:
    return _best_lags([_grouped(records, num_known)])


def _sample(sounds: _Sounds) -> np.ndarray:
    """Return the records of the codes that stand for each sound, each once: all, or of many the steady ones and of those some values."""
    codes, lengths = sounds.codes, np.diff(sounds.starts)
    if not len(codes):
        return np.zeros(0, _RECORD)
    row = np.repeat(np.arange(len(lengths)), lengths)
    hop = np.arange(len(codes)) - sounds.starts[row]
    change = np.bitwise_count(codes[1:] ^ codes[:-1]).astype(np.int64)
    before, after = np.append(32, change), np.append(change, 32)
    before[hop == 0], after[hop == lengths[row] - 1] = 32, 32
    chosen = np.flatnonzero(codes)
    keys = (row[chosen].astype(np.uint64) << np.uint64(32)) | codes[chosen]
    chosen = chosen[np.sort(np.unique(keys, return_index=True)[1])]
    many = np.bincount(row[chosen], minlength=len(lengths)) > _MOST_CODES
    chosen = chosen[(before + after)[chosen] <= np.where(many[row[chosen]], _STEADY_BITS, 64)]
    share = np.minimum(1.0, _MOST_CODES / np.maximum(np.bincount(row[chosen], minlength=len(lengths)), 1))
    chosen = chosen[(codes[chosen] * np.uint32(2654435761)) < share[row[chosen]] * 2**32]
    records = np.zeros(len(chosen), _RECORD)
    records["code"], records["row"], records["hop"] = codes[chosen], sounds.rows[row[chosen]], hop[chosen]
    for name, step in (("before", -_CONTEXT_HOPS), ("after", _CONTEXT_HOPS)):
        place = np.clip(chosen + step, 0, len(codes) - 1)
        inside = (hop[chosen] + step >= 0) & (hop[chosen] + step < lengths[row[chosen]])
        records[name] = np.where(inside, codes[place], 0)
    return records


def _grouped(parts: Sequence[np.ndarray], num_known: int) -> np.ndarray:
    """Return candidates (candidates, 3): two rows with equal codes, the lower first, and the hops by which the second begins later."""
    codes = np.concatenate([part["code"] for part in parts])
    order = (codes.astype(np.uint64) << np.uint64(32)) | np.arange(len(codes), dtype=np.uint64)
    order.sort()
    values, order = order >> np.uint64(32), (order & np.uint64(0xFFFFFFFF)).astype(np.int64)
    shared = np.zeros(len(order), bool)
    shared[1:] |= values[1:] == values[:-1]
    shared[:-1] |= values[1:] == values[:-1]
    values, order = values[shared], order[shared]
    records = np.concatenate([np.zeros(0, _RECORD), *parts])[order]
    places = np.arange(len(records))
    begins = np.append(True, values[1:] != values[:-1])[: len(values)]
    firsts = np.maximum.accumulate(np.where(begins, places, 0))
    found = [np.zeros((0, 3), np.int64)]
    for distance in range(1, _NEXT_MEMBERS + 1):
        found.append(_agreeing(records, places[distance:] - distance, places[distance:], firsts, num_known))
    far = places[places - firsts > _NEXT_MEMBERS]
    found.append(_agreeing(records, firsts[far], far, firsts, num_known))
    return np.concatenate(found)


def _agreeing(
    records: np.ndarray, first: np.ndarray, second: np.ndarray, groups: np.ndarray, num_known: int
) -> np.ndarray:
    """Return as candidates those pairs of places of which one row is new, and that agree before and after the code."""
    kept = groups[first] == groups[second]
    one, other = records[first[kept]], records[second[kept]]
    bits = np.zeros(len(one), np.int64)
    different = np.zeros(len(one), np.int64)
    for name in ("before", "after"):
        known = (one[name] != 0) & (other[name] != 0)
        bits += 32 * known
        different += np.where(known, np.bitwise_count(one[name] ^ other[name]), 0)
    new = np.maximum(one["row"], other["row"]) >= num_known
    agree = (different <= _CONTEXT_SHARE * bits) & (one["row"] != other["row"]) & new
    one, other = one[agree], other[agree]
    swapped = one["row"] > other["row"]
    one, other = np.where(swapped, other, one), np.where(swapped, one, other)
    lag = one["hop"].astype(np.int64) - other["hop"].astype(np.int64)
    return np.stack([one["row"].astype(np.int64), other["row"].astype(np.int64), lag], axis=1)


def _best_lags(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Return candidates (candidates, 3 or 4) once, with their votes last, and of each pair of rows the lags with the most."""
    found = np.concatenate([np.zeros((0, 4), np.int64), *(_with_votes(part) for part in parts)])
    found = found[np.lexsort((found[:, 2], found[:, 1], found[:, 0]))]
    if not len(found):
        return found
    begins = np.append(True, (found[1:, :3] != found[:-1, :3]).any(axis=1))
    votes = np.add.reduceat(found[:, 3], np.flatnonzero(begins))
    found = found[begins]
    found[:, 3] = votes
    found = found[np.lexsort((found[:, 2], -found[:, 3], found[:, 1], found[:, 0]))]
    pair = np.append(True, (found[1:, :2] != found[:-1, :2]).any(axis=1))
    places = np.arange(len(found))
    return found[places - np.maximum.accumulate(np.where(pair, places, 0)) < _MOST_LAGS]


def _with_votes(candidates: np.ndarray) -> np.ndarray:
    if candidates.shape[1] == 4:
        return candidates
    return np.concatenate([candidates, np.ones((len(candidates), 1), np.int64)], axis=1)


def _verified(batches: Sequence[_Batch], candidates: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the pairs that are copies; each task compares some candidates, whose fingerprints it is given."""
    if not len(candidates):
        return
    chunks = np.array_split(candidates, -(-len(candidates) // _CHUNK_PAIRS))
    pick = as_task(_pick, num_returns=len(chunks))
    wanted = [np.unique(chunk[:, :2]) for chunk in chunks]
    picked = []
    for batch in batches:
        end = batch.first_row + batch.num_rows
        rows = [chosen[(chosen >= batch.first_row) & (chosen < end)] for chosen in wanted]
        refs = pick(batch, rows)
        picked.append([refs] if len(chunks) == 1 else refs)
    compare = as_task(_compare_picked)
    found = [
        compare(chunk, rows, *refs) for chunk, rows, refs in zip(chunks, wanted, zip(*picked, strict=True), strict=True)
    ]
    del picked
    for ref in found:
        yield np.asarray(ray.get(ref))


def _pick(batch: _Batch, wanted: Sequence[np.ndarray]) -> Any:
    sounds = _Sounds.of(batch) if any(len(rows) for rows in wanted) else None
    columns = [pa.array([], pa.binary()) if sounds is None else sounds.column_of(rows) for rows in wanted]
    return columns[0] if len(columns) == 1 else columns


def _compare_picked(candidates: np.ndarray, rows: np.ndarray, *columns: pa.Array) -> np.ndarray:
    return _compare(_Sounds(pa.concat_arrays(columns), rows), candidates)


def _compare(sounds: _Sounds, candidates: np.ndarray) -> np.ndarray:
    """Return those pairs of rows (pairs, 2) of candidates that are copies at one of their lags."""
    found = []
    for first, second, lag, _ in candidates.tolist():
        if found and found[-1] == (first, second):
            continue
        if same_recording(sounds.codes_of(first), sounds.codes_of(second), lag=lag):
            found.append((first, second))
    return np.array(found, np.int64).reshape(-1, 2)

"""The job that finds copies finds the same over many batches and tasks as in one."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import ray

from datasets.preparation.recordings import duplicates
from datasets.preparation.recordings.duplicates import Fingerprints, equal_keys, find_copies, group_recordings, unite
from infra.seeding import generator


def prints(count, hops=300):
    """Return fingerprints whose codes change by few bits from hop to hop, as those of sounds do."""
    chance = generator("prints", count)
    shape = (count, hops)
    changes = chance.integers(2**32, size=shape, dtype=np.uint32) & chance.integers(2**32, size=shape, dtype=np.uint32)
    return np.bitwise_xor.accumulate(changes, axis=1)


def noisy(codes, *, share=0.3):
    """Return a fingerprint of which a share of the codes has one other bit."""
    chance = generator("noise", codes.tobytes())
    bits = np.uint32(1) << chance.integers(32, size=len(codes), dtype=np.uint32)
    return np.where(chance.random(len(codes)) < share, codes ^ bits, codes)


def as_columns(codes, sizes):
    column = pa.array([one.tobytes() for one in codes], pa.binary())
    ends = np.cumsum(sizes)
    return [column.slice(end - size, size) for end, size in zip(ends, sizes, strict=True)]


@pytest.fixture
def copies():
    """120 sounds; the last twenty are trimmed copies of the first twenty."""
    originals = prints(100)
    return [*originals, *(noisy(codes)[40:] for codes in originals[:20])]


def test_copies_are_found_at_their_lags_and_nothing_else(copies):
    groups = group_recordings({str(place): codes for place, codes in enumerate(copies)})
    assert groups == {str(place): str(place - 100 if place >= 100 else place) for place in range(120)}


@pytest.mark.ray
def test_copies_are_the_same_over_files_objects_batches_and_tasks(ray_cluster, copies, monkeypatch, tmp_path):
    sizes = [30, 1, 0, 50, 39]
    parts = []
    for place, column in enumerate(as_columns(copies, sizes)):
        if place % 2:
            parts.append(Fingerprints(place=ray.put(column), num_rows=len(column)))
        else:
            path = str(tmp_path / f"{place}.parquet")
            pq.write_table(pa.table({"fingerprint": column}), path)
            parts.append(Fingerprints(place=path, num_rows=len(column)))
    whole = find_copies(parts)
    for name, value in (("_BATCH_ROWS", 40), ("_BUCKET_ROWS", 50), ("_CHUNK_PAIRS", 7)):
        monkeypatch.setattr(duplicates, name, value)
    spread = find_copies(parts)
    assert sorted(map(tuple, spread)) == sorted(map(tuple, whole)) == [(place, place + 100) for place in range(20)]


def test_copies_among_known_sounds_are_not_looked_for_again(copies):
    parts = [Fingerprints(place=None, num_rows=120)]
    assert len(find_copies(parts, num_known=120)) == 0


@pytest.mark.ray
def test_copies_of_known_sounds_are_found_among_the_new(ray_cluster, copies):
    column = as_columns(copies, [120])[0]
    parts = [Fingerprints(place=ray.put(column), num_rows=120)]
    assert sorted(map(tuple, find_copies(parts, num_known=110))) == [(place, place + 100) for place in range(10, 20)]


def test_copies_of_one_recording_by_the_hundred_are_all_united():
    original = prints(1)[0]
    groups = group_recordings({str(place): noisy(original, share=place / 500) for place in range(200)})
    assert set(groups.values()) == {"0"}


def test_a_sound_of_one_repeated_code_is_compared_once():
    hum = np.full(1800, 77, np.uint32)
    assert set(group_recordings({"a": hum, "b": hum}).values()) == {"a"}


def test_fingerprints_of_no_sound_match_nothing():
    none = np.zeros(0, np.uint32)
    assert group_recordings({"a": none, "b": none}) == {"a": "a", "b": "b"}
    assert group_recordings({}) == {}


def test_uniting_follows_chains_of_any_length_and_order():
    chain = generator("chain").permutation(1000)
    links = np.stack([chain[:-1], chain[1:]], axis=1)
    assert set(unite(1002, links).tolist()) == {0, 1000, 1001}
    assert unite(3).tolist() == [0, 1, 2]


def test_equal_keys_connect_and_null_ones_do_not():
    keys = pa.array(["a", None, "b", "a", None, "a"])
    assert unite(6, equal_keys(keys)).tolist() == [0, 1, 2, 0, 4, 0]

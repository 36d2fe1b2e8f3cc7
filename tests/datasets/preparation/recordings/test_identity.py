import numpy as np
import pyarrow as pa

from datasets.preparation.recordings.identity import identify

_NAMES = ("content_id", "catalog_id", "recording_id")


def table(*rows):
    """Return sources of (content, catalog, recording)."""
    return pa.table({name: pa.array([row[place] for row in rows], pa.string()) for place, name in enumerate(_NAMES)})


def named(known, new, *pairs):
    found = identify(table(*known), table(*new), np.array(pairs, np.int64).reshape(-1, 2))
    return found.recording_ids.to_pylist(), found.joined


def test_identity_runs_over_upload_and_sound():
    new = [("a", "upload", None), ("b", "upload", None), ("c", None, None)]
    assert named([], new, (1, 2)) == (["upload"] * 3, ())


def test_identity_of_new_copies_is_that_of_the_oldest():
    known = [("a", None, "old"), ("b", None, "other")]
    new = [("a", "upload", None), ("c", "upload", None), ("d", None, None)]
    assert named(known, new) == (["old", "old", "d"], ())


def test_identity_that_joins_two_old_recordings_is_said():
    known = [("a", "first", "first"), ("b", None, "second"), ("c", None, "third")]
    assert named(known, [("b", "first", None)]) == (["first"], (("first", "second"),))


def test_identity_decided_by_a_killed_run_stays():
    new = [("a", None, None), ("b", None, "planned"), ("c", None, None)]
    assert named([], new, (0, 1), (1, 2)) == (["planned"] * 3, ())


def test_identity_of_removed_videos_counts_for_nothing():
    assert named([(None, None, None)], [("a", None, None)])[0] == ["a"]

import dataclasses

import numpy as np
import pytest

from tests.workflows.audit.checks import leaky
from workflows.audit.checks.duplicates import check_duplicates


@pytest.fixture(scope="module")
def recordings():
    return leaky.record_scenes(20, seed=0)


def test_duplicates_check_passes_separate_recordings(tmp_path, recordings):
    leaky.clean(tmp_path, recordings)
    check = check_duplicates(str(tmp_path))
    assert (check.verdict, check.value, check.detail) == ("pass", 0.0, "20 recordings, each in one split")


def test_duplicates_check_finds_one_name_in_two_splits(tmp_path, recordings):
    leaky.clean(tmp_path, [*recordings, dataclasses.replace(recordings[1], split="validation")])
    check = check_duplicates(str(tmp_path))
    assert (check.verdict, check.value) == ("leak", 1.0)
    assert check.detail.startswith("scene-0001")


def test_duplicates_check_finds_silent_copies_by_content(tmp_path, recordings):
    silent = dataclasses.replace(recordings[1], name="silent", waveform=np.zeros_like(recordings[1].waveform))
    leaky.clean(tmp_path, [*recordings, silent, dataclasses.replace(silent, name="copy", split="test")])
    check = check_duplicates(str(tmp_path))
    assert (check.verdict, check.value) == ("leak", 1.0)


def test_duplicates_check_counts_recoded_copies(tmp_path, recordings):
    leaky.duplicates(tmp_path, recordings)
    assert check_duplicates(str(tmp_path)).value == leaky.NUM_COPIES

"""One file that cannot be used is one row of the table of errors; the others are prepared."""

import json

import numpy as np
import pytest

from datasets.clips.windows import PlannedWindow
from datasets.media import SOUND, probe, read_sound
from datasets.preparation import operators
from datasets.preparation.probing import probe_row
from datasets.preparation.recordings.fingerprint import SAMPLE_RATE, fingerprint
from datasets.preparation.shards import PlannedSource
from datasets.sources.source import Source
from tests.datasets.media.damage import RATE, write


@pytest.fixture
def not_finite(tmp_path):
    """A video whose sound, of floating-point numbers, holds one NaN."""
    sound = np.random.default_rng(0).normal(0, 0.1, 2 * RATE).astype(np.float32)
    sound[RATE] = np.nan
    return write(tmp_path / "nan.mkv", audio="pcm_f32le", sound=sound)


def planned(path):
    window = PlannedWindow(start_seconds=0.6, sound_start_seconds=0.6, in_sync=True, shift_seconds=None, pair=None)
    return PlannedSource(
        path=str(path),
        video_id=path.name,
        content_id=path.name,
        recording_id=path.name,
        label=None,
        windows=(window,),
        line=probe(path, needs=[SOUND]),
    )


def probed(path, config, folder):
    row = probe_row(Source(path=str(path), video_id=path.name), config)
    return operators.probe_source(row, dataset=str(folder / "clips"), config=config)


def decoded(sources, config, folder):
    """Return the clips of sources and their errors."""
    dataset = str(folder / "clips")
    done = [operators.decode_source(one, dataset=dataset, config=config) for one in sources]
    return tuple([row for one in done for row in one[place]] for place in (0, 1))


def test_fingerprint_of_sound_that_is_not_finite_is_an_error(not_finite, small_config, tmp_path):
    row = probed(not_finite, small_config, tmp_path)
    assert json.loads(row["error"])["reason"] == "sound is not finite"
    assert row["fingerprint"] == b""


def test_fingerprint_of_the_probing_pass_is_that_of_the_sound(small_config, tmp_path):
    path = write(tmp_path / "good.mkv")
    row = probed(path, small_config, tmp_path)
    sound = read_sound(path, line=probe(path), sample_rate=SAMPLE_RATE, longest_seconds=60.0)
    codes = np.frombuffer(row["fingerprint"], np.uint32)
    assert len(codes) > 30
    assert np.array_equal(codes, fingerprint(sound))


def test_decoding_goes_on_after_a_source_that_is_not_finite(not_finite, small_config, tmp_path):
    good = write(tmp_path / "good.mkv")
    clips, errors = decoded([planned(not_finite), planned(good)], small_config, tmp_path)
    assert [(error["source"], error["reason"]) for error in errors] == [(str(not_finite), "sound is not finite")]
    assert [(clip["video_id"], len(clip["log_mel"]) > 0) for clip in clips] == [("good.mkv", True)]


def test_an_unexpected_error_of_one_source_is_an_error_row(small_config, tmp_path):
    good = planned(write(tmp_path / "good.mkv"))
    impossible = PlannedSource(**{**{name: getattr(good, name) for name in PlannedSource.__slots__}, "line": None})
    clips, (error,) = decoded([impossible, good], small_config, tmp_path)
    assert (error["stage"], error["reason"]) == ("decode", "cannot be read")
    assert error["detail"].startswith("AttributeError: ")
    assert len(clips) == 1

"""Damaged files: each is read as far as it goes or gives a named error, and never ends anything else."""

import json
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest

from datasets.media import MediaError, Window, cut, probe, read_sound, reading
from tests.datasets.media.damage import RATE, read_all, write

NUM_COPIES = 40
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def announces_more(tmp_path):
    """A transport stream whose tables announce 40 sounds in its middle, as a flipped byte may make them."""
    whole = write(tmp_path / "whole.ts", seconds=16).read_bytes()
    tables = write(tmp_path / "many.ts", num_sounds=40).read_bytes()[: 8 * 188]
    half = len(whole) // 2 // 188 * 188
    path = tmp_path / "announces_more.ts"
    path.write_bytes(whole[:half] + tables + whole[half:])
    return path


def test_streams_announced_late_leave_the_others_readable(announces_more):
    with av.open(str(announces_more)) as container, pytest.raises(IndexError):
        list(container.demux(container.streams.video[0], container.streams.audio[0]))
    info = probe(announces_more)
    assert info.spans() == [pytest.approx((0.0, 16.0), abs=0.1)]
    sound = read_sound(announces_more, line=info, sample_rate=8000, longest_seconds=60)
    assert len(sound) == pytest.approx(16 * 8000, rel=0.01)
    assert set(read_all(announces_more).values()) == {"read"}


@pytest.mark.parametrize(
    ("name", "video"), [("a.ts", "libx265"), ("a.ts", "libx264"), ("a.mkv", "libx264"), ("a.mp4", "libx264")]
)
def test_files_with_flipped_bytes_are_read_or_named_errors(tmp_path, name, video):
    path = write(tmp_path / name, video=video)
    command = [sys.executable, "-m", "tests.datasets.media.damage", str(path), str(NUM_COPIES)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert sum(found.values()) == 5 * NUM_COPIES
    assert found["probe: read"] > NUM_COPIES / 4


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_sound_that_is_not_finite_is_a_named_error(tmp_path, value):
    sound = np.zeros(2 * RATE, np.float32)
    sound[RATE] = value
    path = write(tmp_path / "a.mkv", audio="pcm_f32le", sound=sound)
    with pytest.raises(MediaError, match="sound is not finite"):
        read_sound(path, line=probe(path), sample_rate=8000, longest_seconds=9)
    windows = [Window(start_seconds=0.5, sound_start_seconds=start) for start in (0.0, 0.9)]
    options = {"line": probe(path), "clip_seconds": 0.5, "frame_rate": 8, "size": 32, "sample_rate": 8000}
    assert len(list(cut(path, windows[:1], **options))) == 1
    with pytest.raises(MediaError, match="sound is not finite"):
        list(cut(path, windows, **options))


def test_unexpected_errors_get_a_name_but_lack_of_memory_does_not():
    with pytest.raises(MediaError) as found, reading("probe"):
        raise ZeroDivisionError("division by zero")
    assert found.value.args == ("probe", "cannot be read", "ZeroDivisionError: division by zero")
    with pytest.raises(MemoryError), reading("probe"):
        raise MemoryError
    with pytest.raises(MediaError, match="cannot be read"), reading("probe"):
        raise av.error.MemoryError(12, "Cannot allocate memory")


def test_lists_of_other_files_are_not_followed(tmp_path):
    write(tmp_path / "secret.mp4")
    (tmp_path / "list.mp4").write_text("ffconcat version 1.0\nfile secret.mp4\n")
    with pytest.raises(MediaError, match="cannot open"):
        probe(tmp_path / "list.mp4")

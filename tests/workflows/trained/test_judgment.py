"""A model judges whole files: with a probability and a map, or it says that it cannot tell, and why."""

import numpy as np
import pytest

from datasets.media import write_video
from infra.errors import InputError
from workflows.trained.serving import load

pytestmark = pytest.mark.ray


@pytest.fixture
def model(trained):
    return load(trained.model_folder)


def video(path, *, pictures=None, sound=None, seconds=3):
    chance = np.random.default_rng(0)
    frames = chance.integers(0, 256, (8 * seconds, 32, 32, 3)).astype(np.uint8) if pictures is None else pictures
    samples = 0.3 * chance.standard_normal(8000 * seconds).clip(-3, 3) if sound is None else sound
    write_video(str(path), iter(frames), samples, frame_rate=8, sample_rate=8000)
    return path


def test_a_file_is_judged_by_the_mean_evidence_of_its_windows(model, scene_folder):
    path = sorted(scene_folder.glob("*.mp4"))[0]
    found = model.judge(path)
    assert found.can_tell
    assert len(found.seconds) == 4
    logits = np.log(found.probabilities / (1 - found.probabilities))
    assert found.probability == pytest.approx(1 / (1 + np.exp(-logits.mean())), abs=1e-5)
    assert found.map is not None
    assert found.map.ndim == 2
    assert str(found) == f"in sync with probability {found.probability:.2f}, by 4 of 4 windows"


def test_a_file_of_black_frames_and_silence_cannot_be_told(model, tmp_path):
    path = video(tmp_path / "black.mp4", pictures=np.zeros((24, 32, 32, 3), np.uint8), sound=np.zeros(24000))
    found = model.judge(path)
    assert (found.can_tell, found.map) == (False, None)
    assert np.isnan(found.probability)
    assert str(found) == "cannot tell: all of it is silent or of one color"


def test_windows_of_silence_do_not_count(model, tmp_path):
    sound = 0.3 * np.random.default_rng(0).standard_normal(24000).clip(-3, 3)
    sound[:9000] = 0
    found = model.judge(video(tmp_path / "half.mp4", sound=sound))
    assert np.isnan(found.probabilities).tolist() == [True, False, False]
    assert str(found).endswith("by 2 of 3 windows")


def test_files_that_hold_too_little_cannot_be_told(model, tmp_path, sound_table):
    short = video(tmp_path / "short.mp4", pictures=np.zeros((4, 32, 32, 3), np.uint8), sound=np.zeros(4000))
    broken = tmp_path / "broken.mp4"
    broken.write_text("no video")
    for path, words in ((short, "lasts less than 1 s"), (broken, ""), (sound_table.parent / "0.wav", "")):
        found = model.judge(path)
        assert str(found).startswith("cannot tell: ")
        assert words in found.reason


def test_a_file_is_looked_for_below_the_working_folder_and_below_the_home_folder(model, tmp_path, monkeypatch):
    monkeypatch.setenv("SENSORIUM_HOME", str(tmp_path))
    (tmp_path / "notebooks").mkdir()
    for name, folder in (("here.mp4", tmp_path / "notebooks"), ("home.mp4", tmp_path)):
        video(folder / name)
        monkeypatch.chdir(tmp_path / "notebooks")
        assert len(model.judge(name).seconds) == 3


def test_a_file_that_is_not_there_is_refused(model, tmp_path):
    with pytest.raises(InputError, match=r"judge: '.*none.mp4' does not exist"):
        model.judge(tmp_path / "none.mp4")

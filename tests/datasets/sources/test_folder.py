import os
import tempfile
from pathlib import Path

import pytest

from datasets.sources import folder
from infra.errors import InputError


def test_a_folder_is_walked_to_any_depth_and_the_parent_is_the_label(tmp_path):
    for name in ("top.mp4", "dog/a.mp4", "b/c/cat/x.WEBM", "notes.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = {source.video_id: source.label for source in folder.index(str(tmp_path))[0]}
    assert found == {"top.mp4": None, "dog/a.mp4": "dog", "b/c/cat/x.WEBM": "cat"}


def test_a_missing_or_empty_folder_is_named(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        folder.index(str(tmp_path / "none"))
    with pytest.raises(InputError, match="holds no media files"):
        folder.index(str(tmp_path))


def test_linked_folders_are_followed_once_even_in_a_circle(tmp_path):
    elsewhere = tmp_path / "elsewhere" / "dogs"
    elsewhere.mkdir(parents=True)
    (elsewhere / "bark.mp4").touch()
    (elsewhere / "back").symlink_to(tmp_path / "videos")
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos" / "dogs").symlink_to(elsewhere)
    assert [source.video_id for source in folder.index(str(tmp_path / "videos"))[0]] == ["dogs/bark.mp4"]


ENDINGS = "3g2 m2t m2v qt mpe dv divx rmvb ogm wtv m1v amv gxf nut tod wma aiff mp2 oga M2TS"


@pytest.mark.parametrize("ending", ENDINGS.split())
def test_a_folder_takes_files_of_every_ending_that_is_read(tmp_path, ending):
    (tmp_path / f"a.{ending}").touch()
    assert [source.video_id for source in folder.index(str(tmp_path))[0]] == [f"a.{ending}"]


def test_a_folder_counts_the_endings_that_are_left_out(tmp_path):
    (tmp_path / ".git").mkdir()
    for name in ("a.mp4", "plain", "a.json", "b.json", "c.txt", ".hidden", ".git/HEAD"):
        (tmp_path / name).touch()
    said = []
    sources, missing = folder.index(str(tmp_path), say=said.append)
    assert [source.video_id for source in sources] == ["a.mp4", "plain"]
    assert missing == []
    (line,) = said
    assert "2 .json" in line and "1 .txt" in line and "2 no ending" in line
    for name in ("a.mp4", "plain"):
        (tmp_path / name).unlink()
    with pytest.raises(InputError, match=r"holds no media files \(.*2 \.json.*give a folder"):
        folder.index(str(tmp_path))


@pytest.fixture
def as_nobody():
    """Runs the test as a user whom permissions hold, in a folder that all may enter."""
    with tempfile.TemporaryDirectory() as place:
        os.chmod(place, 0o755)
        Path(place, "shut").mkdir()
        Path(place, "shut", "b.mp4").touch()
        Path(place, "a.mp4").touch()
        Path(place, "shut").chmod(0)
        root = os.geteuid() == 0
        if root:
            os.seteuid(65534)
        yield place
        if root:
            os.seteuid(0)
        Path(place, "shut").chmod(0o755)


def test_a_folder_without_permission_is_an_error_row(as_nobody):
    sources, missing = folder.index(as_nobody)
    assert [source.video_id for source in sources] == ["a.mp4"]
    assert [(row["source"], row["reason"]) for row in missing] == [(f"{as_nobody}/shut", "folder cannot be read")]
    assert missing[0]["detail"].startswith("Permission denied")

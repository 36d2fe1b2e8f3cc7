import pytest

from datasets.sources import folder
from infra.errors import InputError


def test_a_folder_is_walked_to_any_depth_and_the_parent_is_the_label(tmp_path):
    for name in ("top.mp4", "dog/a.mp4", "b/c/cat/x.WEBM", "notes.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = {source.video_id: source.label for source in folder.index(str(tmp_path))}
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
    assert [source.video_id for source in folder.index(str(tmp_path / "videos"))] == ["dogs/bark.mp4"]

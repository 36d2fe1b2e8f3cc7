"""What a verb writes for a user replaces nothing that the user put there."""

from pathlib import Path

import pytest

from infra.errors import InputError
from infra.outputs import refuse_foreign, writing


def write(folder, text="ours"):
    with writing(str(folder), ["a.mp4"]):
        Path(folder, "a.mp4").write_text(text)


def test_outputs_may_be_written_again(tmp_path):
    write(tmp_path)
    write(tmp_path, "again")
    assert (tmp_path / "a.mp4").read_text() == "again"


def test_outputs_that_were_cut_off_may_be_written_again(tmp_path):
    try:
        with writing(str(tmp_path), ["a.mp4"]):
            (tmp_path / "a.mp4").write_text("half")
            raise KeyboardInterrupt
    except KeyboardInterrupt:
        write(tmp_path)
    assert (tmp_path / "a.mp4").read_text() == "ours"


def test_a_block_that_writes_nothing_leaves_nothing(tmp_path):
    with writing(str(tmp_path / "maps"), ["a.mp4"]):
        pass
    assert not (tmp_path / "maps").exists()


def test_outputs_of_blocks_within_each_other_are_all_ours(tmp_path):
    for _ in range(2):
        with writing(str(tmp_path), ["b.json"]):
            write(tmp_path)
            (tmp_path / "b.json").write_text("{}")


def test_outputs_never_replace_a_file_of_the_user(tmp_path):
    (tmp_path / "a.mp4").write_text("the user's")
    with pytest.raises(InputError, match=r"--output: '.*a.mp4' is there and was not written by this program"):
        write(tmp_path)
    assert (tmp_path / "a.mp4").read_text() == "the user's"
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


def test_outputs_in_the_folder_of_a_run_are_ours_without_a_record(tmp_path):
    (tmp_path / "run_id").write_text("1")
    (tmp_path / "a.mp4").write_text("of an earlier version")
    write(tmp_path)
    assert (tmp_path / "a.mp4").read_text() == "ours"


def test_outputs_that_the_user_changed_are_not_replaced(tmp_path):
    write(tmp_path)
    (tmp_path / "a.mp4").write_text("changed by the user")
    with pytest.raises(InputError, match="was not written by this program"):
        write(tmp_path)


def test_a_folder_of_other_files_is_refused_and_an_empty_one_or_ours_is_not(tmp_path):
    refuse_foreign(str(tmp_path / "none"), "config.json")
    refuse_foreign(str(tmp_path), "config.json")
    (tmp_path / "holiday.mp4").write_text("film")
    with pytest.raises(InputError, match=r"holds other files, such as '.*holiday.mp4'"):
        refuse_foreign(str(tmp_path), "config.json")
    (tmp_path / "config.json").write_text("{}")
    refuse_foreign(str(tmp_path), "config.json")

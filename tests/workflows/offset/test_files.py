"""The verb: exit status, files that are written, and copies with the sound moved."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from infra.errors import InputError
from workflows.offset.answer import Tolerance
from workflows.offset.examine import Wanted
from workflows.offset.files import ask_files


def wanted(**options):
    defaults = {"model": None, "output": None, "fix": None, "max_offset_seconds": 1.0, "tolerance": Tolerance()}
    return Wanted(**{**defaults, **options})


def test_offset_exits_with_a_status_for_each_verdict(moved_scene, tmp_path, capsys):
    in_sync, late, silent = (
        moved_scene("late0.0", late=0.0),
        moved_scene("late0.4", late=0.4),
        moved_scene("silent", late=0.2, kind="silent"),
    )
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(b"no video")
    assert ask_files([in_sync], wanted()) == 0
    assert ask_files([in_sync, late, silent], wanted()) == 1
    assert ask_files([in_sync, silent], wanted()) == 3
    assert ask_files([late, str(bad)], wanted()) == 2
    told = capsys.readouterr()
    assert "offsets are above zero where the sound is late" in told.out
    assert "cannot tell: the sound is silent" in told.out
    assert "bad.mp4" in told.err


def test_a_broken_file_is_one_line_without_the_words_of_pyav(tmp_path, capsys):
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(b"no video")
    assert ask_files([str(bad)], wanted()) == 2
    told = capsys.readouterr()
    assert told.out == ""
    said = "cannot open: Invalid data found when processing input; give a video with picture and sound"
    assert told.err == f"error: --video: '{bad}': {said}\n"


def test_offset_writes_an_answer_and_a_plot_of_every_file(moved_scene, tmp_path):
    ask_files([moved_scene("late0.0", late=0.0)], wanted(output=str(tmp_path)))
    assert json.loads((tmp_path / "late0.0.json").read_text())["verdict"] == "in sync"
    assert (tmp_path / "late0.0.png").read_bytes().startswith(b"\x89PNG")


def test_fix_writes_only_what_is_out_of_sync_and_the_copy_is_in_sync(moved_scene, tmp_path):
    paths = [moved_scene("late0.0", late=0.0), moved_scene("late-0.3", late=-0.3)]
    assert ask_files(paths, wanted(fix=str(tmp_path))) == 1
    assert [path.name for path in tmp_path.glob("*.mp4")] == ["late-0.3.mp4"]
    assert ask_files([str(tmp_path)], wanted()) == 0


def test_fix_does_not_replace_what_it_did_not_write(moved_scene, tmp_path):
    (tmp_path / "late0.4.mp4").write_bytes(b"mine")
    with pytest.raises(InputError, match="was not written by this program"):
        ask_files([moved_scene("late0.4", late=0.4)], wanted(fix=str(tmp_path)))
    assert (tmp_path / "late0.4.mp4").read_bytes() == b"mine"


def test_offset_refuses_a_model_without_features_to_compare(trained, moved_scene):
    with pytest.raises(InputError, match="of the recipe multisensory has no features to try lags with"):
        ask_files([moved_scene("late0.0", late=0.0)], wanted(model=trained.model_folder))


def test_offset_refuses_a_folder_without_media(tmp_path):
    with pytest.raises(InputError, match="holds no media files"):
        ask_files([str(tmp_path)], wanted())


def test_offset_shows_its_help_without_torch_ray_and_mlflow():
    code = (
        "import sys, runpy; sys.argv = ['offset', '--help']\n"
        "try: runpy.run_module('workflows.offset', run_name='__main__')\n"
        "except SystemExit: pass\n"
        "print([name for name in ('torch', 'ray', 'mlflow', 'av') if name in sys.modules])"
    )
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.endswith("[]\n")
    assert "--max-offset-ms" in done.stdout


def test_a_path_that_is_not_there_is_refused_before_anything_is_said(tmp_path, capsys):
    with pytest.raises(InputError, match=r"--video: '.*none.mp4' does not exist; give a video file or a folder"):
        ask_files([str(tmp_path / "none.mp4")], wanted())
    assert capsys.readouterr().out == ""

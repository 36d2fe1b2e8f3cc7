"""Many files: tables, a page that begins with the worst, kept answers, and the same on workers."""

import json
import shutil

import pyarrow.parquet as pq
import pytest

from workflows.offset.answer import Tolerance
from workflows.offset.corpus import write_corpus
from workflows.offset.examine import Wanted
from workflows.offset.files import ask_files

NASTY = "<b>late & 'odd' #1.mp4"


@pytest.fixture(scope="module")
def corpus(moved_scene, tmp_path_factory):
    """A folder of files: in sync, late under an odd name, silent, and none that can be read."""
    folder = tmp_path_factory.mktemp("corpus")
    shutil.copy(moved_scene("late0.0", late=0.0), folder / "fine.mp4")
    shutil.copy(moved_scene("late0.4", late=0.4), folder / NASTY)
    shutil.copy(moved_scene("silent", late=0.2, kind="silent"), folder / "silent.mp4")
    (folder / "bad.mp4").write_bytes(b"no video")
    return str(folder)


def wanted(output, **options):
    given = {"model": None, "output": str(output), "fix": None, "max_offset_seconds": 1.0, "tolerance": Tolerance()}
    return Wanted(**{**given, **options})


def test_corpus_has_a_table_of_files_and_one_of_windows(corpus, tmp_path, capsys):
    assert ask_files([corpus], wanted(tmp_path)) == 2
    files = pq.read_table(tmp_path / "files.parquet").to_pylist()
    assert [row["verdict"] for row in files] == ["out of sync", "cannot tell", None, "in sync"]
    assert files[0]["low_ms"] < 400 < files[0]["high_ms"]
    assert "cannot open" in files[2]["error"]
    windows = pq.read_table(tmp_path / "windows.parquet").to_pylist()
    assert len(windows) == 3
    assert "files    1 out of sync, 1 cannot tell, 1 cannot be read, 1 in sync" in capsys.readouterr().out


def test_corpus_page_begins_with_the_worst_and_escapes_names(corpus, tmp_path):
    ask_files([corpus], wanted(tmp_path))
    page = (tmp_path / "index.html").read_text()
    assert "<b>late" not in page
    assert page.index("&lt;b&gt;late &amp; &#x27;odd&#x27; #1.mp4") < page.index("silent.mp4") < page.index("fine.mp4")
    assert "%3Cb%3Elate%20%26%20%27odd%27%20%231.png" in page
    assert (tmp_path / "histogram.png").read_bytes().startswith(b"\x89PNG")


def test_corpus_keeps_what_was_answered_and_asks_again_what_changed(corpus, tmp_path):
    folder, output = tmp_path / "videos", tmp_path / "answers"
    shutil.copytree(corpus, folder)
    ask_files([str(folder)], wanted(output))
    answer, plot = output / "fine.json", output / "fine.png"
    made = plot.stat().st_mtime_ns
    ask_files([str(folder)], wanted(output))
    assert plot.stat().st_mtime_ns == made
    shutil.copy(folder / NASTY, folder / "fine.mp4")
    ask_files([str(folder)], wanted(output))
    assert json.loads(answer.read_text())["verdict"] == "out of sync"
    assert plot.stat().st_mtime_ns != made
    ask_files([str(folder)], wanted(output, tolerance=Tolerance(early_ms=0, late_ms=600)))
    assert json.loads(answer.read_text())["verdict"] == "in sync"


def test_corpus_of_one_unreadable_file_is_written(tmp_path):
    row = {"video": "a.mp4", "stem": "a", "verdict": None, "error": "no", "sentence": "", "fix": None, "windows": []}
    assert write_corpus(str(tmp_path), [row], tolerance=Tolerance()).startswith("files    1 cannot be read")


@pytest.mark.ray
def test_corpus_on_workers_gives_the_same_answers(corpus, tmp_path):
    for name, workers in (("here", 0), ("there", 1)):
        assert ask_files([corpus], wanted(tmp_path / name), num_workers=workers) == 2
    here, there = (pq.read_table(tmp_path / name / "files.parquet").to_pylist() for name in ("here", "there"))
    assert here == there

"""One file has one answer, whoever asks: the command line, Python, a corpus, and the page."""

import json
import shutil
import sys
import time
import urllib.request

import pyarrow.parquet as pq
import pytest

from tests.workflows.serve.conftest import TOKEN
from workflows.offset import __main__ as offset
from workflows.offset.ask import ask

KEY = "a" * 32
ABOUT_FILES = ("video", "stem", "made_from", "error", "fix", "fix_error")


def call(address, method="GET", data=None, **headers):
    asked = urllib.request.Request(address, data=data, method=method, headers=headers)
    with urllib.request.urlopen(asked) as answer:
        return answer.read(), answer.headers


def answer_of_page(server, path):
    """Upload a file, wait, and return the JSON that the page offers."""
    token = json.dumps({"token": TOKEN}).encode()
    _, given = call(f"{server}/api/session", "POST", token, **{"content-type": "application/json"})
    cookie = {"cookie": given["set-cookie"].partition(";")[0]}
    video = f"{server}/api/videos/{KEY}"
    call(f"{video}?name=film.mp4", "PUT", path.read_bytes(), **cookie)
    end = time.monotonic() + 60
    while (state := json.loads(call(video, **cookie)[0]))["answer"] is None:
        assert state["state"] != "refused", state["message"]
        assert time.monotonic() < end
        time.sleep(0.1)
    found = json.loads(call(f"{video}/answer.json", **cookie)[0])
    call(video, "DELETE", **cookie)
    return found


def answer_of_command(monkeypatch, video, output):
    monkeypatch.setattr(sys, "argv", ["workflows.offset", "--video", str(video), "--output", str(output)])
    with pytest.raises(SystemExit):
        offset.main()


def test_offset_is_the_same_from_command_python_page_and_corpus(server, moved_scene, monkeypatch, tmp_path):
    (tmp_path / "films").mkdir()
    film = tmp_path / "films" / "film.mp4"
    shutil.copy(moved_scene("late0.4", late=0.4), film)
    answer_of_command(monkeypatch, film, tmp_path / "one")
    answer_of_command(monkeypatch, film.parent, tmp_path / "all")

    def answer(found):
        return {name: value for name, value in found.items() if name not in ABOUT_FILES}

    asked = ask(str(film))
    python = json.loads(json.dumps(asked.as_dict() | {"sentence": asked.sentence()}))
    one, of_all = (json.loads((tmp_path / name / "film.json").read_text()) for name in ("one", "all"))
    assert answer(python)["verdict"] == "out of sync"
    assert answer(one) == answer(of_all) == answer(python)
    assert answer(answer_of_page(server[0], film)) == answer(python)
    (row,) = pq.read_table(tmp_path / "all" / "files.parquet").to_pylist()
    assert [row["low_ms"], row["high_ms"]] == python["interval_ms"]
    same = ("verdict", "offset_ms", "in_sync_probability", "drift_ms_per_minute", "reason", "method")
    assert {name: row[name] for name in same} == {name: python[name] for name in same}
    windows = pq.read_table(tmp_path / "all" / "windows.parquet").drop_columns(["video"]).to_pylist()
    assert windows == python["windows"]

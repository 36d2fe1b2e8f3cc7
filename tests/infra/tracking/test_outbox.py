import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from infra.cluster import ROOT
from infra.tracking.outbox import Outbox


@pytest.fixture
def receiver(tmp_path):
    """An outbox whose receiver answers while `answers` is set, what it got, and how often it failed."""

    class Receiver:
        got, failures, answers = [], [], threading.Event()

        def send(self, entries):
            if not self.answers.is_set():
                raise ConnectionError("no answer")
            for entry in entries:
                content = Path(entry["path"]).read_text() if "path" in entry else entry.get("value")
                self.got.append((entry["kind"], content))

    found = Receiver()
    found.box = Outbox(tmp_path / "unsent" / "run", found.send, failed=found.failures.append)
    return found


def test_outbox_sends_in_order_and_leaves_nothing_behind(receiver, tmp_path):
    receiver.answers.set()
    for number in range(5):
        receiver.box.put("number", value=number)
    receiver.box.put("files", path=receiver.box.keep_content(b"card", "card.md"))
    receiver.box.put("number", value=5)
    assert receiver.box.flush(10)
    assert receiver.got == [*(("number", number) for number in range(5)), ("files", "card"), ("number", 5)]
    assert receiver.failures == []
    assert not (tmp_path / "unsent").exists()


def test_outbox_is_empty_where_its_folder_goes_while_it_is_looked_into(receiver, monkeypatch):
    scan, folder = os.scandir, receiver.box.folder
    folder.mkdir(parents=True)

    def scan_too_late(path):
        if Path(path) == folder and folder.exists():
            folder.rmdir()
        return scan(path)

    monkeypatch.setattr(os, "scandir", scan_too_late)
    assert receiver.box.is_empty
    assert not folder.exists()
    assert receiver.box.flush(1)


def test_outbox_keeps_what_is_unsent_and_sends_it_later(receiver, tmp_path):
    (tmp_path / "model").write_text("weights")
    receiver.box.put("number", value=1)
    receiver.box.put("files", path=receiver.box.keep_file(tmp_path / "model"))
    (tmp_path / "model").unlink()
    assert not receiver.box.flush(0.1)
    assert str(receiver.failures[0]) == "no answer"
    assert receiver.got == []
    receiver.answers.set()
    assert receiver.box.flush(10)
    assert receiver.got == [("number", 1), ("files", "weights")]


_KILLED = """
import os, sys
from pathlib import Path
from infra.tracking.outbox import Outbox
def send(entries): raise ConnectionError
box = Outbox(Path(sys.argv[1]), send, failed=lambda error: None)
box.put("number", value=1)
box.put("files", path=box.keep_content(b"plot", "plot.png"))
os._exit(9)
"""


def test_outbox_of_a_killed_process_is_sent_by_the_next(receiver):
    killed = subprocess.run([sys.executable, "-c", _KILLED, str(receiver.box.folder)], cwd=ROOT)
    assert killed.returncode == 9
    torn = next(receiver.box.folder.glob(".*.part"))
    torn.write_text(torn.read_text() + json.dumps({"kind": "number", "value": 2})[:-3])
    receiver.answers.set()
    assert receiver.box.flush(10)
    assert receiver.got == [("number", 1), ("files", "plot")]
    assert not receiver.box.folder.exists()

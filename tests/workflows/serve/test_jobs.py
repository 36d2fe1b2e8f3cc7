"""The queue: order, the limit of time, files that are deleted."""

import dataclasses
import time

import pytest

from workflows.serve.jobs import Jobs, QueueFullError
from workflows.serve.limits import Limits

LIMITS = Limits(max_bytes=1000, max_seconds=60, max_side=100, max_waiting=2, work_seconds=1.5, keep_seconds=3600.0)


def work(path, name, connection):
    """End without an answer, never end, or answer."""
    if name == "crashing":
        raise SystemExit
    if name == "endless":
        time.sleep(60)
    connection.send(("answer", {"said of": name}))
    connection.send(("done", {"map": None}))


def waiting(jobs, name):
    job, is_new = jobs.begin(name, name)
    assert is_new
    job.source.write_bytes(b"file")
    jobs.enter(job)
    return job


def until(condition):
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_queue_works_on_after_files_that_crash_or_take_too_long():
    with Jobs(work, LIMITS) as jobs:
        crashing = waiting(jobs, "crashing")
        until(lambda: crashing.state == "refused")
        assert "ended" in crashing.message
        endless, good = waiting(jobs, "endless"), waiting(jobs, "good")
        assert jobs.place(good) == 1
        until(lambda: endless.state == "working")
        jobs.begin("one more", "one more")
        with pytest.raises(QueueFullError):
            jobs.begin("too many", "too many")
        assert jobs.begin("good", "again") == (good, False)
        until(lambda: good.state == "done")
        assert "longer than" in endless.message
        assert good.answer == {"said of": "good", "map": None}
        until(lambda: not good.source.exists() and not endless.source.exists())
        folder = good.folder.parent
    assert not folder.exists()


def test_queue_deletes_files_when_their_time_is_over_and_what_is_worked_on_when_asked():
    with Jobs(work, dataclasses.replace(LIMITS, keep_seconds=0.2)) as jobs:
        good = waiting(jobs, "good")
        until(lambda: jobs.get("good") is None)
        endless = waiting(jobs, "endless")
        until(lambda: endless.state == "working")
        jobs.remove("endless")
        until(lambda: not endless.folder.exists() and not good.folder.exists())

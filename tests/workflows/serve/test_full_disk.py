"""A disk that is full during an upload is one clear sentence, and nothing of the file is left."""

import asyncio
import json
import tempfile

import pytest

from workflows.serve.app import make_app
from workflows.serve.jobs import Jobs
from workflows.serve.limits import Limits

LIMITS = Limits(max_bytes=10**6, max_seconds=60, max_side=4096, max_waiting=2, work_seconds=60, keep_seconds=60)


class OnFullDisk(Jobs):
    """Files that are written go to the device that is always full."""

    def begin(self, key, name):
        job, is_new = super().begin(key, name)
        job.source.symlink_to("/dev/full")
        return job, is_new


async def upload(app, key, data):
    """Return status and answer of an upload, asked as a server asks."""
    scope = {
        "type": "http", "method": "PUT", "path": f"/api/videos/{key}", "raw_path": b"", "query_string": b"name=a.mp4",
        "headers": [(b"host", b"127.0.0.1")], "http_version": "1.1", "scheme": "http",
    }  # fmt: skip
    sent = []

    async def receive():
        return {"type": "http.request", "body": data, "more_body": False}

    async def send(message):
        sent.append(message)

    await app(scope, receive, send)
    return sent[0]["status"], json.loads(b"".join(message.get("body", b"") for message in sent[1:]))


@pytest.mark.parametrize("size", [10, 10**5])
def test_upload_onto_a_full_disk_is_refused_and_leaves_nothing(tmp_path, monkeypatch, size):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    jobs = OnFullDisk(lambda path, name, connection: None, LIMITS)
    app = make_app(jobs, LIMITS, token=None, local=True, method="")
    status, said = asyncio.run(upload(app, "a" * 32, b"0" * size))
    assert status == 507
    assert said["detail"] == "The disk of the server is full. Try again later, or choose a smaller video."
    assert jobs.get("a" * 32) is None
    assert [path for folder in tmp_path.iterdir() for path in folder.iterdir()] == []

import os
from pathlib import Path

import pytest

from infra import storage
from infra.errors import InputError


def test_relative_paths_lie_under_the_home(tmp_path):
    assert storage.resolve("data/x", field="--data") == str(tmp_path / "data" / "x")


def test_a_relative_path_inside_a_job_needs_a_shared_home(monkeypatch):
    monkeypatch.setenv("RAY_JOB_CONFIG_JSON_ENV_VAR", "{}")
    monkeypatch.delenv("SENSORIUM_HOME")
    with pytest.raises(InputError, match=r"--data.*SENSORIUM_HOME"):
        storage.resolve("data/x", field="--data")
    assert storage.resolve("/data/x", field="--data") == "/data/x"


def test_a_path_whose_name_is_not_utf8_is_refused(tmp_path):
    name = os.fsdecode(b"caf\xe9")
    with pytest.raises(InputError, match=r"--source: the name '.*/caf\\xe9' is not UTF-8; rename it"):
        storage.resolve(tmp_path / name, field="--source")
    assert storage.resolve(tmp_path / "café", field="--source") == str(tmp_path / "café")


def test_a_run_name_is_the_name_of_one_folder(tmp_path):
    assert storage.run_folder("näme 1.5") == str(tmp_path / "runs" / "näme 1.5")
    for name in (
        "../../evil",
        "/evil",
        "a/b",
        "..",
        ".",
        "",
        "a\nb",
        "a" * 129,
        "é" * 65,
        os.fsdecode(b"\xe9"),
        "s3://b",
    ):
        with pytest.raises(InputError, match=r"(?s)--run-name: .* cannot be the name of one folder; give"):
            storage.run_folder(name)


def test_a_file_appears_complete_or_not_at_all(tmp_path):
    target = str(tmp_path / "folder" / "file")

    def fail():
        with storage.staged(target) as path:
            Path(path).write_text("half")
            raise RuntimeError("interrupted")

    with pytest.raises(RuntimeError, match="interrupted"):
        fail()
    assert storage.list_files(str(tmp_path)) == []
    storage.write_json(target, {"a": 1})
    assert storage.read_json(target) == {"a": 1}
    assert storage.list_files(str(tmp_path)) == [target]


@pytest.fixture
def bucket(monkeypatch):
    boto3 = pytest.importorskip("boto3")
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://{host}:{port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    boto3.client("s3", endpoint_url=f"http://{host}:{port}").create_bucket(Bucket="clips")
    yield "s3://clips/set"
    server.stop()


def test_s3_reads_back_what_was_written(bucket):
    uri = storage.join(bucket, "a", "b.bin")
    assert not storage.exists(uri)
    storage.write_bytes(uri, b"12345")
    assert storage.exists(uri)
    assert storage.exists(bucket)
    assert storage.read_bytes(uri) == b"12345"
    for name in ("one", "two"):
        storage.write_bytes(f"{bucket}-old/{name}", b"")
    assert storage.exists(bucket)
    assert not storage.exists(f"{bucket}-o")
    assert len(storage.list_files("s3://clips")) == 3
    assert storage.list_files(bucket, suffix=".bin") == [uri]
    storage.write_bytes(f"{bucket}/empty/", b"")  # how S3's console makes a folder
    assert storage.list_files(bucket) == [uri]
    storage.remove(f"{bucket}/empty/")
    with storage.local_copy(uri) as path:
        assert Path(path).read_bytes() == b"12345"
    assert storage.open_input(uri).read() == b"12345"
    with pytest.raises(FileNotFoundError, match="missing"):
        storage.read_bytes(storage.join(bucket, "missing"))
    storage.copy(uri, f"{bucket}/copied")
    storage.move(uri, f"{bucket}/moved")
    assert storage.read_bytes(f"{bucket}/copied") == storage.read_bytes(f"{bucket}/moved") == b"12345"
    assert not storage.exists(uri)
    storage.remove(f"{bucket}/moved")
    assert not storage.exists(f"{bucket}/moved")


def test_a_file_is_copied_whole_and_moved_to_folders_that_are_not_there_yet(tmp_path):
    storage.write_bytes(str(tmp_path / "a"), b"12345")
    storage.copy(str(tmp_path / "a"), str(tmp_path / "new" / "b"))
    storage.move(str(tmp_path / "a"), str(tmp_path / "other" / "c"))
    assert [Path(path).read_bytes() for path in storage.list_files(str(tmp_path))] == [b"12345"] * 2
    assert not (tmp_path / "a").exists()


def test_a_suffix_may_reach_into_the_folder(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "state.pt").touch()
    (tmp_path / "a" / "other-state.pt").touch()
    assert storage.list_files(str(tmp_path), suffix="/state.pt") == [str(tmp_path / "a" / "state.pt")]

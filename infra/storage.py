"""Files on a local disk or in S3 under one name: an absolute path or `s3://bucket/key`.

Everything written appears at once or not at all: by a rename on a disk, by one PUT in S3. The only file that knows S3.
"""

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import botocore.exceptions
import pyarrow as pa
import pyarrow.fs

from infra import parts
from infra.errors import InputError

# `ray job submit` sets it for the entry point.
_JOB_VARIABLE = "RAY_JOB_CONFIG_JSON_ENV_VAR"
_MOST_NAME_BYTES = 128


def in_job() -> bool:
    """Return whether this process was started by `ray job submit`."""
    return _JOB_VARIABLE in os.environ


def home() -> Path:
    """Return the root that relative paths, runs and tracking stand under: SENSORIUM_HOME, else the working folder."""
    return Path(os.environ.get("SENSORIUM_HOME") or Path.cwd()).resolve()


def resolve(path: str | os.PathLike[str], *, field: str) -> str:
    """Return the absolute path or s3:// URI that a user's path means.

    Raises:
        InputError: For a name that is not UTF-8, and for a relative path inside a Ray job, whose working folder is thrown away,
            unless SENSORIUM_HOME is set.
    """
    text = os.fspath(path)
    if not is_utf8(text):
        raise InputError(f"{field}: the name '{shown(text)}' is not UTF-8; rename it")
    if is_remote(text):
        return text.rstrip("/")
    local = Path(text).expanduser()
    if not local.is_absolute():
        if in_job() and not os.environ.get("SENSORIUM_HOME"):
            raise InputError(
                f"{field}: the relative path '{text}' means nothing inside a Ray job; give an absolute path "
                "or set SENSORIUM_HOME to a folder that all nodes share"
            )
        local = home() / local
    return os.path.normpath(local)


def run_folder(name: str, *, field: str = "--run-name") -> str:
    """Return the folder of the run that a user named: below runs/ at home, and nowhere else.

    Raises:
        InputError: If the name would lead elsewhere, or no folder can have it.
    """
    if not name.isprintable() or "/" in name or name in ("", ".", "..") or len(os.fsencode(name)) > _MOST_NAME_BYTES:
        raise InputError(
            f"{field}: '{shown(name)}' cannot be the name of one folder; give a name without '/', of at most {_MOST_NAME_BYTES} bytes"
        )
    return resolve(f"runs/{name}", field=field)


def is_utf8(path: str) -> bool:
    """Return whether a path's bytes are UTF-8; Parquet, JSON and Ray store no others."""
    return shown(path) == path


def shown(path: str) -> str:
    r"""Return a path for people to read, bytes that are not UTF-8 as \xff."""
    return path.encode(errors="surrogateescape").decode(errors="backslashreplace")


def is_remote(uri: str) -> bool:
    """Return whether a URI lies in S3."""
    return uri.startswith("s3://")


def join(uri: str, *parts: str) -> str:
    """Return the URI of something inside a folder."""
    return "/".join([uri.rstrip("/"), *parts])


def exists(uri: str) -> bool:
    """Return whether there is a file, or a folder with something in it."""
    if not is_remote(uri):
        return os.path.exists(uri)
    bucket, key = _split(uri)
    inside = _client().list_objects_v2(Bucket=bucket, Prefix=_folder_prefix(key), MaxKeys=1)
    if inside.get("Contents"):
        return True
    found = _client().list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1).get("Contents", [])
    return any(item["Key"] == key for item in found)


def state(uri: str) -> str:
    """Return what changes when a file changes; empty where there is none."""
    if is_remote(uri):
        bucket, key = _split(uri)
        found = _client().list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1).get("Contents", [])
        return next((f"{item['Size']}-{item['ETag']}" for item in found if item["Key"] == key), "")
    try:
        status = os.stat(uri)
    except (OSError, ValueError):
        return ""
    return f"{status.st_size}-{status.st_mtime_ns}"


def list_files(uri: str, *, suffix: str = "", unread: dict[str, str] | None = None) -> list[str]:
    """Return all files below a folder whose URIs end in `suffix`, sorted; none where it does not exist.

    Links to folders are followed, each folder once. `unread` is given the folders that cannot be listed, and why.
    """
    if not is_remote(uri):
        return sorted(path for path in _walk(uri, {} if unread is None else unread) if path.endswith(suffix))
    bucket, key = _split(uri)
    pages = _client().get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=_folder_prefix(key))
    return sorted(
        f"s3://{bucket}/{item['Key']}"
        for page in pages
        for item in page.get("Contents", [])
        if item["Key"].endswith(suffix) and not item["Key"].endswith("/")
    )


def read_bytes(uri: str) -> bytes:
    """Return a file's content.

    Raises:
        FileNotFoundError: If there is none.
    """
    if not is_remote(uri):
        return Path(uri).read_bytes()
    bucket, key = _split(uri)
    try:
        return _client().get_object(Bucket=bucket, Key=key)["Body"].read()
    except botocore.exceptions.ClientError as error:
        raise FileNotFoundError(f"{uri}: {error.response['Error']['Code']}") from None


def write_bytes(uri: str, data: bytes) -> None:
    """Write a file, complete or not at all."""
    if is_remote(uri):
        bucket, key = _split(uri)
        _client().put_object(Bucket=bucket, Key=key, Body=data)
        return
    with staged(uri) as path:
        Path(path).write_bytes(data)


def read_json(uri: str) -> Any:
    """Return the content of a JSON file."""
    return json.loads(read_bytes(uri))


def write_json(uri: str, value: Any) -> None:
    """Write a JSON file for people to read."""
    write_bytes(uri, (json.dumps(value, indent=2, sort_keys=False) + "\n").encode())


@contextlib.contextmanager
def staged(uri: str) -> Iterator[str]:
    """Give a local path to write to, and move it to its place when the block ends without an error."""
    if is_remote(uri):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "part")
            yield path
            bucket, key = _split(uri)
            _client().upload_file(path, bucket, key)
        return
    target = Path(uri)
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = parts.part_of(target)
    try:
        yield str(partial)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


@contextlib.contextmanager
def local_copy(uri: str) -> Iterator[str]:
    """Give a local path with a file's content, for as long as the block runs."""
    if not is_remote(uri):
        yield uri
        return
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, uri.rsplit("/", 1)[1])
        bucket, key = _split(uri)
        try:
            _client().download_file(bucket, key, path)
        except botocore.exceptions.ClientError as error:
            raise FileNotFoundError(f"{uri}: {error.response['Error']['Code']}") from None
        yield path


def copy(source: str, target: str) -> None:
    """Write a file with the content of another, complete or not at all."""
    with local_copy(source) as here, staged(target) as there:
        shutil.copyfile(here, there)


def move(source: str, target: str) -> None:
    """Give a file another place: by one rename on a disk; in S3 by a copy, after which the first is removed."""
    if not is_remote(source):
        Path(target).parent.mkdir(parents=True, exist_ok=True)
        Path(source).replace(target)
        return
    (bucket, key), (new_bucket, new_key) = _split(source), _split(target)
    _client().copy({"Bucket": bucket, "Key": key}, new_bucket, new_key)
    remove(source)


def open_input(uri: str) -> pa.NativeFile:
    """Return an open file with random access, for Parquet."""
    if not is_remote(uri):
        return pa.memory_map(uri)
    endpoint = _endpoint()
    filesystem = pyarrow.fs.S3FileSystem(**({"endpoint_override": endpoint} if endpoint else {}))
    return filesystem.open_input_file(uri.removeprefix("s3://"))


def free_bytes(uri: str) -> int | None:
    """Return the free space where a file would be written; none where there is no limit."""
    if is_remote(uri):
        return None
    folder = Path(uri)
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def remove(uri: str) -> None:
    """Remove a file if it is there."""
    if not is_remote(uri):
        Path(uri).unlink(missing_ok=True)
        return
    bucket, key = _split(uri)
    _client().delete_object(Bucket=bucket, Key=key)


def list_abandoned(folder: str) -> list[str]:
    """Return the half-written files below a folder whose writers were killed; S3 has none."""
    if is_remote(folder):
        return []
    return [path for path in list_files(folder, suffix=parts.SUFFIX) if parts.is_abandoned(path)]


def remove_abandoned(folder: str) -> list[str]:
    """Remove the half-written files below a folder whose writers were killed, and return them."""
    abandoned = list_abandoned(folder)
    for path in abandoned:
        remove(path)
    return abandoned


def remove_if_empty(uri: str) -> None:
    """Remove a folder if it is there and has nothing in it; S3 has no empty folders."""
    if not is_remote(uri):
        with contextlib.suppress(OSError):
            Path(uri).rmdir()


def _walk(folder: str, unread: dict[str, str]) -> Iterator[str]:
    def note(error: OSError) -> None:
        unread[str(error.filename)] = error.strerror or str(error)

    seen = {os.path.realpath(folder)}
    for place, folders, names in os.walk(folder, onerror=note, followlinks=True):
        real = {name: os.path.realpath(os.path.join(place, name)) for name in sorted(folders)}
        folders[:] = [name for name in real if real[name] not in seen]
        seen.update(real.values())
        yield from (os.path.join(place, name) for name in names)


def _folder_prefix(key: str) -> str:
    return f"{key.rstrip('/')}/" if key else ""


def _split(uri: str) -> tuple[str, str]:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key


def _endpoint() -> str | None:
    return os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")


def _client() -> Any:
    return boto3.client("s3", endpoint_url=_endpoint())

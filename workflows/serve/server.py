"""The server's life: its model, its address, its files, until it is ended."""

import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import uvicorn

from infra.errors import InputError
from infra.tracking import TrackingError, champion, model_folder, tracking_uri
from workflows.offset.reading import CORRELATION
from workflows.serve.access import is_local, refuse_open
from workflows.serve.app import make_app
from workflows.serve.jobs import Jobs
from workflows.serve.limits import Limits
from workflows.serve.work import Worker, gives_offsets, refuse_without_maps
from workflows.trained.model import loaded

_DEFAULT = "coincidence"


def serve_page(*, model: str | None, host: str, port: int, token: str | None, limits: Limits) -> None:
    """Serve until the process is ended.

    Raises:
        InputError: If the address is taken or open to others, or the model cannot be used.
    """
    refuse_open(host, token)
    listener = _listen(host, port)
    name = model or _find_champion()
    with listener, _model(name) as (folder, method):
        worker = Worker(limits=limits, model_folder=folder, model_name=name)
        with Jobs(worker, limits) as jobs:
            app = make_app(jobs, limits, token=token, local=is_local(host), method=method)
            print(f"model  {name or 'none'}: {method}")
            shown = f"[{host}]" if ":" in host else host
            print(f"open   http://{shown}:{listener.getsockname()[1]}", flush=True)
            config = uvicorn.Config(app, log_level="warning", server_header=False, timeout_graceful_shutdown=2)
            uvicorn.Server(config).run(sockets=[listener])


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        raise InputError(
            f"--port: {host}:{port} cannot be listened on: {error.strerror}; give another port or host"
        ) from None
    return listener


def _find_champion() -> str | None:
    """Return the champion that is served where no model is named; None where there is none."""
    uri = tracking_uri()
    if uri.startswith("sqlite:///") and not Path(uri.removeprefix("sqlite:///")).exists():
        return None
    try:
        champion(_DEFAULT)
    except TrackingError:
        raise
    except InputError:
        return None
    return f"models:/{_DEFAULT}@champion"


@contextlib.contextmanager
def _model(name: str | None) -> Iterator[tuple[str | None, str]]:
    """Give a local copy of a model that draws maps, and a sentence on what is found with what."""
    if name is None:
        yield None, f"Offsets by {CORRELATION}. There are no maps, as no trained model is here."
        return
    with model_folder(name) as (folder, _):
        with loaded(folder) as found:
            refuse_without_maps(found)
            offsets = "this model" if gives_offsets(found) else CORRELATION
        yield os.path.abspath(folder), f"Maps by {name}, offsets by {offsets}."

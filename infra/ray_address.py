"""RAY_ADDRESS, or else the head that runs on this machine: whether a Ray cluster answers there, asked before any work starts."""

import os
import re

import grpc
from ray._private.services import canonicalize_bootstrap_address_or_die
from ray._private.utils import read_ray_address

from infra.errors import InputError

_SECONDS, _SECONDS_ON_THIS_MACHINE = 10.0, 1.0
_REMEDY = "give HOST:6379 of a running head, auto on one of its nodes, or local to start a small Ray here"


def cluster_address() -> str:
    """Return the address of the cluster that RAY_ADDRESS names, or of the head that `ray start` left on this machine.

    Empty where this process starts a cluster of its own: RAY_ADDRESS is local, or no such head answers.
    """
    given = os.environ.get("RAY_ADDRESS", "")
    if given:
        return "" if given == "local" else given
    found = read_ray_address()
    return found if found and _answers(found, seconds=_SECONDS_ON_THIS_MACHINE) else ""


def check_cluster() -> None:
    """Refuse a RAY_ADDRESS that is none, or where no cluster answers within seconds.

    Raises:
        InputError: Naming the address.
    """
    given = os.environ.get("RAY_ADDRESS", "")
    if given in ("", "local"):
        return
    if given.startswith(("http://", "https://")):
        raise InputError(
            f"RAY_ADDRESS: '{given}' is the address of a dashboard, which only `ray job submit` takes; {_REMEDY}"
        )
    address = given.removeprefix("ray://")
    if given == "auto":
        try:
            address = canonicalize_bootstrap_address_or_die("auto")
        except ConnectionError:
            raise InputError(f"RAY_ADDRESS: 'auto' finds no Ray cluster on this machine; {_REMEDY}") from None
    if not re.fullmatch(r"\S+:\d+", address):
        raise InputError(f"RAY_ADDRESS: '{given}' is not HOST:PORT; {_REMEDY}")
    if not _answers(address, seconds=_SECONDS):
        raise InputError(f"RAY_ADDRESS: no Ray cluster answers at '{given}' within {_SECONDS:g} s; {_REMEDY}")


def _answers(address: str, *, seconds: float) -> bool:
    """Return whether a gRPC server, as the head of a cluster is one, takes connections; with TLS Ray itself finds out."""
    if os.environ.get("RAY_USE_TLS", "0").lower() in ("1", "true"):
        return True
    with grpc.insecure_channel(address, options=[("grpc.enable_http_proxy", 0)]) as channel:
        try:
            grpc.channel_ready_future(channel).result(timeout=seconds)
        except grpc.FutureTimeoutError:
            return False
    return True

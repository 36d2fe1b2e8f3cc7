"""RAY_ADDRESS: whether a Ray cluster answers there, asked before any work starts."""

import os
import re

import grpc
from ray._private.services import canonicalize_bootstrap_address_or_die

from infra.errors import InputError

_SECONDS = 10.0
_REMEDY = "give HOST:6379 of a running head, auto on one of its nodes, or unset it to start a small Ray here"


def cluster_address() -> str:
    """Return the address of the cluster that RAY_ADDRESS names; empty where this process starts one of its own."""
    given = os.environ.get("RAY_ADDRESS", "")
    return "" if given == "local" else given


def check_cluster() -> None:
    """Refuse a RAY_ADDRESS that is none, or where no cluster answers within seconds.

    Raises:
        InputError: Naming the address.
    """
    given = cluster_address()
    if not given:
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
    if not _answers(address):
        raise InputError(f"RAY_ADDRESS: no Ray cluster answers at '{given}' within {_SECONDS:g} s; {_REMEDY}")


def _answers(address: str) -> bool:
    """Return whether a gRPC server, as the head of a cluster is one, takes connections; with TLS Ray itself finds out."""
    if os.environ.get("RAY_USE_TLS", "0").lower() in ("1", "true"):
        return True
    with grpc.insecure_channel(address, options=[("grpc.enable_http_proxy", 0)]) as channel:
        try:
            grpc.channel_ready_future(channel).result(timeout=_SECONDS)
        except grpc.FutureTimeoutError:
            return False
    return True

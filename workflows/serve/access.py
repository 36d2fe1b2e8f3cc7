"""Who may use the page: this machine alone, or whoever knows the token; and what browsers may do with it."""

import hmac
import ipaddress
import secrets
from collections.abc import MutableMapping
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from infra.errors import InputError

COOKIE = "sensorium"
_SHORTEST_TOKEN = 16
_HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


def refuse_open(host: str, token: str | None) -> None:
    """Refuse an address that other machines reach without a token, and a token that can be guessed.

    Raises:
        InputError: Naming the option.
    """
    if token is not None and len(token) < _SHORTEST_TOKEN:
        raise InputError(f"--token: {len(token)} characters can be guessed; give {_SHORTEST_TOKEN} or more")
    if token is None and not is_local(host):
        raise InputError(
            f"--host: other machines reach '{host}'; give --token or SENSORIUM_TOKEN too, or leave --host out"
        )


def is_local(host: str) -> bool:
    """Return whether only this machine reaches an address."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Access:
    """Sessions of those who gave the token.

    Args:
        token: what they have to give; None lets everybody in.
    """

    def __init__(self, token: str | None) -> None:
        self._token, self._sessions = token, set[str]()

    def open_session(self, token: str) -> str | None:
        """Return a new session for the right token, None for a wrong one."""
        if self._token is None or not hmac.compare_digest(token.encode(), self._token.encode()):
            return None
        session = secrets.token_urlsafe(32)
        self._sessions.add(session)
        return session

    def allows(self, session: str | None) -> bool:
        """Return whether a session may use the page."""
        return self._token is None or session in self._sessions


class Headers:
    """Adds the headers that forbid browsers what the page does not need, and refuses names that were pointed here (DNS rebinding).

    Args:
        app: what answers.
        local: whether only names of this machine are answered.
    """

    def __init__(self, app: ASGIApp, *, local: bool) -> None:
        self._app, self._local = app, local

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_more(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *_ENCODED]
            await send(message)

        if self._local and not is_local(_host(scope)):
            await send_more({"type": "http.response.start", "status": 421, "headers": []})
            await send_more({"type": "http.response.body", "body": b"unknown host"})
            return
        await self._app(scope, receive, send_more)


_ENCODED = [(name.encode(), value.encode()) for name, value in _HEADERS.items()]


def _host(scope: MutableMapping[str, Any]) -> str:
    """Return the name that a browser asked for, without its port."""
    name = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
    return name[1 : name.rindex("]")] if name.startswith("[") and "]" in name else name.partition(":")[0]

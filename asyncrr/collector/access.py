"""Who may talk to the collector: its token, and the Host and Origin that a request names."""

from __future__ import annotations

import hmac
import os
import re
import secrets
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from typing import Any, TypeAlias

from asyncrr.errors import UsageError

__all__ = ["COOKIE", "Access", "Guard", "kept_token", "refused"]

Message: TypeAlias = "MutableMapping[str, Any]"
Receive: TypeAlias = "Callable[[], Awaitable[Message]]"
Send: TypeAlias = "Callable[[Message], Awaitable[None]]"
App: TypeAlias = "Callable[[Message, Receive, Send], Awaitable[None]]"

COOKIE = "asyncrr_token"
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_HOST = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^\s:@/\[\]]+))(?::[0-9]{1,5})?")
_PUBLIC = ("/api/health", "/api/login")

_SECURITY_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self' blob:; "
        "img-src 'self' data: blob:; media-src blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


def kept_token(directory: str) -> str:
    """The token of this directory, made at the first use; only its owner may read the file.

    Raises:
        UsageError: The file is empty, as one that could not be written is: everybody would know that token.
    """
    path = os.path.join(directory, ".token")
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        with open(path, encoding="ascii") as file:
            token = file.read().strip()
        if not token:
            raise UsageError(f"{path} is empty: remove it, so that another token is made") from None
        return token
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        token = secrets.token_urlsafe(32)
        file.write(token)
    return token


class Access:
    """The rules.

    Args:
        token: What every request must show, or ``None`` for none.
        hosts: Names by which the collector may be called, beside those of this machine's loopback.
        is_framed: Whether pages of this machine, as notebooks are, may show its page in a frame.
    """

    def __init__(self, token: str | None, hosts: Iterable[str] = (), is_framed: bool = False) -> None:
        self.is_framed = is_framed
        self._token = token
        self._hosts = frozenset([*_LOOPBACK, *[host.lower() for host in hosts]])

    def __repr__(self) -> str:
        return f"<Access {'with' if self._token else 'without'} token>"

    def is_token(self, token: str) -> bool:
        """Whether this is the token; takes as long for a wrong one as for the right one."""
        return self._token is None or hmac.compare_digest(_bytes(token), _bytes(self._token))

    @staticmethod
    def is_public(path: str) -> bool:
        """Whether a request is answered without a token."""
        return path in _PUBLIC or not path.startswith("/api/")

    def refusal(self, path: str, headers: dict[str, str]) -> tuple[int, str] | None:
        """Why a request is refused, as an HTTP status and a text, or ``None``.

        Args:
            path: Of the request.
            headers: Its headers, by lower-case names.
        """
        host = headers.get("host", "")
        if _name_of(host) not in self._hosts:
            return 403, "this name is not the collector's"
        origin = headers.get("origin")
        if origin is not None and origin not in (f"http://{host}", f"https://{host}"):
            return 403, "this page is not the collector's"
        if self.is_public(path) or self.is_token(_shown_token(headers)):
            return None
        return 401, "a token is needed"


def _name_of(host: str) -> str:
    """A host's name without its port; empty where it is none."""
    match = _HOST.fullmatch(host)
    return "" if match is None else (match[1] or match[2]).lower()


def _bytes(token: str) -> bytes:
    return token.encode("utf-8", "surrogatepass")


def _shown_token(headers: dict[str, str]) -> str:
    kind, _, token = headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return token.strip()
    try:
        cookie = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return "" if cookie is None else cookie.value


class Guard:
    """An ASGI application that lets only allowed requests through, and puts security headers on every answer.

    Args:
        app: Serves them.
        access: The rules.

    Attributes:
        access: See above.
    """

    def __init__(self, app: App, access: Access) -> None:
        self.access = access
        self._app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one request."""
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        refusal = self.access.refusal(scope["path"], headers)
        if refusal is not None:
            await _refuse(scope, receive, send, *refusal)
            return

        secured = _SECURED_IN_FRAMES if self.access.is_framed else _SECURED

        async def send_secured(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *secured]
            await send(message)

        await self._app(scope, receive, send_secured)


_SECURED = [(name.encode(), value.encode()) for name, value in _SECURITY_HEADERS.items()]
_PLAIN = [(b"content-type", b"text/plain; charset=utf-8"), *_SECURED]
_FRAMES = " ".join(f"{scheme}://{name}:*" for scheme in ("http", "https") for name in ("localhost", "127.0.0.1"))
_SECURED_IN_FRAMES = [
    (name, value.replace(b"frame-ancestors 'none'", f"frame-ancestors {_FRAMES} vscode-webview:".encode()))
    for name, value in _SECURED
]


def refused(status: int, text: str) -> bytes:
    """An answer to who has not come as far as the application, whole."""
    body = text.encode()
    headers = [*_PLAIN, (b"connection", b"close"), (b"content-length", str(len(body)).encode())]
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}".encode(), *[b": ".join(header) for header in headers]]
    return b"\r\n".join([*lines, b"", body])


async def _refuse(scope: Message, receive: Receive, send: Send, status: int, text: str) -> None:
    """Answer a request, or the handshake of a websocket, with a status."""
    if scope["type"] == "websocket":
        await receive()
        if "websocket.http.response" not in scope.get("extensions", {}):
            await send({"type": "websocket.close", "code": 1008})
            return
        kind = "websocket.http.response"
    else:
        kind = "http.response"
    await send({"type": f"{kind}.start", "status": status, "headers": _PLAIN})
    await send({"type": f"{kind}.body", "body": text.encode()})

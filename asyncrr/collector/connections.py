"""Connections: what a peer must show before it costs more than an open socket."""

from __future__ import annotations

import asyncio
import logging
from typing import Any
from urllib.parse import unquote

from h11 import Request
from uvicorn.protocols.http.h11_impl import H11Protocol

from asyncrr.collector.access import Access, refused

__all__ = ["QUIET", "Connection", "Strangers"]

_REQUEST_SECONDS = 10.0
_MAX_STRANGERS = 256
_MAX_HEAD_BYTES = 2**14


class _Failures(logging.Filter):
    """Only what went wrong in the collector, not what peers do wrong: they could fill a disk with it."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.exc_info is not None


QUIET = logging.getLogger("asyncrr.collector")
"""Takes the place of uvicorn's logger."""

QUIET.setLevel(logging.WARNING)
QUIET.addFilter(_Failures())


class Strangers:
    """Connections that have shown nothing yet; beyond 256 the oldest is closed.

    Args:
        count: How many there may be.
    """

    def __init__(self, count: int = _MAX_STRANGERS) -> None:
        self._count = count
        self._connections: dict[Connection, None] = {}

    def enter(self, connection: Connection) -> None:
        """Somebody has connected."""
        self._connections[connection] = None
        if len(self._connections) > self._count:
            oldest = next(iter(self._connections))
            self.leave(oldest)
            oldest.transport.abort()

    def leave(self, connection: Connection) -> None:
        """It may stay, or is gone."""
        self._connections.pop(connection, None)


class Connection(H11Protocol):
    """A connection whose first request is judged before it is worked at.

    Args:
        access: The rules.
        strangers: Where it is until then, and goes on to be after a request that anybody may make.
        settings: As uvicorn gives them.
    """

    def __init__(self, access: Access, strangers: Strangers, **settings: Any) -> None:
        super().__init__(**settings)
        self.logger = QUIET
        self._access = access
        self._strangers = strangers
        self._head: bytes | None = b""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override, unused-ignore]
        """Begin; uvicorn waits for the first request without end."""
        super().connection_made(transport)
        self._strangers.enter(self)
        self.loop.call_later(_REQUEST_SECONDS, self._give_up, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        super().connection_lost(exc)
        self._strangers.leave(self)

    def data_received(self, data: bytes) -> None:
        """Take bytes; those of the first request's head once they are all here."""
        if self._head is None:
            super().data_received(data)
            return
        self._head += data
        end = self._head.find(b"\r\n\r\n")
        if end < 0:
            if not self._head[:1].isalpha() or len(self._head) > _MAX_HEAD_BYTES:
                self._refuse(400, "this is not a request")
            return
        head, self._head = self._head, None
        if (refusal := self._judged(head[:end])) is not None:
            self._refuse(*refusal)
        else:
            super().data_received(head)

    def handle_websocket_upgrade(self, event: Request) -> None:
        """Hand over; this protocol does not hear of the end."""
        super().handle_websocket_upgrade(event)
        self._strangers.leave(self)

    def _judged(self, head: bytes) -> tuple[int, str] | None:
        line, *fields = head.split(b"\r\n")
        words = line.split()
        if len(words) != 3:
            return 400, "this is not a request"
        headers = {}
        for field in fields:
            name, _, value = field.decode("latin-1").partition(":")
            headers[name.strip().lower()] = value.strip()
        path = unquote(words[1].partition(b"?")[0].decode("latin-1"))
        refusal = self._access.refusal(path, headers)
        if refusal is None and not self._access.is_public(path):
            self._strangers.leave(self)
        return refusal

    def _refuse(self, status: int, text: str) -> None:
        self._head = b""
        if not self.transport.is_closing():
            self.transport.write(refused(status, text))
            self.transport.close()

    def _give_up(self, transport: asyncio.Transport) -> None:
        if transport.get_protocol() is self and self.cycle is None:
            transport.close()

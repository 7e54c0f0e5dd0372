"""Incoming websockets: read no faster than what came is used, and within the collector's memory."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame

from asyncrr.collector.connections import QUIET
from asyncrr.collector.memory import Memory

if TYPE_CHECKING:
    from uvicorn._types import ASGIReceiveEvent

__all__ = ["IncomingWebSocket"]

_SLICE_BYTES = 16 * 1024
_READ_BYTES = 64 * 1024
_UNSENT_BYTES = 2**20
_STALL_SECONDS = 60.0
_MAX_DISCARDED = 1000
_EVENT_BYTES = 300


class IncomingWebSocket(WebSocketsSansIOProtocol):
    """A websocket of uvicorn's, with bounds.

    Bytes are decoded a slice at a time, when the messages of the one before are taken: tiny messages take many times
    their size. A message that does not end within a minute ends the connection. The pings of a peer that does not read
    are not answered.

    Args:
        memory: What is held counts there.
        settings: As uvicorn gives them.
    """

    def __init__(self, memory: Memory, **settings: Any) -> None:
        super().__init__(**settings)
        self.logger = self.conn.logger = QUIET
        self._events = _CountingQueue()
        self.queue: asyncio.Queue[ASGIReceiveEvent] = self._events
        self._memory = memory
        self._rest = memoryview(b"")
        self._held = 0
        self._fragment_bytes = 0
        self._discarded = 0
        self._is_held_up = False
        self._is_gone = False
        self._stall_timer: asyncio.TimerHandle | None = None

    @property
    def incomplete_bytes(self) -> int:
        """Of a message whose end has not come."""
        return len(self.conn.reader.buffer) + self._fragment_bytes

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        super().connection_made(transport)
        if hasattr(transport, "max_size"):  # asyncio's own transports read four times as much at once
            transport.max_size = _READ_BYTES
        self._memory.enter(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        super().connection_lost(exc)
        self._let_go()

    def data_received(self, data: bytes) -> None:
        """Take bytes; those that cannot be decoded yet wait."""
        self._rest = memoryview(bytes(self._rest) + data if self._rest else data)
        self._decode()

    async def receive(self) -> ASGIReceiveEvent:
        """The next message, for the application."""
        event = await self.queue.get()
        if self.queue.empty():
            if self._rest:
                self._decode()
            else:
                self._count()
            if self.queue.empty():
                self.read_paused = False
                self._resume()
        return event

    def _decode(self) -> None:
        while self._rest and (self.queue.empty() or self.close_sent):
            piece, self._rest = self._rest[:_SLICE_BYTES], self._rest[_SLICE_BYTES:]
            super().data_received(bytes(piece))
        self._count()

    def handle_text(self, event: Frame) -> None:
        """Take the first fragment of a text message, which is all of it as a rule."""
        if not self._is_discarded(event):
            super().handle_text(event)

    def handle_bytes(self, event: Frame) -> None:
        """As :meth:`handle_text`, of a binary one."""
        if not self._is_discarded(event):
            super().handle_bytes(event)

    def handle_cont(self, event: Frame) -> None:
        """Take another fragment."""
        if not self._is_discarded(event):
            super().handle_cont(event)

    def _is_discarded(self, event: Frame) -> bool:
        """Whether a message comes after the end; whoever goes on sending them is cut off."""
        self._fragment_bytes = 0 if event.fin else self._fragment_bytes + _EVENT_BYTES + len(event.data)
        self._discarded += self.close_sent
        if self._discarded > _MAX_DISCARDED:
            self.cut()
        return self.close_sent

    def handle_ping(self) -> None:
        """Answer a ping."""
        if self.transport.get_write_buffer_size() > _UNSENT_BYTES:
            self.conn.data_to_send()  # the answer
        else:
            super().handle_ping()

    def _count(self) -> None:
        if self._is_gone:
            return
        held = self.incomplete_bytes + len(self._rest) + self._events.nbytes
        more, self._held = held - self._held, held
        if self._memory.is_tight and held > self._memory.share:
            self._memory.hold_up(self)
        self._memory.add(more)
        if self._stall_timer is None and self.incomplete_bytes:
            self._stall_timer = self.loop.call_later(_STALL_SECONDS, self._stalled, self._events.count)

    def _stalled(self, count: int) -> None:
        self._stall_timer = None
        if self.incomplete_bytes and count == self._events.count and not self._is_held_up and not self.read_paused:
            self.cut()
        self._count()

    # ---- as a reader of the memory

    def hold_up(self) -> None:
        """Read no more for now."""
        self._is_held_up = True
        self.transport.pause_reading()

    def go_on(self) -> None:
        """Read again."""
        self._is_held_up = False
        self._resume()

    def cut(self) -> None:
        """Let go of the connection and of what came by it."""
        self.transport.abort()
        self._let_go()

    def _resume(self) -> None:
        if not self._is_held_up and not self.read_paused and not self.transport.is_closing():
            self.transport.resume_reading()

    def _let_go(self) -> None:
        self._is_gone = True
        self._rest = memoryview(b"")
        self._fragment_bytes = 0
        self.frames: list[bytes] = []
        del self.conn.reader.buffer[:]
        self._memory.leave(self)
        more, self._held = -self._held, 0
        self._memory.add(more)
        if self._stall_timer is not None:
            self._stall_timer.cancel()
            self._stall_timer = None


class _CountingQueue(asyncio.Queue[Any]):
    """Events that wait for the application.

    Attributes:
        nbytes: About what they take.
        count: How many there ever were.
    """

    nbytes = 0
    count = 0

    def _put(self, item: Any) -> None:
        self.nbytes += _nbytes_of(item)
        self.count += 1
        super()._put(item)

    def _get(self) -> Any:
        item = super()._get()
        self.nbytes -= _nbytes_of(item)
        return item


def _nbytes_of(event: Any) -> int:
    return _EVENT_BYTES + len(event.get("bytes") or event.get("text") or b"")

"""A sink that sends to a collector, and goes on sending through cut connections."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import os
import random
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from asyncrr.errors import AuthError, ConnectError, FormatError, ProtocolError, SinkError, UsageError
from asyncrr.outbox import Outgoing
from asyncrr.sinks.connection import numbers_of, open_connection, send_frames
from asyncrr.wire import (
    Delivered,
    DeliverySender,
    Done,
    Refused,
    Rewind,
    SenderState,
    decode_message,
    encode_message,
)

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

__all__ = ["INGEST_PATH", "WebSocketSink", "reconnect_delays"]

INGEST_PATH = "/api/ingest"
"""Where a collector takes recorders."""

_LAST_SECONDS = 5.0
_HANG_UP_SECONDS = 1.0

_TOO_BIG, _DAMAGED = 1009, 1007
_MAX_DAMAGED = 3

_connections: set[asyncio.Task[None]] = set()
_forgotten: list[Any] = []


def reconnect_delays() -> Iterator[float]:
    """Seconds to wait before each attempt: soon at first, then about 0.4, well within a second of the return."""
    delay = 0.04
    while True:
        yield delay * random.uniform(0.8, 1.2)
        delay = min(delay * 2, 0.4)


class WebSocketSink:
    """Sends to a collector. A row is delivered once the collector has it on its disk.

    What is sent when, and what an answer means, :class:`asyncrr.wire.DeliverySender` decides. Sends are never
    cancelled: where one cannot be finished the connection is cut, and the collector says after the next one what it
    has. So nothing is lost and nothing is stored twice.

    Args:
        url: ``ws://host:port`` or ``wss://host:port``.
        token: What the collector asks for; never shown.
        delays: Makes the seconds before each further attempt, see :func:`reconnect_delays`.
        window_bytes: How much may be sent before it is acknowledged.
        open_timeout: Seconds for one attempt.

    Raises:
        UsageError: The address is none.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        delays: Callable[[], Iterator[float]] = reconnect_delays,
        window_bytes: int = 16 * 2**20,
        open_timeout: float = 5.0,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("ws", "wss") or not parts.hostname:
            raise UsageError(f"url={url!r}: give ws://host:port or wss://host:port")
        if parts.username or parts.password or parts.query:
            raise UsageError("url: a token belongs in token=, not in the address")
        self.name: str = urlunsplit((parts.scheme, parts.netloc, "", "", ""))
        self._url = urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/") or INGEST_PATH, "", ""))
        self._given = url
        self._token = token
        self._delays = delays
        self._window_bytes = window_bytes
        self._open_timeout = open_timeout
        self._outbox: Outgoing | None = None
        self._sender: DeliverySender | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._hearing: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        self._connection: ClientConnection | None = None
        self._is_finished = False
        self._is_abandoned = False
        self._damaged = (-1, 0)  # behind which frame damage was found, and how often

    def __repr__(self) -> str:
        return f"<WebSocketSink {self.name}>"

    def attach(self, outbox: Outgoing) -> None:
        """Begin to connect, and to take from `outbox`; goes on if it does so already on this loop."""
        is_here = self._loop is asyncio.get_running_loop() and self._task is not None and not self._task.done()
        if outbox is self._outbox and is_here:
            return
        self._abandon()
        self._outbox = outbox
        self._sender = DeliverySender(outbox.header, outbox.durable_sequence + 1, self._window_bytes)
        self._loop = asyncio.get_running_loop()
        self._changed = asyncio.Event()
        self._start()

    def _start(self) -> None:
        assert self._loop is not None
        self._task = self._loop.create_task(
            self._run(), name=f"asyncrr connection to {self.name}", context=contextvars.Context()
        )
        _connections.add(self._task)
        self._task.add_done_callback(_connections.discard)

    def wake(self) -> None:
        """There is something to send, or it is time to close."""
        self._changed.set()
        outbox = self._outbox
        if outbox is None or outbox.is_closed or outbox.error is not None or self._is_finished:
            return
        if self._task is not None and self._task.done():  # somebody cancelled it
            self._start()

    def finish(self, timeout: float) -> None:
        """Let go of the connection; what is not acknowledged was counted by the recording."""
        self._is_finished = True
        if self._loop is not None and self._loop.is_closed():
            self._abandon()
            return
        self._abort()
        if self._task is not None:
            self._task.cancel()

    async def ended(self) -> None:
        """Wait until nothing of the connection is left, after :meth:`finish`."""
        if self._task is not None:
            await asyncio.wait([self._task])

    def forget(self) -> WebSocketSink:
        """In a forked child: close its copy of the socket, without a word to the collector."""
        if self._connection is not None:
            transport = self._connection.transport
            # closed below asyncio, whose selector is shared with the parent; kept, for it would complain when collected
            _forgotten.append(transport)
            with contextlib.suppress(OSError, AttributeError):
                os.close(transport.get_extra_info("socket")._sock.detach())
        return WebSocketSink(
            self._given,
            token=self._token,
            delays=self._delays,
            window_bytes=self._window_bytes,
            open_timeout=self._open_timeout,
        )

    def _abandon(self) -> None:
        """Let go of tasks and a connection whose loop runs no more, so that nobody complains of their end."""
        connection, self._connection = self._connection, None
        tasks = [self._task, self._hearing, None if connection is None else connection.keepalive_task]
        self._task = self._hearing = None
        self._is_abandoned = True
        for task in tasks:
            if task is not None and not task.done():
                task._log_destroy_pending = False  # type: ignore[attr-defined]
                coroutine: Any = task.get_coro()
                with contextlib.suppress(Exception):  # it would like to do more, which needs the loop
                    coroutine.close()
        self._is_abandoned = False
        transport: Any = None if connection is None else connection.transport
        if (opened := getattr(transport, "_sock", None)) is not None:
            opened.close()
            transport._sock = None

    def _abort(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed
                self._connection.transport.abort()

    async def _hang_up(self) -> None:
        """Let go of the connection, and wait until nothing of it is left that would complain when the loop ends."""
        self._abort()
        connection, self._connection = self._connection, None
        if connection is not None and not self._is_abandoned:
            parts = [asyncio.ensure_future(connection.wait_closed())]
            if connection.keepalive_task is not None:
                parts.append(connection.keepalive_task)
            await asyncio.wait(parts, timeout=_HANG_UP_SECONDS)

    # ---- the task

    async def _run(self) -> None:
        """Send until closed. Cancelled, it sends what it has for five seconds at most, and then ends as cancelled."""
        is_cancelled = False
        while True:
            try:
                await self._send_until_closed(is_cancelled)
            except asyncio.CancelledError:
                self._abort()
                if is_cancelled or self._is_finished:
                    raise
                is_cancelled = True
                task = asyncio.current_task()
                assert task is not None
                task.uncancel()
                asyncio.get_running_loop().call_later(_LAST_SECONDS, task.cancel)
                continue
            if is_cancelled:
                raise asyncio.CancelledError
            return

    async def _send_until_closed(self, only_what_is_there: bool) -> None:
        outbox, sender = self._outbox, self._sender
        assert outbox is not None
        assert sender is not None
        delays = self._delays()
        while not (outbox.is_closed or self._is_finished or (only_what_is_there and outbox.is_empty)):
            try:
                self._connection = await open_connection(self.name, self._url, self._token, self._open_timeout)
                delays = self._delays()
                await self._converse(outbox, sender, only_what_is_there)
            except (AuthError, ProtocolError) as error:
                outbox.fail(error)
                outbox.closed()
                return
            except (OSError, EOFError, TimeoutError, SinkError) as error:
                outbox.trouble(error)
            except asyncio.CancelledError:  # without another wait, so that who wakes it finds it ended
                self._abort()
                self._connection = None
                raise
            finally:
                sender.disconnected()
                await self._hang_up()
            if outbox.is_closing and outbox.is_empty:  # nobody is there to be told of the end
                outbox.closed()
            if outbox.is_closed:
                return
            if outbox.is_open:
                outbox.status("reconnecting")
            await asyncio.sleep(next(delays))

    async def _converse(self, outbox: Outgoing, sender: DeliverySender, only_what_is_there: bool) -> None:
        """Agree on a session, then send and hear until the outbox is closed or the connection ends."""
        from websockets.exceptions import ConnectionClosed

        connection = self._connection
        assert connection is not None
        try:
            await connection.send(encode_message(sender.connected()))
            async with asyncio.timeout(self._open_timeout):
                self._take_answer(await connection.recv(), outbox, sender)
            outbox.opened("connected")
            await send_frames(connection, outbox.preface)
            name = f"asyncrr answers of {self.name}"
            hearing = self._hearing = asyncio.create_task(self._hear(connection, outbox, sender), name=name)
            try:
                await self._send(connection, outbox, sender, hearing, only_what_is_there)
            finally:
                if not self._is_abandoned:
                    hearing.cancel()
                    await asyncio.wait([hearing])
            hearing.cancelled() or hearing.result()
        except ConnectionClosed as error:
            code = None if error.rcvd is None else error.rcvd.code
            if code == _TOO_BIG:
                raise ProtocolError(self.name, "a frame is larger than it takes: log smaller pieces") from None
            if code == _DAMAGED:
                self._note_damage(outbox.durable_sequence)
            raise ConnectError(self.name, f"the connection was cut: {error}") from None

    def _note_damage(self, durable: int) -> None:
        """A frame that arrives damaged time and again was damaged before it was sent.

        Raises:
            ProtocolError: So it is.
        """
        behind, times = self._damaged
        self._damaged = (durable, times + 1 if behind == durable else 1)
        if self._damaged[1] >= _MAX_DAMAGED:
            reason = f"what follows frame {durable} changed after it was logged: leave out copy=False"
            raise ProtocolError(self.name, reason) from None

    def _take_answer(self, data: str | bytes, outbox: Outgoing, sender: DeliverySender) -> bool:
        """Do what follows from a message of the collector; tells whether it has ended the session."""
        try:
            outcome = sender.receive(decode_message(data if isinstance(data, bytes) else data.encode()))
        except FormatError as error:
            raise ProtocolError(self.name, str(error)) from None
        match outcome:
            case Delivered(sequence):
                outbox.delivered(sequence)
            case Rewind(durable):
                outbox.rewind(durable)
            case Refused(code, text):
                raise ProtocolError(self.name, f"{code}: {text}")
            case Done():
                return True
        self._changed.set()
        return False

    async def _hear(self, connection: ClientConnection, outbox: Outgoing, sender: DeliverySender) -> None:
        """Take the collector's answers until it has ended the session."""
        while not self._take_answer(await connection.recv(), outbox, sender):
            pass

    async def _send(
        self,
        connection: ClientConnection,
        outbox: Outgoing,
        sender: DeliverySender,
        hearing: asyncio.Task[None],
        only_what_is_there: bool,
    ) -> None:
        hearing.add_done_callback(lambda _: self._changed.set())
        while not hearing.done():
            self._changed.clear()
            if sender.state is SenderState.ENDING:
                async with asyncio.timeout(_LAST_SECONDS):
                    await self._changed.wait()
            elif outbox.has_queued and sender.room_bytes > 0:
                frames = outbox.take(sender.room_bytes)
                for frame in frames:
                    sender.sent(frame.sequence, frame.nbytes, numbers_of(frame))
                await send_frames(connection, frames)
            elif outbox.is_empty and only_what_is_there:
                return
            elif outbox.is_empty and outbox.is_closing and outbox.is_complete:
                await connection.send(encode_message(sender.end()))
            elif outbox.is_empty and outbox.is_closing:
                outbox.closed()
                return
            else:
                await self._changed.wait()
        if sender.state is SenderState.ENDED:
            outbox.closed()

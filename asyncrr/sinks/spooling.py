"""A sink that writes to a spool and sends what the spool holds, and the sending of what others left there."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import os
from collections.abc import Callable
from typing import Any, NamedTuple

from asyncrr.errors import ConnectError, SinkError
from asyncrr.notices import notice
from asyncrr.outbox import Outbox
from asyncrr.sinks.file import SegmentSink
from asyncrr.sinks.spool import SpoolLock, SpoolWriter
from asyncrr.sinks.spooled import Spooled, open_spooled, remove_empty, spooled_writers
from asyncrr.sinks.websocket import WebSocketSink

__all__ = ["Pushed", "SpoolSink", "push"]

_PATIENCE_SECONDS = 1.0
_CLOSING_SECONDS = 2.0


class SpoolSink(SegmentSink):
    """Writes rows to a spool and sends them from there to a collector.

    A row is delivered once the collector has it on its disk; while the collector cannot be reached, or has not
    acknowledged the row within a second, once the spool has it. What the spool has survives a kill of the process
    (not a loss of power), and ``asyncrr push`` sends it.

    Args:
        url: ``ws://host:port`` or ``wss://host:port``.
        directory: The spool; made if it does not exist. Any number of recordings and processes may share it.
        token: What the collector asks for; never shown.
        segment_bytes: When a further file is begun.
        settings: For :class:`WebSocketSink`.

    Raises:
        UsageError: The address is none.
    """

    def __init__(
        self,
        url: str,
        directory: str | os.PathLike[str],
        *,
        token: str | None = None,
        segment_bytes: int = 16 * 2**20,
        **settings: Any,
    ) -> None:
        self._link = WebSocketSink(url, token=token, **settings)
        self._arguments = (url, os.fspath(directory), token, segment_bytes, settings)
        self._files = SpoolWriter(os.fspath(directory), segment_bytes)
        self._spooled: Spooled | None = None
        self._patience: asyncio.TimerHandle | None = None
        super().__init__(self._link.name, self._files)

    def __repr__(self) -> str:
        return f"<SpoolSink {self.name}>"

    # ---- the spool

    def _opened(self, error: Exception | None) -> None:
        outbox = self._outbox
        assert outbox is not None
        if error is None:
            if self._spooled is None:
                self._spooled = Spooled(outbox.header, self._files.files, outbox.durable_sequence + 1)
                self._spooled.preface = outbox.preface
                self._spooled.on_change = self._link_changed
            self._spooled.is_unreachable = False
            self._link.attach(self._spooled)
            outbox.rewind(self._files.written_sequence)
            self.wake()
        else:
            super()._opened(error)

    def wake(self) -> None:
        """Write what there is; once it is closed, only the connection goes on."""
        if self._spooled is None or not self._spooled.is_closing:
            super().wake()

    def _handed_over(self, outbox: Outbox, sequence: int) -> None:
        assert self._spooled is not None
        self._spooled.last_sequence = max(self._spooled.last_sequence, sequence)
        self._link.wake()
        self._release()

    def _closed(self, error: Exception | None) -> None:
        spooled = self._spooled
        assert spooled is not None
        if error is not None:
            spooled.trouble(error)
        spooled.is_closing = True
        if spooled.is_unreachable:
            self._let_go()
            return
        assert self._loop is not None
        self._link.wake()  # tells the collector of the end, when it has everything
        self._set_patience(self._loop.call_later(_CLOSING_SECONDS, self._let_go, context=contextvars.Context()))

    # ---- the connection

    def _link_changed(self) -> None:
        """Pass on what the connection tells."""
        outbox, spooled = self._outbox, self._spooled
        assert outbox is not None
        assert spooled is not None
        if spooled.error is not None and outbox.opening_error is None:
            notice(f"{spooled.error}; rows stay in the spool, send them with: asyncrr push DIR URL")
            outbox.refuse_opening(spooled.error)
        if spooled.last_trouble is not None and not outbox.has_queued:  # else the spool's own trouble comes first
            outbox.trouble(spooled.last_trouble)
        if spooled.durable_sequence > outbox.durable_sequence:
            outbox.delivered(min(spooled.durable_sequence, self._files.written_sequence))
        if spooled.is_open and not outbox.is_open:
            outbox.opened(spooled.state)
        elif spooled.state != outbox.state and not outbox.is_closed:
            outbox.status(spooled.state)
        if spooled.is_closing:
            if spooled.is_closed or spooled.is_unreachable:
                self._let_go()
            return
        self._release()
        self.wake()

    def _release(self) -> None:
        """Count as delivered what the spool has, if the collector leaves it at that."""
        outbox, spooled, written = self._outbox, self._spooled, self._files.written_sequence
        assert outbox is not None
        assert spooled is not None
        if outbox.durable_sequence >= written:
            self._set_patience(None)
        elif spooled.is_unreachable:
            outbox.delivered(written)
        elif self._patience is None:
            assert self._loop is not None
            self._set_patience(
                self._loop.call_later(
                    _PATIENCE_SECONDS, self._lose_patience, outbox, written, context=contextvars.Context()
                )
            )

    def _set_patience(self, timer: asyncio.TimerHandle | None) -> None:
        if self._patience is not None:
            self._patience.cancel()
        self._patience = timer

    def _lose_patience(self, outbox: Outbox, written: int) -> None:
        self._patience = None
        outbox.delivered(written)
        self._release()
        self.wake()

    def _let_go(self) -> None:
        """Close what is left; what is not acknowledged stays in the spool."""
        self._set_patience(None)
        self._link.finish(0.0)
        if self._spooled is not None:
            self._spooled.tidy()
        self._files.release()
        if self._outbox is not None and not self._outbox.is_closed:
            self._outbox.delivered(self._files.written_sequence)
            self._outbox.closed()

    def finish(self, timeout: float) -> None:
        """Write what is left to the spool, in the calling thread, and let go."""
        super().finish(timeout)
        self._let_go()

    def forget(self) -> SpoolSink:
        """In a forked child: leave the parent's files and socket alone."""
        url, directory, token, segment_bytes, settings = self._arguments
        self._files.forget()
        self._link.forget()
        return SpoolSink(url, directory, token=token, segment_bytes=segment_bytes, **settings)


class Pushed(NamedTuple):
    """What became of a spool.

    Attributes:
        writers: Whose rows were sent to the end.
        busy: Writers whose process runs, or is pushed by another.
        unreadable: Writers of whose files nothing can be read.
        damaged: Frames that could not be read; gap marks stand for them.
    """

    writers: int
    busy: int
    unreadable: int
    damaged: int


async def push(
    directory: str | os.PathLike[str],
    url: str,
    *,
    token: str | None = None,
    patience: float = 30.0,
    on_progress: Callable[[str], None] = lambda writer_id: None,
) -> Pushed:
    """Send what a spool holds of writers that are gone, and remove what the collector acknowledged.

    What the collector has already it does not store again, so that this may be repeated and interrupted.

    Args:
        directory: The spool.
        url: Of the collector.
        token: What it asks for.
        patience: Seconds without an acknowledgement after which to give up.
        on_progress: Called with each writer that was sent.

    Raises:
        SinkError: The collector refuses, or does not answer in time; rows stay in the spool.
        OSError: The spool cannot be read.
    """
    place = os.fspath(directory)
    writers = busy = unreadable = damaged = 0
    for writer_id in await asyncio.to_thread(spooled_writers, place):
        try:
            lock = SpoolLock(place, writer_id)
        except BlockingIOError:
            busy += 1
            continue
        is_done = False
        try:
            await asyncio.to_thread(remove_empty, place, writer_id)
            if writer_id not in await asyncio.to_thread(spooled_writers, place):  # nothing left, or sent by another
                is_done = True
                continue
            spooled = await asyncio.to_thread(open_spooled, place, writer_id)
            if spooled is None:
                unreadable += 1
                continue
            await _push(spooled, WebSocketSink(url, token=token), patience)
            is_done = True
            writers += 1
            damaged += spooled.damaged
            on_progress(writer_id)
        finally:
            lock.release(is_done)
    return Pushed(writers, busy, unreadable, damaged)


async def _push(spooled: Spooled, link: WebSocketSink, patience: float) -> None:
    """Send all of one writer, and wait until it is acknowledged."""
    changed = asyncio.Event()
    spooled.on_change = changed.set
    link.attach(spooled)
    durable = -1
    try:
        while not spooled.is_closed and spooled.error is None:
            changed.clear()
            try:
                async with asyncio.timeout(patience):
                    while spooled.durable_sequence == durable and not spooled.is_closed and spooled.error is None:
                        await changed.wait()
                        changed.clear()
            except TimeoutError:
                raise _silence(link.name, patience, spooled.last_trouble) from None
            durable = spooled.durable_sequence
    finally:
        link.finish(0.0)
        with contextlib.suppress(asyncio.CancelledError):
            await link.ended()
    if spooled.error is not None:
        raise spooled.error
    spooled.tidy()


def _silence(name: str, patience: float, trouble: BaseException | None) -> SinkError:
    why = "is a collector running there?" if trouble is None else str(trouble)
    return ConnectError(name, f"nothing was acknowledged within {patience:g} s: {why}; rows stay in the spool")

"""The sinks of a recording side by side, and those who wait for them."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
from typing import TypeAlias

from asyncrr.errors import FlushError
from asyncrr.outbox import Outbox
from asyncrr.protocols import Sink

__all__ = ["Done", "FlushMark", "Lane", "Opening", "fail", "resolve"]

Done: TypeAlias = "concurrent.futures.Future[None]"


class Lane:
    """A sink and what it has to take; without a sink, rows are buffered."""

    __slots__ = ("loop", "outbox", "sink")

    def __init__(self, outbox: Outbox, sink: Sink | None) -> None:
        self.outbox = outbox
        self.sink = sink
        self.loop: asyncio.AbstractEventLoop | None = None

    def attach(self) -> None:
        """Have the sink begin, or go on where the recording's task has moved to another loop."""
        loop = asyncio._get_running_loop()
        if self.sink is None or (loop is not None and self.loop is loop):
            return
        self.loop = loop
        with contextlib.suppress(*[RuntimeError] if loop is None else []):  # the process ends: `finish` comes next
            self.sink.attach(self.outbox)


class FlushMark:
    """A flush that waits until outboxes have delivered everything up to a frame."""

    __slots__ = ("done", "outboxes")

    def __init__(self, outboxes: list[tuple[Outbox, int]], done: Done) -> None:
        self.outboxes = outboxes
        self.done = done

    def settle(self) -> bool:
        """Whether nothing is left to wait for."""
        for outbox, sequence in self.outboxes:
            if outbox.error is not None:
                fail(self.done, FlushError({outbox.name: 0}, None, str(outbox.error)))
                return True
            if outbox.durable_sequence < sequence and not outbox.is_closed:
                return False
        resolve(self.done)
        return True

    def pending(self) -> dict[str, int]:
        """For each sink that is behind, the rows it has not delivered."""
        rows = {}
        for outbox, sequence in self.outboxes:
            if outbox.durable_sequence < sequence:
                stats = outbox.stats()
                rows[outbox.name] = stats.queued + stats.in_flight
        return rows


class Opening:
    """Sinks that are to open."""

    __slots__ = ("done", "outboxes")

    def __init__(self, outboxes: list[Outbox], done: Done) -> None:
        self.outboxes = outboxes
        self.done = done

    def settle(self) -> bool:
        """Whether nothing is left to wait for."""
        for outbox in self.outboxes:
            if outbox.error is not None:
                fail(self.done, outbox.error)
                return True
        if not all(outbox.is_open for outbox in self.outboxes):
            return False
        resolve(self.done)
        return True


def resolve(done: Done) -> None:
    """End a wait, unless it has ended."""
    if not done.done():
        done.set_result(None)


def fail(done: concurrent.futures.Future[None], error: BaseException) -> None:
    if not done.done():
        done.set_exception(error)

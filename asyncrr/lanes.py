"""The sinks of a recording side by side, and those who wait for them."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import contextvars
from collections.abc import Callable
from typing import TypeAlias

from asyncrr.errors import FlushError, SinkError
from asyncrr.outbox import Outbox
from asyncrr.protocols import Sink

__all__ = ["Closing", "Done", "FlushMark", "Lane", "Opening", "Waits", "fail"]

Done: TypeAlias = "concurrent.futures.Future[None]"

_FINISH_SECONDS = 1.0
"""How long a write that is under way may take where the task is cancelled that closes."""


class Lane:
    """A sink and what it has to take; without a sink, rows are buffered."""

    __slots__ = ("loop", "outbox", "sink")

    def __init__(self, outbox: Outbox, sink: Sink | None) -> None:
        self.outbox: Outbox = outbox
        self.sink: Sink | None = sink
        self.loop: asyncio.AbstractEventLoop | None = None

    def attach(self) -> None:
        """Have the sink begin, or go on where the recording's task has moved to another loop."""
        loop = asyncio._get_running_loop()
        if self.sink is None or (loop is not None and self.loop is loop):
            return
        self.loop = loop
        try:
            self.sink.attach(self.outbox)
        except Exception as error:
            if loop is not None:  # else the process ends: `finish` comes next
                self._fail(error)

    @property
    def is_idle(self) -> bool:
        """Whether the sink has delivered all it was given."""
        return self.sink is None or self.outbox.is_empty

    @property
    def is_over(self) -> bool:
        """Whether the sink will take nothing any more."""
        return self.sink is None or self.outbox.is_closed or self.outbox.error is not None

    @property
    def turn(self) -> int | None:
        """Rises while the sink waits for a thread that is at work for others; ``None`` where it waits for none."""
        return getattr(self.sink, "turn", None)

    def wake(self) -> None:
        """Tell the sink that there is something to do."""
        if self.sink is None or self.outbox.is_closed:
            return
        try:
            self.sink.wake()
        except Exception as error:
            self._fail(error)

    def finish(self, seconds: float) -> None:
        """Have the sink write out what it can and let go, without a loop."""
        if self.sink is None:
            return
        try:
            self.sink.finish(seconds)
        except Exception as error:
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        """A sink that raises breaks its contract: it is not asked again, and nobody else suffers."""
        self.outbox.fail(SinkError(self.outbox.name, f"the sink is broken: {error!r}"))
        self.outbox.closed()


class FlushMark:
    """A flush that waits until outboxes have delivered everything up to a frame."""

    __slots__ = ("done", "outboxes")

    def __init__(self, outboxes: list[tuple[Outbox, int]], done: Done) -> None:
        self.outboxes: list[tuple[Outbox, int]] = outboxes
        self.done: Done = done

    def settle(self) -> bool:
        """Whether nothing is left to wait for."""
        for outbox, sequence in self.outboxes:
            if outbox.error is not None:
                fail(self.done, FlushError(_dropped([outbox]), None, str(outbox.error)))
                return True
            if outbox.durable_sequence >= sequence:
                continue
            if not outbox.is_closed:
                return False
            fail(self.done, FlushError(_dropped([outbox]), None, "closed before that"))
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


class Closing:
    """Sinks that are to deliver what they have, and close."""

    __slots__ = ("done", "lanes")

    def __init__(self, lanes: list[Lane], done: Done) -> None:
        self.lanes: list[Lane] = lanes
        self.done: Done = done
        for lane in lanes:
            lane.outbox.is_closing = True

    def settle(self) -> bool:
        """Whether nothing is left to wait for."""
        if not all(lane.is_over for lane in self.lanes):
            return False
        failed = [lane.outbox for lane in self.lanes if lane.outbox.error is not None]
        rows = _dropped(failed)
        if any(rows.values()):  # else the failure was told when the sink opened or was flushed, and nothing is lost
            fail(self.done, FlushError(rows, None, str(failed[0].error)))
        resolve(self.done)
        return True

    def pass_on(self, done: Done) -> None:
        """End the wait of `done` as this one ends."""

        def end(ended: Done) -> None:
            error = ended.exception()
            resolve(done) if error is None else fail(done, error)

        self.done.add_done_callback(end)

    def give_up(self, timeout: float | None, why: str) -> None:
        """Drop what is not delivered, and say so."""
        late = self._late()
        rows = {lane.outbox.name: lane.outbox.drop_all("close_timeout") for lane in late}
        if any(rows.values()):
            fail(self.done, FlushError(rows, timeout, why))
        for lane in late:
            lane.finish(0.0)
            lane.outbox.closed()
        resolve(self.done)

    def give_up_after(self, timeout: float, why: Callable[[], str], then: Callable[[], None]) -> None:
        """Give up in `timeout` seconds by the running loop, if there is one, and call `then`.

        The time begins anew where the disk has meanwhile been at work on the files of others, so that the turn of
        these has not come.
        """
        if (loop := asyncio._get_running_loop()) is None:
            return
        before = [lane.turn or 0 for lane in self.lanes]

        def act() -> None:
            if any((lane.turn or 0) > turn for lane, turn in zip(self.lanes, before, strict=True)):
                self.give_up_after(timeout, why, then)
            else:
                self.give_up(timeout, why())
                then()

        timer = loop.call_later(timeout, act, context=contextvars.Context())
        self.done.add_done_callback(lambda _: timer.cancel())

    def finish(self, why: str) -> None:
        """Have the sinks write out here and now what they can, and drop the rest."""
        for lane in self._late():
            lane.finish(_FINISH_SECONDS)
        self.give_up(None, why)

    def _late(self) -> list[Lane]:
        return [lane for lane in self.lanes if lane.sink is not None and not lane.outbox.is_closed]


class Opening:
    """Sinks that are to open."""

    __slots__ = ("done", "outboxes")

    def __init__(self, outboxes: list[Outbox], done: Done) -> None:
        self.outboxes: list[Outbox] = outboxes
        self.done: Done = done

    def settle(self) -> bool:
        """Whether nothing is left to wait for."""
        for outbox in self.outboxes:
            if (error := outbox.error or outbox.opening_error) is not None:
                fail(self.done, error)
                return True
            if outbox.is_closed and not outbox.is_open:
                fail(self.done, SinkError(outbox.name, "closed before it was open"))
        if not all(outbox.is_open or outbox.is_closed for outbox in self.outboxes):
            return False
        resolve(self.done)
        return True


class Waits:
    """All who wait for sinks, until each has heard."""

    def __init__(self) -> None:
        self._all: list[FlushMark | Opening | Closing] = []

    def add(self, one: FlushMark | Opening | Closing) -> None:
        """Have `one` wait, unless there is nothing to wait for."""
        if not one.settle():
            self._all.append(one)

    def settle(self) -> None:
        """Something has changed: tell those who waited for it."""
        self._all = [one for one in self._all if not one.settle()]

    def expire(self, done: Done, timeout: float, why: str) -> bool:
        """Fail the flush of `done`; tells whether its mark has come by yet."""
        for mark in self._all:
            if mark.done is done and isinstance(mark, FlushMark):
                fail(done, FlushError(mark.pending(), timeout, why))
                self._all.remove(mark)
                return True
        return False

    def disappoint(self, why: str) -> None:
        """Nobody may be left to hear of what they wait for: fail them all."""
        before, self._all = self._all, []
        for one in before:
            if isinstance(one, FlushMark):
                fail(one.done, FlushError(one.pending(), None, why))
            elif isinstance(one, Opening):
                fail(one.done, SinkError(one.outboxes[0].name, why))
            else:
                one.finish(why)

    def clear(self) -> None:
        """In a forked child, those who waited are in the parent."""
        self._all.clear()


def _dropped(failed: list[Outbox]) -> dict[str, int]:
    counts = {outbox.name: outbox.stats().dropped for outbox in failed}
    return {name: rows.get("sink_failed", 0) + rows.get("close_timeout", 0) for name, rows in counts.items()}


def resolve(done: Done) -> None:
    """End a wait, unless it has ended; who waits may end it at the same time in another thread."""
    with contextlib.suppress(concurrent.futures.InvalidStateError):
        done.set_result(None)


def fail(done: Done, error: BaseException) -> None:
    """End a wait with an error, unless it has ended."""
    with contextlib.suppress(concurrent.futures.InvalidStateError):
        done.set_exception(error)

"""A recording: an asyncio task that owns one queue, from opening to closing."""

from __future__ import annotations

import atexit
import concurrent.futures
import contextlib
import multiprocessing.util
import os
import time as clock
import weakref
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Self

from asyncrr import scope
from asyncrr.awaitables import Consequence
from asyncrr.errors import ConnectError, FlushError, UsageError
from asyncrr.home import running_loop
from asyncrr.intake import Intake
from asyncrr.kept import no_appends
from asyncrr.notices import notice
from asyncrr.portal import stop_background_loop
from asyncrr.stats import RecordingStats, recording_stats

if TYPE_CHECKING:
    from asyncrr.batching import BatchingConfig
    from asyncrr.protocols import Sink
    from asyncrr.queues import OnFull

__all__ = ["Recording"]

_EXIT_SECONDS = 5.0
_STOPPED_SECONDS = 1.0
_WORST_FIRST = ("failed", "reconnecting", "connecting", "buffering", "open", "connected", "closed")

_all: weakref.WeakSet[Recording] = weakref.WeakSet()


class Recording(Intake):
    """Takes rows to sinks, and is entered, flushed and closed. Arguments as for :class:`asyncrr.intake.Intake`."""

    def __init__(
        self,
        application_id: str,
        recording_id: str,
        *,
        is_enabled: bool,
        strict: bool | None,
        batching: BatchingConfig,
        on_full: OnFull,
        max_queue_bytes: int,
    ) -> None:
        super().__init__(
            application_id,
            recording_id,
            is_enabled=is_enabled,
            strict=strict,
            batching=batching,
            on_full=on_full,
            max_queue_bytes=max_queue_bytes,
        )
        self._starter: object = None
        self._closing: Consequence[None] | None = None
        _all.add(self)

    # ---- sinks

    def set_sinks(self, *sinks: Sink) -> Consequence[None]:
        """Send what is logged from now on to all of `sinks`; what is buffered goes to each of them.

        A sink that was set before delivers what it has and closes. Without sinks, rows are buffered again.

        Returns:
            Awaiting it waits until every sink is open; a thread without a loop waits at once for files.

        Raises:
            SinkError: When awaited: a sink could not be opened. Its rows are counted as dropped.
        """
        names = [sink.name for sink in sinks]
        if len(set(names)) < len(names):
            raise UsageError(f"set_sinks: {names} names a sink twice")
        self._reopen()
        self._sinks = sinks
        opened: concurrent.futures.Future[None] = concurrent.futures.Future()
        self._command(lambda: self._writer.switch(sinks, opened))
        return Consequence(opened)

    def disconnect(self) -> Consequence[None]:
        """Buffer what is logged from now on.

        Returns:
            Awaiting it waits until the sinks that were set have delivered what they had and are closed. A thread
            without a loop waits at once, for at most 5 seconds.
        """
        if self._is_closed:
            return Consequence.settled()
        closed: concurrent.futures.Future[None] = concurrent.futures.Future()
        self._sinks = ()
        self._command(lambda: self._writer.retire(closed))
        return self._bounded(Consequence(closed), 5.0)

    def flush(self, timeout: float | None = 10.0) -> Consequence[None]:
        """Have every row that was logged before handed over by every sink, each by its own measure.

        Args:
            timeout: Seconds; ``None`` waits for ever. With the buffered sink there is nothing to wait for.

        Returns:
            Awaiting it waits; a thread without a loop waits at once. Cancelling that wait changes nothing.

        Raises:
            FlushError: When awaited: rows were not handed over within `timeout`, or a sink failed for good.
        """
        done: concurrent.futures.Future[None] = concurrent.futures.Future()
        with self._queue.lock:
            is_idle = self._queue.is_idle and self._writer.is_idle
        if is_idle:
            self._writer.mark(done)
            return self._bounded(Consequence(done), timeout)
        self._command(lambda: self._writer.mark(done))
        if timeout is not None:
            self._home.call(lambda: self._expire_later(done, timeout))
        return self._bounded(Consequence(done), None if timeout is None else timeout + 1.0)

    def flush_here(self) -> None:
        """Pass on what is queued at once: for sinks that keep it here.

        In the thread that runs the recording's task it is done at once, in any other it is waited for.
        """
        if running_loop() is None:
            self.flush()
        elif self._home.is_elsewhere:
            with contextlib.suppress(TimeoutError):
                self.flush().result(_STOPPED_SECONDS)
        else:
            self._home.call(self._writer.drain_here)

    def _command(self, command: Callable[[], None]) -> None:
        """Have the recording's task do something when it has passed on what is queued."""
        self._queue.command(command)
        self._home.call(self._writer.wake)

    def _opened_within(self, timeout: float, sink: Sink) -> Consequence[None]:
        """Set a sink that may take long to open; awaiting fails after `timeout` seconds, the sink goes on trying."""
        opened = self.set_sinks(sink)
        error = ConnectError(sink.name, f"no answer within {timeout:g} s: is a collector running there?")

        def expire_later() -> None:
            timer = self._home.later(timeout, lambda: opened.fail(error))
            opened.add_done_callback(lambda _: timer.cancel())

        self._home.call(expire_later)
        return opened

    def _expire_later(self, done: concurrent.futures.Future[None], timeout: float) -> None:
        timer = self._home.later(timeout, lambda: self._writer.expire(done, timeout))
        done.add_done_callback(lambda _: self._home.call(timer.cancel) if self._home.is_running else None)

    def _bounded(self, consequence: Consequence[None], timeout: float | None) -> Consequence[None]:
        """In a thread without a loop, wait here and now; not for long if the recording's own loop stands still."""
        if running_loop() is None:
            try:
                consequence.result(timeout if self._home.is_elsewhere else _STOPPED_SECONDS)
            except TimeoutError:
                rows = self._queue.counts().waiting
                consequence.fail(FlushError({"the queue": rows}, timeout, "the recording's loop does not answer"))
                consequence.result()
        return consequence

    # ---- opening and closing

    def start(self) -> Consequence[None]:
        """Start the recording's task; the one who starts it closes it."""
        self._reopen()
        if self._home.ensure():
            self._starter = self
        return Consequence.settled()

    def _reopen(self) -> None:
        if not self._is_closed:
            return
        self._is_closed = False
        closing, self._closing = self._closing, None
        self._starter = None
        if closing is None or closing.done():
            self._writer.reopen()
        else:  # behind the closing, which goes on
            self._queue.command(self._writer.reopen)

    def aclose(self, timeout: float = 5.0) -> Consequence[None]:
        """Take no further rows, hand over what is queued, close files and connections, end the task.

        Args:
            timeout: Seconds; what is not handed over by then is counted as dropped (``close_timeout``). While the disk
                is at work on other files of this process, it begins anew.

        Returns:
            Awaiting it waits for the end. Cancelling that wait does not stop the closing.

        Raises:
            FlushError: When awaited: rows were dropped.
        """
        if self._closing is not None:
            return self._closing
        done: concurrent.futures.Future[None] = concurrent.futures.Future()
        self._closing = Consequence(done)
        self._appends = no_appends()
        self._is_closed = True
        self._sinks = ()
        if not self._home.is_running and self._queue.is_idle and self._writer.is_buffering:
            done.set_result(None)
            return self._closing
        self._command(lambda: self._writer.close(done, timeout))
        self._room_changed()
        return self._closing

    def close(self, timeout: float = 5.0) -> None:
        """As :meth:`aclose`, and wait for it in a thread that runs no loop; on a loop's own thread it only begins.

        Raises:
            FlushError: Rows were dropped.
        """
        self._bounded(self.aclose(timeout), timeout + 1.0)

    async def __aenter__(self) -> Self:
        self._reopen()
        is_started_here = self._home.ensure()
        entered = scope.enter(self)
        if is_started_here:
            self._starter = entered
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        left = scope.leave_innermost(self)
        if left is None or left is not self._starter:
            return
        try:
            await self.aclose()
        except FlushError as failure:
            if error is None:
                raise
            notice(f"recording {self._recording_id}: {failure}")

    def __enter__(self) -> Self:
        self._reopen()
        scope.enter(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        scope.leave_innermost(self)
        if running_loop() is not None or self._is_closed:
            return
        try:
            self.flush()
        except FlushError as failure:
            if error is None:
                raise
            notice(f"recording {self._recording_id}: {failure}")

    # ---- what it is

    @property
    def application_id(self) -> str:
        """The application's name."""
        return self._application_id

    @property
    def recording_id(self) -> str:
        """Which recording this is; several objects and processes may write to one."""
        return self._recording_id

    @property
    def writer_id(self) -> str:
        """Which writer of the recording this object is since it was opened: 32 hexadecimal digits."""
        return self._writer.header.writer_id

    def get_recording_id(self) -> str:
        """The recording's id."""
        return self._recording_id

    def get_application_id(self) -> str:
        """The application's name."""
        return self._application_id

    def is_enabled(self) -> bool:
        """Whether what is logged is kept: ``ASYNCRR`` in the environment, else ``RERUN``, else ``default_enabled``."""
        return self._is_enabled

    @property
    def is_closed(self) -> bool:
        """Whether it takes no rows, until it is entered or given a sink again."""
        return self._is_closed

    @property
    def status(self) -> str:
        """``buffering``, ``open``, ``connecting``, ``connected``, ``reconnecting``, ``closed`` or ``failed``.

        Of several sinks, the state of the one that is worst off.
        """
        if self._is_closed:
            return "closed"
        states = {lane.outbox.state for lane in self._writer.lanes}
        return next((state for state in _WORST_FIRST if state in states), "open")

    def stats(self) -> RecordingStats:
        """Rows and bytes logged, queued, in flight, delivered and dropped: an immutable snapshot."""
        with self._queue.lock:
            sinks = [lane.outbox.stats() for lane in self._writer.lanes]
            return recording_stats(self.status, self._queue.counts(), sinks, self._bad_data)

    def __repr__(self) -> str:
        stats = self.stats()
        sinks = ", ".join(sink.name for sink in stats.sinks)
        return (
            f"<{type(self).__name__} {self._application_id!r} {self._recording_id} {stats.status} to {sinks}: "
            f"{stats.logged} rows logged, {stats.delivered} delivered, {sum(stats.dropped.values())} dropped>"
        )

    # ---- the process' end

    def _finish(self, deadline: float) -> None:
        """Hand over what is queued when the interpreter ends."""
        if self._is_closed and self._closing is not None and self._closing.done():
            return
        if self._home.is_elsewhere:
            try:
                self.close(max(0.1, deadline - clock.monotonic()))
            except (FlushError, TimeoutError) as error:
                notice(f"recording {self._recording_id}: {error}")
            return
        self._appends = no_appends()
        self._is_closed = True
        self._home.abandon()
        pending = self._writer.finish(deadline)
        self._closing = Consequence.settled()
        if pending:
            notice(f"recording {self._recording_id}: {FlushError(pending, None, 'the process ends')}")

    def _forget(self) -> None:
        """In a forked child: what is queued is the parent's, and so are its file and connection."""
        self._queue.forget()
        self._appends = no_appends()
        self._checkpoint = 0
        self._is_tick_armed = self._is_full = False
        self._room_waiters.clear()
        self._home.forget(self._queue.lock)
        if self._is_closed:
            self._closing = Consequence.settled()
        self._sinks = tuple([sink.forget() for sink in self._sinks])
        self._writer.forget(self._sinks)


def _finish_all() -> None:
    deadline = clock.monotonic() + _EXIT_SECONDS
    for recording in list(_all):
        recording._finish(deadline)
    stop_background_loop()


def _forget_all() -> None:
    for recording in list(_all):
        recording._forget()


def _finish_child(_: object = None) -> None:
    """A process that ``multiprocessing`` started ends without ``atexit``, but calls its finalizers."""
    multiprocessing.util.Finalize(None, _finish_all, exitpriority=0)


atexit.register(_finish_all)
if multiprocessing.parent_process() is not None:
    _finish_child()
multiprocessing.util.register_after_fork(_finish_child, _finish_child)  # a child clears what stood there before
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)

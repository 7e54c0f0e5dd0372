"""The intake of a recording: a row from the call to the queue, or the reason why not."""

from __future__ import annotations

import concurrent.futures
import contextlib
import time as clock
import warnings
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from asyncrr.archetypes import Scalars, TextLog
from asyncrr.archetypes.any_values import plain_bytes
from asyncrr.awaitables import DONE, TURN, Consequence
from asyncrr.batching import ROW_BYTES, BatchingConfig
from asyncrr.bulk import chunks_of
from asyncrr.conversions import registered
from asyncrr.errors import ClosedError, QueueFull, RecordingWarning, UsageError
from asyncrr.home import Home, running_loop
from asyncrr.kept import COLUMNS, Kept, kept_of, no_appends
from asyncrr.notices import callers_level, notice_of_drops
from asyncrr.paths import entity_path_of
from asyncrr.queues import CHUNK_ROWS, OnFull, RowQueue
from asyncrr.refusals import is_strict_everywhere
from asyncrr.rows import CALL_SHIFT, OpenRows
from asyncrr.scope import active_time_point, context_state, doubts
from asyncrr.timelines import TimeColumn, TimePoint, time_point_of
from asyncrr.writer import Writer

if TYPE_CHECKING:
    from asyncrr.protocols import Sink

__all__ = ["Intake"]

_TURN_ROWS = 1024
_ASK_SECONDS = 1.0

_time_ns = clock.time_ns


class Intake:
    """Takes rows from any thread, checks and copies them, and keeps the queue within its bound.

    Args:
        application_id: The application's name.
        recording_id: Which recording.
        is_enabled: Whether rows are taken at all.
        strict: Raise on bad data; ``None`` asks ``ASYNCRR_STRICT``.
        batching: When a batch is due.
        on_full: What happens at the bound.
        max_queue_bytes: The bound.
    """

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
        self._application_id = application_id
        self._recording_id = recording_id
        self._is_enabled = is_enabled
        self._strict = strict
        self._batching = batching
        self._batch_units = min(batching.batch_units, max(1, max_queue_bytes // (4 * ROW_BYTES)))
        self._on_full: OnFull = on_full
        self._max_queue_bytes = max_queue_bytes
        self._queue = RowQueue()
        self._writer = Writer(self._queue, application_id, recording_id, on_full, max_queue_bytes, self._room_changed)
        self._home = Home(f"asyncrr {recording_id}", self._run, self._queue.lock)
        self._next_call = self._queue.next_call
        self._appends = no_appends()
        self._checkpoint = 0
        self._bad_data = 0
        self._sinks: tuple[Sink, ...] = ()
        self._room_waiters: deque[concurrent.futures.Future[None]] = deque()
        self._is_full = False
        self._is_closed = False
        self._is_tick_armed = False

    # ---- logging

    def log(
        self,
        path: str | list[Any],
        entity: object,
        *more: object,
        static: bool = False,
        time: Mapping[str, Any] | None = None,
        strict: bool | None = None,
    ) -> Awaitable[None]:
        """Log one row.

        When it returns, the value is checked and copied, the time is stamped and the row is queued. Awaiting gives
        back-pressure: it waits while the queue is over its bound (``on_full="wait"``), and lets other tasks run at
        least once per batch. Cancelling that wait does not take the row back.

        Args:
            path: Entity path; a list is escaped part by part.
            entity: An archetype, an object with ``as_component_batches``, or a plain object (see
                :mod:`asyncrr.conversions`).
            more: Further ones, for the same row.
            static: The row has no time and holds on all timelines.
            time: Timelines of this row alone, over those of the context: ``{"frame": 7}``. An ``int`` is a
                sequence, a ``timedelta`` a duration, a ``datetime`` a timestamp.
            strict: Raise on bad data instead of warning; ``None`` takes the recording's setting.

        Raises:
            DataError: The value cannot be stored, under `strict`.
            QueueFull: The queue is full and ``on_full="raise"``.
            ClosedError: The recording is closed, under `strict`.
        """
        if more or static or time is not None:
            return self._log(path, (entity, *more), static, time, strict)
        kind = entity.__class__
        value: Any
        try:
            append = self._appends[kind][path]  # type: ignore[index]
            if kind is Scalars:
                value = entity.scalars  # type: ignore[attr-defined]
            else:
                if kind is TextLog:
                    value = (entity.text, entity.level, entity.color)  # type: ignore[attr-defined]
                    size = len(value[0])
                elif (size := plain_bytes(entity)) > 0 and dict not in registered:  # type: ignore[arg-type]
                    value = entity.copy()  # type: ignore[attr-defined]
                else:
                    return self._log(path, (entity,), static, time, strict)
                self._queue.extra_bytes += size
                self._checkpoint -= size // ROW_BYTES
        except (KeyError, TypeError, AttributeError):  # of the last: the archetype was made of bad data
            return self._log(path, (entity,), static, time, strict)
        call = self._next_call()
        append((call, _time_ns(), active_time_point() if doubts else context_state()[1], value))
        return DONE if call < self._checkpoint else self._at_checkpoint(call, append.__self__)  # type: ignore[attr-defined]

    def _log(
        self,
        path: str | list[Any],
        entities: tuple[object, ...],
        static: bool,
        time: Mapping[str, Any] | None,
        strict: bool | None,
        log_time_ns: int | None = None,
    ) -> Awaitable[None]:
        if not self._is_enabled:
            return self._unheard()
        if self._is_closed:
            return self._refuse_closed(strict)
        try:
            canonical = entity_path_of(path)
            time_point = active_time_point() if time is None else time_point_of(time, active_time_point())
            kept = kept_of(entities)
        except UsageError:
            raise
        except Exception as error:
            return self._refuse_bad_data(path, error, strict)
        return self._queue_row(canonical, static, time_point, kept, log_time_ns)

    def log_created(self, path: str, entities: Sequence[object], log_time_ns: int) -> Awaitable[None]:
        """Log one row of something that came about earlier.

        Args:
            path: Entity path.
            entities: As for :meth:`log`.
            log_time_ns: When, in nanoseconds since the epoch.
        """
        return self._log(path, tuple(entities), False, None, None, log_time_ns)

    def _log_at(
        self, path: str, archetype: Callable[..., object], arguments: tuple[Any, ...], time_point: TimePoint
    ) -> Awaitable[None]:
        """Log a row whose archetype is yet to be made, at a canonical path."""
        if not self._is_enabled:
            return self._unheard()
        if self._is_closed:
            return self._refuse_closed(None)
        try:
            kept = kept_of((archetype(*arguments),))
        except UsageError:
            raise
        except Exception as error:
            return self._refuse_bad_data(path, error, None)
        return self._queue_row(path, False, time_point, kept, None)

    def _queue_row(
        self, path: str, static: bool, time_point: TimePoint, kept: Kept, log_time_ns: int | None
    ) -> Awaitable[None]:
        kind, value, size = kept
        make_columns = COLUMNS[kind]
        if self._is_full and not self._has_room(max(size, ROW_BYTES)):
            return self._refused()
        open_rows = self._queue.open_rows(path, static, make_columns)
        call = self._next_call()
        open_rows.extend((call, log_time_ns or _time_ns(), time_point, value))
        if kind is not None and not static and not self._is_full:
            self._appends[kind][path] = open_rows.extend
        if size > ROW_BYTES:
            self._queue.extra_bytes += size
            self._checkpoint -= size // ROW_BYTES
        return DONE if call < self._checkpoint else self._at_checkpoint(call, open_rows)

    def send_columns(
        self,
        path: str | list[Any],
        indexes: Iterable[TimeColumn],
        columns: Iterable[Any],
        strict: bool | None = None,
    ) -> Awaitable[None]:
        """Log many rows at once, given as columns.

        Neither the timelines of the context nor ``log_time`` are added.

        Args:
            path: Entity path; a list is escaped part by part.
            indexes: The rows' times, one :class:`asyncrr.TimeColumn` for each timeline; none for static rows.
            columns: What an archetype's ``columns(...)`` returns; every column has as many rows as every index.
            strict: Raise on bad data instead of warning; ``None`` takes the recording's setting.

        Raises:
            DataError: The lengths differ or a value cannot be stored, under `strict`.
            QueueFull: The queue is full and ``on_full="raise"``.
        """
        if not self._is_enabled:
            return self._unheard()
        if self._is_closed:
            return self._refuse_closed(strict)
        try:
            canonical = entity_path_of(path)
            chunks = chunks_of(canonical, list(indexes), list(columns), self._next_call)
        except UsageError:
            raise
        except Exception as error:
            return self._refuse_bad_data(path, error, strict)
        awaitable: Awaitable[None] = DONE
        for chunk in chunks:
            if self._is_full and not self._has_room(chunk.nbytes, len(chunk)):
                awaitable = self._refused()
                continue
            self._queue.put(chunk)
            awaitable = self._at_checkpoint(self._next_call(), None)
        return awaitable

    # ---- the queue's door

    def _at_checkpoint(self, call: int, open_rows: OpenRows | None) -> Awaitable[None]:
        """Look after the queue once in a while: arm the tick, seal what is large, mind the bound."""
        queue = self._queue
        if open_rows is not None and open_rows.row_count >= CHUNK_ROWS:
            queue.seal(open_rows)
        if not self._is_tick_armed:
            self._is_tick_armed = True
            self._home.call(self._arm_tick)
        is_due = open_rows is None or queue.open_units(call) >= self._batch_units
        if is_due:
            queue.seal()
            self._home.call(self._writer.wake)
        self._checkpoint = call + min(_TURN_ROWS, self._batch_units)
        if self._writer.held_bytes >= self._max_queue_bytes:
            self._shut()
        if self._is_full and self._on_full == "wait":
            return self._room()
        return TURN

    async def _run(self) -> None:
        """The recording's task. A tick of a loop that ends with it never comes: the next row arms another."""
        try:
            await self._writer.run()
        finally:
            self._is_tick_armed = False
            self._checkpoint = 0
            self._let_in()  # who waits on would hear of nothing, and logs a row too much at most

    def _arm_tick(self) -> None:
        self._home.later(self._batching.flush_tick, self._tick)

    def _tick(self) -> None:
        """Rows are due. What is logged from here on passes the checkpoint and arms the next tick."""
        self._is_tick_armed = False
        self._checkpoint = 0
        if not self._queue.is_idle:
            self._home.call(self._writer.wake)

    def _shut(self) -> None:
        """The queue is full: every further row must ask for room."""
        self._is_full = True
        self._appends = no_appends()

    def _room_changed(self) -> None:
        """Sinks hold less: let in those who wait."""
        if self._is_full and (self._is_closed or self._writer.held_bytes < self._max_queue_bytes):
            self._is_full = False
        if not self._is_full:
            self._let_in()

    def _let_in(self) -> None:
        with contextlib.suppress(IndexError):  # a thread that closes may let them in at the same time
            while True:
                self._room_waiters.popleft().set_result(None)

    def _room(self) -> Consequence[None]:
        """Wait until there is room: at once in a thread without a loop, else when awaited."""
        waiter: concurrent.futures.Future[None] = concurrent.futures.Future()
        self._room_waiters.append(waiter)
        self._home.call(self._room_changed)
        room = Consequence(waiter)
        if running_loop() is None:
            while not waiter.done() and self._home.is_elsewhere:  # a loop that stands still will not make room
                with contextlib.suppress(TimeoutError):
                    room.result(_ASK_SECONDS)
                self._home.call(self._room_changed)  # where its loop has ended, this starts the task in another
            with contextlib.suppress(ValueError):
                self._room_waiters.remove(waiter)
        return room

    def _has_room(self, nbytes: int, rows: int = 1) -> bool:
        """Whether a full queue takes this row all the same; otherwise it is counted as dropped."""
        held = self._writer.held_bytes
        if held < self._max_queue_bytes:
            self._home.call(self._room_changed)
            return True
        is_buffering = self._writer.is_buffering and not self._sinks
        if is_buffering or self._on_full == "drop_oldest":
            reason = "buffer_full" if is_buffering else "queue_full"
            self._writer.keep_bound(nbytes)
            in_flight = self._writer.held_bytes - self._queue.waiting_bytes
            if self._queue.drop_oldest(self._max_queue_bytes - in_flight - nbytes, reason):
                notice_of_drops(f"recording {self._recording_id}", reason)
            return True
        if self._on_full == "raise":
            raise QueueFull(held, self._max_queue_bytes)
        if self._on_full == "wait":
            if running_loop() is None and self._room().done():
                return True
            if self._writer.held_bytes + nbytes <= 2 * self._max_queue_bytes:
                return True
        number = self._next_call() << CALL_SHIFT
        self._queue.refuse("queue_full", number, number + rows - 1, rows, nbytes)
        notice_of_drops(f"recording {self._recording_id}", "queue_full")
        return False

    def _refused(self) -> Awaitable[None]:
        """A row was dropped since the queue is full: whoever awaits must give way all the same."""
        return self._room() if self._on_full == "wait" and running_loop() is not None else TURN

    # ---- refusals

    def _unheard(self) -> Awaitable[None]:
        """What a disabled recording returns: it costs as little as can be, and gives way no less often."""
        return DONE if self._next_call() % _TURN_ROWS else TURN

    def _refuse_closed(self, strict: bool | None) -> Awaitable[None]:
        if self._is_strict(strict):
            raise ClosedError(f"recording {self._recording_id} is closed: enter it or give it a sink to start it again")
        number = self._next_call() << CALL_SHIFT
        self._queue.refuse("closed", number, number, 1, ROW_BYTES)
        notice_of_drops(f"recording {self._recording_id}", "closed")
        return TURN

    def _refuse_bad_data(self, path: object, error: Exception, strict: bool | None) -> Awaitable[None]:
        if self._is_strict(strict):
            raise error
        self._bad_data += 1
        text = f"{path!r} was not logged: {error}"
        warnings.warn(text, RecordingWarning, stacklevel=callers_level())
        return self._log(["__warnings"], (TextLog(text, level="WARN"),), False, None, True)

    def _is_strict(self, strict: bool | None) -> bool:
        if strict is not None:
            return strict
        if self._strict is not None:
            return self._strict
        return is_strict_everywhere()

"""The intake of a recording: a row from the call to the queue, or the reason why not."""

from __future__ import annotations

import concurrent.futures
import os
import sys
import time as clock
import warnings
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from asyncrr.archetypes import AnyValues, Scalars, TextLog
from asyncrr.archetypes.any_values import RowSchema
from asyncrr.awaitables import DONE, TURN, Consequence
from asyncrr.batching import ROW_BYTES, BatchingConfig
from asyncrr.chunks import Chunk, Column
from asyncrr.components import ComponentBatch, ComponentColumn, ComponentDescriptor
from asyncrr.conversions import batches_of, bearer_of, plain_row
from asyncrr.errors import ClosedError, DataError, QueueFull, RecordingWarning, UsageError
from asyncrr.home import Home, running_loop
from asyncrr.paths import entity_path_of
from asyncrr.queues import CHUNK_ROWS, OnFull, RowQueue
from asyncrr.rows import (
    CALL_SHIFT,
    MakeColumns,
    OpenRows,
    batch_columns,
    mapping_columns,
    scalar_columns,
    snapshot,
    text_columns,
)
from asyncrr.scope import active_time_point, context_state, doubts
from asyncrr.timelines import TimeColumn, TimePoint, time_point_of
from asyncrr.writer import Writer, warn_of_drops

__all__ = ["Intake", "no_appends"]

_TURN_ROWS = 1024
_CHUNK_BYTES = 4 * 2**20
_PACKAGE = os.path.dirname(__file__) + os.sep

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
        self._room_waiters: list[concurrent.futures.Future[None]] = []
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
        try:
            append = self._appends[kind][path]  # type: ignore[index]
        except (KeyError, TypeError):
            return self._log(path, (entity,), static, time, strict)
        value: Any
        if kind is Scalars:
            value = entity.scalars  # type: ignore[attr-defined]
        elif kind is TextLog:
            value = (entity.text, entity.level, entity.color)  # type: ignore[attr-defined]
            self._count_extra(len(value[0]))
        elif (value := plain_row(entity)) is not None:  # type: ignore[arg-type]
            self._count_extra(_mapping_bytes(value))
        else:
            return self._log(path, (entity,), static, time, strict)
        call = self._next_call()
        append((call, _time_ns(), active_time_point() if doubts else context_state()[1], value))
        return DONE if call < self._checkpoint else self._at_checkpoint(call, append.__self__)  # type: ignore[attr-defined]

    def _count_extra(self, nbytes: int) -> None:
        """Count what a row takes beyond ``ROW_BYTES``."""
        self._queue.extra_bytes += nbytes
        self._checkpoint -= nbytes // ROW_BYTES

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
            return DONE
        if self._is_closed:
            return self._refuse_closed(strict)
        try:
            canonical = entity_path_of(path)
            time_point = active_time_point() if time is None else time_point_of(time, active_time_point())
            kept = _kept(entities)
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
            return DONE
        if self._is_closed:
            return self._refuse_closed(None)
        try:
            kept = _kept((archetype(*arguments),))
        except UsageError:
            raise
        except Exception as error:
            return self._refuse_bad_data(path, error, None)
        return self._queue_row(path, False, time_point, kept, None)

    def _queue_row(
        self, path: str, static: bool, time_point: TimePoint, kept: _Kept, log_time_ns: int | None
    ) -> Awaitable[None]:
        kind, value, size = kept
        make_columns = _COLUMNS[kind]
        if self._is_full and not self._has_room(max(size, ROW_BYTES)):
            return DONE
        open_rows = self._queue.open_rows(path, static, make_columns)
        call = self._next_call()
        open_rows.extend((call, log_time_ns or _time_ns(), time_point, value))
        if kind is not None and not static and not self._is_full:
            self._appends[kind][path] = open_rows.extend
        if size > ROW_BYTES:
            self._count_extra(size)
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
            return DONE
        if self._is_closed:
            return self._refuse_closed(strict)
        try:
            canonical = entity_path_of(path)
            chunks = self._columns_as_chunks(canonical, list(indexes), list(columns))
        except UsageError:
            raise
        except Exception as error:
            return self._refuse_bad_data(path, error, strict)
        awaitable: Awaitable[None] = DONE
        for chunk in chunks:
            if self._is_full and not self._has_room(chunk.nbytes, len(chunk)):
                continue
            self._queue.put(chunk)
            awaitable = self._at_checkpoint(self._next_call(), None)
        return awaitable

    def _columns_as_chunks(self, path: str, indexes: list[TimeColumn], columns: list[Any]) -> list[Chunk]:
        batches: list[ComponentColumn] = [
            each for column in columns for each in ([column] if isinstance(column, ComponentColumn) else column)
        ]
        if not batches:
            raise DataError("send_columns: no columns are given")
        lengths = {f"index {index.timeline!r}": len(index.values) for index in indexes}
        lengths |= {column.descriptor.id: column.row_count for column in batches}
        if len(set(lengths.values())) > 1:
            raise DataError(f"send_columns: every column needs as many rows as every index, got {lengths}")
        rows = next(iter(lengths.values()))
        if rows == 0:
            return []
        stored = {column.descriptor.id: _stored(column) for column in batches}
        numbers = np.empty(rows, np.uint64)
        for start in range(0, rows, 2**CALL_SHIFT):
            part = numbers[start : start + 2**CALL_SHIFT]
            part[:] = np.arange(len(part), dtype=np.uint64) + np.uint64(self._next_call() << CALL_SHIFT)
        timelines = {index.timeline: (index.kind, index.values) for index in indexes}  # nobody can change those
        whole = Chunk(path, numbers, timelines, stored, not indexes)
        per_chunk = max(1, min(2**CALL_SHIFT, _CHUNK_BYTES * rows // max(1, whole.nbytes)))
        return [whole.slice(start, min(rows, start + per_chunk)) for start in range(0, rows, per_chunk)]

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

    def _arm_tick(self) -> None:
        self._home.later(self._batching.flush_tick, self._tick)

    def _tick(self) -> None:
        """Rows are due. What is logged from here on passes the checkpoint and arms the next tick."""
        self._is_tick_armed = False
        self._checkpoint = 0
        if not self._is_closed:
            self._home.call(self._writer.wake)

    def _shut(self) -> None:
        """The queue is full: every further row must ask for room."""
        self._is_full = True
        self._appends = no_appends()

    def _room_changed(self) -> None:
        """Sinks hold less: let in those who wait."""
        if self._is_full and (self._is_closed or self._writer.held_bytes < self._max_queue_bytes):
            self._is_full = False
        if not self._is_full and self._room_waiters:
            waiters, self._room_waiters = self._room_waiters, []
            for waiter in waiters:
                waiter.set_result(None)

    def _room(self) -> Awaitable[None]:
        """Wait until there is room: at once in a thread without a loop, else when awaited."""
        waiter: concurrent.futures.Future[None] = concurrent.futures.Future()
        self._room_waiters.append(waiter)
        self._home.call(self._room_changed)
        room = Consequence(waiter)
        if running_loop() is None:
            room.result()
        return room

    def _has_room(self, nbytes: int, rows: int = 1) -> bool:
        """Whether a full queue takes this row all the same; otherwise it is counted as dropped."""
        held = self._writer.held_bytes
        if held < self._max_queue_bytes or self._writer.is_buffering:
            self._home.call(self._room_changed)
            return True
        if self._on_full == "raise":
            raise QueueFull(held, self._max_queue_bytes)
        if self._on_full == "drop_oldest":
            self._queue.drop_oldest(self._max_queue_bytes, "queue_full")
            return True
        if self._on_full == "wait":
            if running_loop() is None:
                self._room()
                return True
            if held + nbytes <= 2 * self._max_queue_bytes:
                return True
        number = self._next_call() << CALL_SHIFT
        self._queue.refuse("queue_full", number, number + rows - 1, rows, nbytes)
        warn_of_drops(self._writer.lanes[0].outbox.name, "queue_full")
        return False

    # ---- refusals

    def _refuse_closed(self, strict: bool | None) -> Awaitable[None]:
        if self._is_strict(strict):
            raise ClosedError(f"recording {self._recording_id} is closed: enter it or give it a sink to start it again")
        number = self._next_call() << CALL_SHIFT
        self._queue.refuse("closed", number, number, 1, ROW_BYTES)
        warn_of_drops(f"recording {self._recording_id}", "closed")
        return DONE

    def _refuse_bad_data(self, path: object, error: Exception, strict: bool | None) -> Awaitable[None]:
        if self._is_strict(strict):
            raise error
        self._bad_data += 1
        text = f"{path!r} was not logged: {error}"
        warnings.warn(text, RecordingWarning, stacklevel=_callers_level())
        return self._log(["__warnings"], (TextLog(text, level="WARN"),), False, None, True)

    def _is_strict(self, strict: bool | None) -> bool:
        if strict is not None:
            return strict
        if self._strict is not None:
            return self._strict
        return os.environ.get("ASYNCRR_STRICT", "").lower() in ("1", "true", "on")


_COLUMNS: dict[type | None, MakeColumns] = {
    Scalars: scalar_columns,
    TextLog: text_columns,
    dict: mapping_columns,
    None: batch_columns,
}
"""How columns are made of each kind of row that is kept as plain values, and of all others."""

_Append: TypeAlias = "Callable[[tuple[Any, ...]], None]"
_Kept: TypeAlias = "tuple[type | None, Any, int]"
_ANY = ComponentDescriptor("any", "struct")


def _kept(entities: tuple[object, ...]) -> _Kept:
    """The kind of a row, its value as nobody else can change it, and its bytes."""
    if len(entities) == 1:
        entity = bearer_of(entities[0])
        kind = entity.__class__
        if kind is Scalars:
            value: Any = entity.scalars
            return Scalars, value, ROW_BYTES if value.__class__ is float else value.nbytes
        if kind is TextLog:
            return TextLog, (entity.text, entity.level, entity.color), len(entity.text)
        if kind is AnyValues and entity.schema is not None and entity.values:
            value = (entity.schema, tuple(entity.values.values()))
            return dict, value, _mapping_bytes(value)
    batches, size = snapshot(batches_of(*entities))
    return None, batches, size


def no_appends() -> dict[type, dict[str, _Append]]:
    """For each kind of row that is kept as plain values: by canonical path, where rows are appended."""
    return {kind: {} for kind in _COLUMNS if kind is not None}


def _mapping_bytes(value: tuple[RowSchema, tuple[Any, ...]]) -> int:
    schema, values = value
    size = ROW_BYTES * (len(values) - 1)
    return size + sum([len(text) for text in values if text.__class__ is str]) if schema.texts else size


def _stored(column: ComponentColumn) -> Column:
    values = column.values
    if not column.is_owned:
        return Column.from_parts(column.descriptor, _own(values), column.lengths)
    return Column.from_parts(column.descriptor, values, column.lengths)


def _own(values: Any) -> Any:
    (batch,), _ = snapshot([ComponentBatch(_ANY, values, False)])
    return batch.values


def _callers_level() -> int:
    """For a warning: how many frames up the first one outside this package is."""
    level = 1
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame = frame.f_back
        level += 1
    return level

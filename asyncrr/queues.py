"""The queue of one recording: rows in from any thread, chunks out to its writer, bounded and accounted for."""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator
from functools import partial
from operator import call, delitem
from typing import Literal, NamedTuple, TypeAlias

from asyncrr.batching import ROW_BYTES
from asyncrr.chunks import Chunk
from asyncrr.notices import notice_of_drops
from asyncrr.rows import CALL_SHIFT, FIELDS, MakeColumns, OpenRows, bundled
from asyncrr.wire import Gap

__all__ = ["CHUNK_ROWS", "OnFull", "QueueCounts", "RowQueue"]

OnFull: TypeAlias = Literal["wait", "drop_oldest", "drop_newest", "raise"]

CHUNK_ROWS = 8192
"""Rows of one entity become a chunk at this number at the latest: turning them into columns takes about 1 ms."""


_BUNDLED_ROWS = 512
"""Entities with fewer rows than this share a chunk: a chunk for each would cost more than the rows."""

_BUNDLED_PATHS = 2**16
"""Characters that the paths in one chunk have together at most: a frame's head is bounded."""


class QueueCounts(NamedTuple):
    """Rows and bytes between the calls and the sinks' outboxes, at one moment.

    Attributes:
        logged: Rows that were ever logged.
        waiting: Rows that no outbox holds yet.
        refused: Rows that never will, for each reason.
    """

    logged: int
    waiting: int
    refused: dict[str, int]
    logged_bytes: int
    waiting_bytes: int
    refused_bytes: dict[str, int]


class RowQueue:
    """Rows that wait for the writer.

    Open rows are appended without a lock; whole calls in the queue's order are chunks and the writer's commands,
    each behind every row logged before it.
    """

    def __init__(self) -> None:
        self.lock: threading.RLock = threading.RLock()
        self.next_call: Callable[[], int] = itertools.count().__next__
        self.extra_bytes: int = 0
        self.items: deque[Chunk | Callable[[], None]] = deque()
        self._open: dict[tuple[str, bool, MakeColumns], OpenRows] = {}
        self._base_call = 0
        self._detached_rows = 0
        self._chunk_bytes = 0
        self._passed_rows = 0
        self._passed_bytes = 0
        self._gaps: dict[str, Gap] = {}
        self._refused: Counter[str] = Counter()
        self._refused_bytes: Counter[str] = Counter()

    # ---- rows in

    def open_rows(self, path: str, is_static: bool, make_columns: MakeColumns) -> OpenRows:
        """Where rows of this entity and kind are appended."""
        key = (path, is_static, make_columns)
        found = self._open.get(key)
        return found if found is not None else self._open.setdefault(key, OpenRows(path, is_static, make_columns))

    def open_units(self, call: int) -> int:
        """What is open, in rows of ``ROW_BYTES``, when `call` is the latest call."""
        return call - self._base_call + self.extra_bytes // ROW_BYTES

    def put(self, chunk: Chunk) -> None:
        """Append rows that are a chunk already, behind every row logged before."""
        with self.lock:
            self.seal()
            count, nbytes = len(chunk), chunk.nbytes
            self._detached_rows += count  # no call from here on, as in `_seal`
            self._chunk_bytes += nbytes
            self.items.append(chunk)

    def command(self, act: Callable[[], None]) -> None:
        """Have the writer call `act` when it has passed on every row logged before."""
        with self.lock:
            self.seal()
            self.items.append(act)

    def refuse(self, reason: str, first_row: int, last_row: int, rows: int, nbytes: int) -> None:
        """Count rows that are dropped before any outbox has them."""
        with self.lock:
            self._refuse(reason, first_row, last_row, rows, nbytes)

    def _refuse(self, reason: str, first_row: int, last_row: int, rows: int, nbytes: int) -> None:
        refused, refused_bytes = self._refused.get(reason, 0) + rows, self._refused_bytes.get(reason, 0) + nbytes
        known = self._gaps.get(reason)
        if known is not None:
            first_row, rows = min(first_row, known.first_row), rows + known.row_count
            last_row = max(last_row, known.last_row)
        gap = Gap(first_row, last_row, rows, reason)
        # no call from here on, so that no interrupt comes in between
        self._refused[reason] = refused
        self._refused_bytes[reason] = refused_bytes
        self._gaps[reason] = gap

    def take_gaps(self) -> list[Gap]:
        """What was refused since the last time, one gap for each reason."""
        with self.lock:
            gaps, self._gaps = self._gaps, {}
        return list(gaps.values())

    # ---- chunks out

    def seal(self, only: OpenRows | None = None) -> None:
        """Turn open rows into chunks: all, or `only` these."""
        with self.lock:
            if only is not None:
                self._seal([only])
                return
            self._base_call = self.next_call()
            self.extra_bytes = 0
            few: dict[MakeColumns, list[OpenRows]] = {}
            for open_rows in list(self._open.values()):
                if not open_rows:
                    continue
                if open_rows.is_static or len(open_rows) >= FIELDS * _BUNDLED_ROWS:
                    self._seal([open_rows])
                else:
                    few.setdefault(open_rows.make_columns, []).append(open_rows)
            for open_rows_of_kind in few.values():
                for group in _groups(open_rows_of_kind):
                    self._seal(group)

    def _seal(self, group: list[OpenRows]) -> None:
        """Turn the rows of some entities, which share their way to make columns, into chunks."""
        taken = [(open_rows, open_rows[:]) for open_rows in group]
        chunks: list[Chunk] | None = None
        with contextlib.suppress(Exception):  # an interrupt on the way leaves the rows where they are
            if len(taken) == 1:
                chunks = group[0].chunks(taken[0][1])
            else:
                chunks = bundled([(open_rows.path, rows) for open_rows, rows in taken], group[0].make_columns)
        if chunks is not None:
            count, nbytes = sum([len(chunk) for chunk in chunks]), sum([chunk.nbytes for chunk in chunks])
            taking = [partial(delitem, open_rows, slice(len(rows))) for open_rows, rows in taken]
            moves = map(call, [*taking, partial(self.items.extend, chunks)])
            # interrupts come after a call: either all of this happens or nothing
            self._detached_rows += count
            self._chunk_bytes += nbytes
            deque(moves, 0)
        elif len(group) > 1:  # only those that cannot be stored shall be lost
            for open_rows in group:
                self._seal([open_rows])
        else:
            ((open_rows, rows),) = taken
            size, count = len(rows), len(rows) // FIELDS
            first, last = rows[0] << CALL_SHIFT, rows[-FIELDS] << CALL_SHIFT
            self._refuse("not_storable", first, last, count, count * ROW_BYTES)
            del open_rows[:size]
            notice_of_drops(open_rows.path, "not_storable")

    def next_chunk(self) -> Chunk | None:
        """The oldest chunk, which stays; calls the commands that stand before it."""
        while True:
            with self.lock:
                if not self.items:
                    return None
                item = self.items[0]
                if isinstance(item, Chunk):
                    return item
                self.items.popleft()
            item()

    def is_next(self, chunk: Chunk) -> bool:
        """Whether `chunk` is the oldest item; not if it was dropped meanwhile."""
        return bool(self.items) and self.items[0] is chunk

    def passed(self, chunk: Chunk, nbytes: int) -> None:
        """The oldest item, `chunk`, is now `nbytes` of a frame in the outboxes."""
        self.items.popleft()
        self._chunk_bytes -= chunk.nbytes
        self._detached_rows -= len(chunk)
        self._passed_rows += len(chunk)
        self._passed_bytes += nbytes

    def drop_oldest(self, max_bytes: int, reason: str) -> int:
        """Drop chunks, oldest first and static ones never, until at most `max_bytes` wait; returns their rows."""
        dropped = 0
        with self.lock:
            kept: deque[Chunk | Callable[[], None]] = deque()
            while self.items and self._chunk_bytes > max_bytes:
                item = self.items.popleft()
                if not isinstance(item, Chunk) or item.is_static:
                    kept.append(item)
                    continue
                self._drop(item, reason)
                dropped += len(item)
            self.items.extendleft(reversed(kept))
        return dropped

    def drop_first(self, chunk: Chunk, reason: str) -> None:
        """Drop the oldest item, `chunk`, unless that was done meanwhile."""
        with self.lock:
            if self.is_next(chunk):
                self.items.popleft()
                self._drop(chunk, reason)

    def _drop(self, chunk: Chunk, reason: str) -> None:
        self._chunk_bytes -= chunk.nbytes
        self._detached_rows -= len(chunk)
        first, last = int(chunk.row_numbers.min()), int(chunk.row_numbers.max())
        self.refuse(reason, first, last, len(chunk), chunk.nbytes)

    # ---- accounting

    @property
    def waiting_bytes(self) -> int:
        """Bytes of chunks that wait for the writer."""
        return self._chunk_bytes

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits; certain while `lock` is held, for rows move under it."""
        return not (self.items or self._gaps or any(list(self._open.values())))

    def counts(self) -> QueueCounts:
        """Everything counted now; exact while `lock` is held."""
        with self.lock:
            open_count = sum([open_rows.row_count for open_rows in list(self._open.values())])
            waiting = open_count + self._detached_rows
            waiting_bytes = open_count * ROW_BYTES + self.extra_bytes + self._chunk_bytes
            return QueueCounts(
                waiting + self._passed_rows + self._refused.total(),
                waiting,
                dict(self._refused),
                waiting_bytes + self._passed_bytes + self._refused_bytes.total(),
                waiting_bytes,
                dict(self._refused_bytes),
            )

    def forget(self) -> None:
        """Forget everything, in a forked child: it belongs to the parent."""
        self.lock = threading.RLock()
        self._open.clear()
        self.items.clear()
        self._gaps.clear()
        self.extra_bytes = self._detached_rows = self._chunk_bytes = self._passed_rows = self._passed_bytes = 0
        self._refused.clear()
        self._refused_bytes.clear()


def _groups(few: list[OpenRows]) -> Iterator[list[OpenRows]]:
    """Entities that share a chunk: so many that turning their rows into columns takes about 1 ms.

    Args:
        few: One at least.
    """
    group: list[OpenRows] = []
    rows = characters = 0
    for open_rows in few:
        if group and (rows >= CHUNK_ROWS or characters + len(open_rows.path) > _BUNDLED_PATHS):
            yield group
            group, rows, characters = [], 0, 0
        group.append(open_rows)
        rows += open_rows.row_count
        characters += len(open_rows.path)
    yield group

"""What a sink has to take: frames in order, counted until they are delivered."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from asyncrr.errors import SinkError
from asyncrr.queued_frames import QueuedFrame, gap_for, merged
from asyncrr.wire import Frame, RecordingHeader

__all__ = ["Outbox", "Outgoing", "SinkStats"]


class SinkStats(NamedTuple):
    """Rows and bytes of one sink at one moment.

    Attributes:
        name: The sink's name, such as a path or an address.
        status: ``buffering``, ``open``, ``connecting``, ``connected``, ``reconnecting``, ``closed`` or ``failed``.
        queued: Rows that wait.
        in_flight: Rows that the sink has taken and not yet delivered.
        delivered: Rows handed over: written, fsynced or acknowledged, by the sink's own measure. What an earlier
            sink of the recording had taken before this one counts as well.
        dropped: Rows lost, for each reason.
        queued_bytes: As `queued`, in bytes; and so on.
    """

    name: str
    status: str
    queued: int
    in_flight: int
    delivered: int
    dropped: dict[str, int]
    queued_bytes: int
    in_flight_bytes: int
    delivered_bytes: int
    dropped_bytes: dict[str, int]


class _Tally:
    """Rows, and the bytes of frames that have any: a gap mark stands for rows that are counted as dropped."""

    __slots__ = ("bytes", "rows")

    def __init__(self, rows: int = 0, nbytes: int = 0) -> None:
        self.rows = rows
        self.bytes = nbytes

    def add(self, frame: Frame) -> None:
        if frame.row_count:
            self.rows += frame.row_count
            self.bytes += frame.nbytes

    def remove(self, frame: Frame) -> None:
        if frame.row_count:
            self.rows -= frame.row_count
            self.bytes -= frame.nbytes


class _Drops:
    """Rows and bytes dropped, for each reason."""

    __slots__ = ("bytes", "rows")

    def __init__(self) -> None:
        self.rows: Counter[str] = Counter()
        self.bytes: Counter[str] = Counter()

    def add(self, reason: str, rows: int, nbytes: int) -> None:
        if rows:
            self.rows[reason] += rows
            self.bytes[reason] += nbytes


class Outgoing(Protocol):
    """Frames that wait to be sent, as the one who sends them sees it: an :class:`Outbox`, or what a spool holds.

    Attributes:
        header: Whose frames.
        preface: Static frames without numbers, which each connection begins with.
        error: Why nothing is sent any more.
        is_closing: No frame will be added.
        is_complete: Whether what is there is all that was ever logged, once it is closing.
        is_open: A session was agreed.
        is_closed: Nobody sends any more.
        durable_sequence: Every frame up to this one is delivered.
    """

    header: RecordingHeader
    preface: list[Frame]
    error: SinkError | None
    is_closing: bool
    is_complete: bool
    is_open: bool
    is_closed: bool
    durable_sequence: int

    @property
    def is_empty(self) -> bool:
        """Whether all is delivered."""
        ...

    @property
    def has_queued(self) -> bool:
        """Whether there is anything to take."""
        ...

    def take(self, max_bytes: int) -> list[Frame]:
        """The next frames."""
        ...

    def delivered(self, sequence: int) -> None:
        """Everything up to frame `sequence` is delivered."""
        ...

    def rewind(self, durable: int) -> None:
        """Everything above frame `durable` is to be taken again."""
        ...

    def opened(self, state: str) -> None:
        """A session is agreed."""
        ...

    def status(self, state: str) -> None:
        """Tell in a word what goes on."""
        ...

    def trouble(self, error: BaseException) -> None:
        """Something is wrong that may heal."""
        ...

    def fail(self, error: SinkError) -> None:
        """Something is wrong that will not heal."""
        ...

    def closed(self) -> None:
        """The connection was let go of."""
        ...


class Outbox:
    """The frames that one sink has to take.

    The recording puts frames in; the sink takes them, tells how far they are delivered, and may take them again
    after a reconnect. Every row that was put is at any moment queued, in flight, delivered, or dropped for a reason.
    All calls come from the recording's loop (at the process' end: from the thread that ends it); `stats` may come
    from anywhere.

    Args:
        name: The sink's name.
        header: The recording's header.
        next_sequence: The number of the first frame that will be put.
        lock: Held while rows move, so that `stats` sees each once.
    """

    def __init__(self, name: str, header: RecordingHeader, next_sequence: int, lock: threading.RLock) -> None:
        self.name = name
        self.header = header
        self.next_sequence: int = next_sequence
        self.last_sequence: int = next_sequence - 1
        self.durable_sequence: int = next_sequence - 1
        self.error: SinkError | None = None
        self.opening_error: SinkError | None = None
        self.last_trouble: BaseException | None = None
        self.is_closing: bool = False
        self.is_complete: bool = True
        self.is_open: bool = False
        self.is_closed: bool = False
        self.state: str = "connecting"
        self.preface: list[Frame] = []
        self.on_change: Callable[[], None] = lambda: None
        self._lock = lock
        self._queue: deque[QueuedFrame] = deque()
        self._taken: deque[QueuedFrame] = deque()
        self._queued = _Tally()
        self._in_flight = _Tally()
        self._delivered = _Tally()
        self._drops = _Drops()
        self._heirs: list[Outbox] = []

    # ---- the recording's side

    def put(self, queued: Sequence[QueuedFrame]) -> None:
        """Append frames, whose numbers follow those put before; gap marks of one reason become one."""
        with self._lock:
            for each in queued:
                if self.error is not None or self.is_closed:
                    self._drops.add("sink_failed" if self.error is not None else "closed", *_size(each.frame))
                    continue
                if each.reason is not None and self._queue and self._queue[-1].reason == each.reason:
                    each = merged(self._queue.pop(), each, each.reason)
                self._queue.append(each)
                self._queued.add(each.frame)
                self.last_sequence = each.frame.sequence

    def adopt(self, buffer: Outbox) -> None:
        """Hold what `buffer` holds, and go on with its counts: this sink takes over from it."""
        with self._lock:
            self.preface = buffer.preface
            self._queue.extend(buffer._queue)
            self._queued = _Tally(buffer._queued.rows, buffer._queued.bytes)
            if self._queue:
                self.next_sequence = self._queue[0].first_sequence
                self.durable_sequence = self.next_sequence - 1
                self.last_sequence = self._queue[-1].frame.sequence
            self._count_earlier(buffer, buffer._delivered.rows, buffer._delivered.bytes)

    def follow(self, other: Outbox) -> None:
        """Go on with the counts of `other`, which keeps what it still holds: this sink takes what comes after."""
        with self._lock:
            other._heirs.append(self)
            taken, waiting, flying = other._delivered, other._queued, other._in_flight
            self._count_earlier(
                other, taken.rows + waiting.rows + flying.rows, taken.bytes + waiting.bytes + flying.bytes
            )

    def _count_earlier(self, other: Outbox, rows: int, nbytes: int) -> None:
        self._delivered = _Tally(rows, nbytes)
        self._drops.rows.update(other._drops.rows)
        self._drops.bytes.update(other._drops.bytes)

    def _count_as_dropped(self, reason: str, rows: int, nbytes: int) -> None:
        """What counts as delivered, since the sink before still held it, was dropped there."""
        self._delivered.rows -= rows
        self._delivered.bytes -= nbytes
        self._drops.add(reason, rows, nbytes)
        for heir in self._heirs:
            heir._count_as_dropped(reason, rows, nbytes)

    @property
    def held_bytes(self) -> int:
        """Bytes that are queued or in flight."""
        return self._queued.bytes + self._in_flight.bytes

    def drop_oldest(self, max_bytes: int, reason: str) -> int:
        """Drop queued frames, oldest first, until at most `max_bytes` are held.

        Static rows are dropped last, and only where later ones took their place. Each run of dropped frames is
        replaced by one gap mark.

        Returns:
            The number of rows dropped.
        """
        with self._lock:
            before = self._drops.rows[reason]
            self._drop_where(lambda queued: queued.static_key is None, max_bytes, reason)
            if self.held_bytes > max_bytes:
                latest = {queued.static_key: queued for queued in self._queue}
                self._drop_where(lambda queued: latest[queued.static_key] is not queued, max_bytes, reason)
            return self._drops.rows[reason] - before

    def _drop_where(self, may_go: Callable[[QueuedFrame], bool], max_bytes: int, reason: str) -> None:
        kept: deque[QueuedFrame] = deque()
        while self._queue and self.held_bytes > max_bytes:
            oldest = self._queue.popleft()
            if oldest.reason is None and may_go(oldest):
                self._queued.remove(oldest.frame)
                self._drops.add(reason, *_size(oldest.frame))
                oldest = gap_for(oldest, reason)
            if oldest.reason == reason and kept and kept[-1].reason == reason:
                oldest = merged(kept.pop(), oldest, reason)
            kept.append(oldest)
        self._queue.extendleft(reversed(kept))

    def drop_all(self, reason: str) -> int:
        """Count everything that is not delivered as dropped; returns its rows."""
        with self._lock:
            rows, nbytes = self._queued.rows + self._in_flight.rows, self.held_bytes
            self._drops.add(reason, rows, nbytes)
            for heir in self._heirs:
                heir._count_as_dropped(reason, rows, nbytes)
            self._queue.clear()
            self._taken.clear()
            self._queued, self._in_flight = _Tally(), _Tally()
        return rows

    def stats(self) -> SinkStats:
        """The counts now, without what the recording has not yet put."""
        with self._lock:
            return SinkStats(
                self.name,
                self.state,
                self._queued.rows,
                self._in_flight.rows,
                self._delivered.rows,
                dict(self._drops.rows),
                self._queued.bytes,
                self._in_flight.bytes,
                self._delivered.bytes,
                dict(self._drops.bytes),
            )

    # ---- the sink's side

    def take(self, max_bytes: int) -> list[Frame]:
        """The oldest queued frames of at most `max_bytes` together, but at least one if there is any.

        They are in flight from now on.
        """
        with self._lock:
            frames: list[Frame] = []
            room = max_bytes
            while self._queue and (not frames or self._queue[0].frame.nbytes <= room):
                queued = self._queue.popleft()
                self._taken.append(queued)
                self._queued.remove(queued.frame)
                self._in_flight.add(queued.frame)
                frames.append(queued.frame)
                room -= queued.frame.nbytes
            return frames

    def delivered(self, sequence: int) -> None:
        """Everything up to frame `sequence` is delivered."""
        with self._lock:
            self._settle(sequence)
        self.on_change()

    def rewind(self, durable: int) -> None:
        """What is in flight above frame `durable` is queued again, in order; the rest is delivered."""
        with self._lock:
            self._settle(durable)
            while self._taken:
                queued = self._taken.pop()
                self._queue.appendleft(queued)
                self._in_flight.remove(queued.frame)
                self._queued.add(queued.frame)
        self.on_change()

    def _settle(self, sequence: int) -> None:
        if sequence <= self.durable_sequence:
            return
        self.durable_sequence = sequence
        for frames, tally in ((self._taken, self._in_flight), (self._queue, self._queued)):
            while frames and frames[0].frame.sequence <= sequence:
                queued = frames.popleft()
                tally.remove(queued.frame)
                self._delivered.add(queued.frame)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is queued or in flight."""
        return not self._queue and not self._taken

    @property
    def has_queued(self) -> bool:
        """Whether there is anything to take."""
        return bool(self._queue)

    def opened(self, state: str = "open") -> None:
        """The sink is open."""
        self.is_open = True
        self.status(state)

    def status(self, state: str) -> None:
        """Tell in a word what the sink does now."""
        self.state = state
        self.on_change()

    def trouble(self, error: BaseException) -> None:
        """Something is wrong that may heal: kept for the text of a ``FlushError``."""
        self.last_trouble = error

    def refuse_opening(self, error: SinkError) -> None:
        """It will never open as it was meant to, but goes on taking frames: told to whoever waits for the opening."""
        self.opening_error = error
        self.last_trouble = error
        self.on_change()

    def fail(self, error: SinkError) -> None:
        """The sink takes nothing any more: what is left counts as dropped."""
        self.error = error
        self.drop_all("sink_failed")
        self.status("failed")

    def closed(self) -> None:
        """The sink has let go of its file or connection."""
        self.is_closed = True
        if self.error is None:
            self.state = "closed"
        self.on_change()


def _size(frame: Frame) -> tuple[int, int]:
    return frame.row_count, frame.nbytes

"""The coroutine that takes a recording's rows from its queue to its sinks."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import itertools
import os
import time
from collections.abc import Callable, Sequence

from asyncrr.awaitables import TURN
from asyncrr.chunks import Chunk
from asyncrr.disk import encoder
from asyncrr.errors import FlushError
from asyncrr.lanes import Closing, Done, FlushMark, Lane, Opening, Waits, fail
from asyncrr.notices import notice_of_drops
from asyncrr.outbox import Outbox
from asyncrr.protocols import Sink
from asyncrr.queued_frames import QueuedFrame, gap_mark
from asyncrr.queues import OnFull, RowQueue
from asyncrr.wire import REPEATED, Frame, RecordingHeader, encode_chunk

__all__ = ["Writer"]

_BUFFER = "buffer"
_SLICE_SECONDS = 0.001
_OFFLOAD_BYTES = 256 * 1024
_ENCODED_AT_ONCE = 2
_LAST_SECONDS = 5.0


class Writer:
    """Owns the sinks of a recording, and the numbers of its frames.

    Everything but `finish` and `forget` happens on the recording's loop.

    Args:
        queue: Where rows come from.
        application_id: For the header.
        recording_id: For the header.
        on_full: What happens when sinks are behind by `max_queue_bytes`.
        max_queue_bytes: The bound of each outbox.
        on_room: Called when outboxes hold less than before.
    """

    def __init__(
        self,
        queue: RowQueue,
        application_id: str,
        recording_id: str,
        on_full: OnFull,
        max_queue_bytes: int,
        on_room: Callable[[], None],
    ) -> None:
        self._queue = queue
        self._on_full = on_full
        self._max_queue_bytes = max_queue_bytes
        self._on_room = on_room
        self._application_id = application_id
        self._recording_id = recording_id
        self._sequence = 0
        self._statics: dict[object, Chunk] = {}
        self._retired: list[Lane] = []
        self._wake: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waits = Waits()
        self._closing: Closing | None = None
        self._closed: Done | None = None
        self.header: RecordingHeader = self._new_header()
        self.lanes: list[Lane] = self._new_lanes([])

    def _new_header(self) -> RecordingHeader:
        return RecordingHeader(self._application_id, self._recording_id, os.urandom(16).hex(), time.time_ns())

    def _new_lanes(self, sinks: Sequence[Sink]) -> list[Lane]:
        return [Lane(self._new_outbox(sink.name), sink) for sink in sinks] or [Lane(self._new_outbox(_BUFFER), None)]

    def _new_outbox(self, name: str) -> Outbox:
        outbox = Outbox(name, self.header, self._sequence + 1, self._queue.lock)
        outbox.on_change = self._changed
        outbox.state = "buffering" if name == _BUFFER else "connecting"
        return outbox

    @property
    def is_buffering(self) -> bool:
        """Whether no sink takes rows."""
        return self.lanes[0].sink is None

    @property
    def held_bytes(self) -> int:
        """What back-pressure goes by: rows that wait, and frames that the quickest sink still holds."""
        quickest = None if self.is_buffering else self._quickest
        return self._queue.waiting_bytes + (0 if quickest is None else quickest.outbox.held_bytes)

    @property
    def _quickest(self) -> Lane | None:
        """The lane that back-pressure goes by: of those that go on, the one that has delivered most.

        Not the one that holds least: a stuck sink that drops rows to keep its bound holds little as well.
        """
        going_on = [lane for lane in self.lanes if not lane.is_over]
        return max(going_on, key=lambda lane: lane.outbox.durable_sequence, default=None)

    # ---- the task

    def wake(self) -> None:
        """There is something to do."""
        if self._wake is not None and self._loop is asyncio._get_running_loop():
            self._wake.set()

    async def run(self) -> None:
        """Take rows to sinks until closed.

        Being cancelled ends it: what is queued is handed over first as far as that needs no more than five
        seconds, and what is left stays queued for the task that follows.
        """
        self._wake = asyncio.Event()
        self._wake.set()
        self._loop = asyncio.get_running_loop()
        for lane in self._all_lanes():
            if not lane.outbox.is_closed:
                lane.attach()
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                await self._drain()
                if self._closing is not None and self._closing.done.done():
                    return
        except asyncio.CancelledError:
            self.drain_here()
            try:
                await self._settle(_LAST_SECONDS)
            finally:
                if not self._queue.is_idle:  # what came meanwhile
                    self.drain_here()
                self._waits.disappoint("the recording's task was cancelled")
            raise
        finally:
            self._wake = None
            self._tell_closed()

    async def _drain(self) -> None:
        """Pass on what is queued, in slices that leave the loop to others."""
        self._queue.seal()
        started = time.perf_counter()
        while (chunk := self._queue.next_chunk()) is not None:
            if _is_offloaded(chunk) and not self.is_buffering:
                await self._encode_elsewhere()
            else:
                self._pass_on(chunk)
            if time.perf_counter() - started > _SLICE_SECONDS:
                self._wake_sinks()
                await TURN
                started = time.perf_counter()
        self._mark_gaps()
        self._wake_sinks()

    def _drain_at_once(self) -> None:
        self._queue.seal()
        while (chunk := self._queue.next_chunk()) is not None:
            self._pass_on(chunk)
        self._mark_gaps()

    def drain_here(self) -> None:
        """Pass on what is queued without giving way to other tasks."""
        self._drain_at_once()
        self._wake_sinks()

    def _mark_gaps(self) -> None:
        """Say in the stream which rows were refused."""
        for gap in self._queue.take_gaps():
            self._sequence += 1
            queued = gap_mark(gap, self._sequence)
            for lane in self.lanes:
                lane.outbox.put([queued])

    async def _encode_elsewhere(self) -> None:
        """Checksum the next big chunks in a thread of their own; they stay queued until their frames are known."""
        loop = asyncio.get_running_loop()
        encoded = asyncio.Event()
        first = self._sequence + 1
        with self._queue.lock:  # a deque that is looked through must not grow
            heads = itertools.takewhile(_is_offloaded, itertools.islice(self._queue.items, _ENCODED_AT_ONCE))
            chunks = [item for item in heads if isinstance(item, Chunk)]
        frames: list[QueuedFrame] = []

        def encode() -> None:
            with contextlib.suppress(Exception):  # told when the frame turns out to be missing
                for sequence, chunk in enumerate(chunks, first):
                    frames.append(self._frame(chunk, sequence))
            with contextlib.suppress(RuntimeError):  # the loop is closed: whoever ends the process encodes anew
                loop.call_soon_threadsafe(encoded.set)

        encoder.submit(encode)
        await encoded.wait()
        if chunks and not frames:
            self._pass_on(chunks[0])
        for chunk, frame in zip(chunks, frames, strict=False):
            # what was dropped meanwhile leaves its number to the next one, which is then encoded again
            if frame.frame.sequence == self._sequence + 1:
                self._put(chunk, frame)
        self._wake_sinks()

    def _pass_on(self, chunk: Chunk) -> None:
        try:
            queued = self._frame(chunk, self._sequence + 1)
        except Exception as error:  # whatever it is, the next chunk must not wait behind it
            self._queue.drop_first(chunk, "not_storable")
            notice_of_drops(f"{chunk.entity_path} ({error})", "not_storable")
        else:
            self._put(chunk, queued)

    def _frame(self, chunk: Chunk, sequence: int) -> QueuedFrame:
        frame = encode_chunk(chunk, sequence)
        first, last = int(chunk.row_numbers.min()), int(chunk.row_numbers.max())
        return QueuedFrame(frame, first, last, _static_key(chunk), frame.sequence)

    def _put(self, chunk: Chunk, queued: QueuedFrame) -> None:
        with self._queue.lock:
            if not self._queue.is_next(chunk):  # dropped while it was encoded
                return
            self._sequence += 1
            self._queue.passed(chunk, queued.frame.nbytes)
            for lane in self.lanes:
                lane.outbox.put([queued])
        if (key := _static_key(chunk)) is not None:
            self._statics[key] = chunk
        self.keep_bound()

    def keep_bound(self, room: int = 0) -> None:
        """Drop what is oldest in every outbox until it fits the bound with the queue before it and `room` bytes more.

        Not where the recording waits for the sink. Callable from any thread.
        """
        quickest = None if self._on_full == "drop_oldest" or self.is_buffering else self._quickest
        bound = max(0, self._max_queue_bytes - self._queue.waiting_bytes - room)
        for lane in self.lanes:
            is_waited_for = quickest is not None and lane.outbox.durable_sequence >= quickest.outbox.durable_sequence
            if is_waited_for or lane.outbox.held_bytes <= bound:
                continue
            reason = "buffer_full" if lane.sink is None else "queue_full"
            rows = lane.outbox.drop_oldest(bound, reason)
            if rows:
                name = lane.outbox.name if len(self.lanes) > 1 else f"recording {self._recording_id}"
                notice_of_drops(name, reason)

    def _all_lanes(self) -> list[Lane]:
        """Those that deliver what they had before others took over come first."""
        return [*self._retired, *self.lanes]

    def _wake_sinks(self) -> None:
        for lane in self._all_lanes():
            lane.wake()
        self._changed()

    def _changed(self) -> None:
        self._waits.settle()
        self._retired = [lane for lane in self._retired if not lane.outbox.is_closed]
        if self._closing is not None and self._closing.done.done():
            self.wake()
            self._tell_closed()
        self._on_room()

    async def _settle(self, seconds: float) -> None:
        """Wait until the sinks have taken what they hold."""
        done: concurrent.futures.Future[None] = concurrent.futures.Future()
        self.mark(done)
        if not done.done():
            await asyncio.wait([asyncio.wrap_future(done)], timeout=seconds)
            done.cancel()

    @property
    def is_idle(self) -> bool:
        """Whether every sink has delivered all it was given; certain while the queue's lock is held."""
        return all(lane.is_idle for lane in self._all_lanes())

    # ---- commands, in the queue's order

    def mark(self, done: Done) -> None:
        """Finish `done` when every sink has delivered every frame up to now."""
        outboxes = [(lane.outbox, lane.outbox.last_sequence) for lane in self._all_lanes() if lane.sink is not None]
        self._waits.add(FlushMark(outboxes, done))

    def expire(self, done: Done, timeout: float) -> None:
        """Fail the flush of `done` if it still waits."""
        if not self._waits.expire(done, timeout, self._trouble()):
            fail(done, FlushError({"the queue": self._queue.counts().waiting}, timeout))

    def _trouble(self) -> str:
        errors = [lane.outbox.last_trouble for lane in self.lanes if lane.outbox.last_trouble is not None]
        return str(errors[-1]) if errors else ""

    def switch(self, sinks: Sequence[Sink], opened: Done) -> None:
        """Let other sinks take over; `opened` is finished when each is open, or with the first one's failure.

        What was buffered goes to each of them. A sink that is replaced delivers what it has and closes.
        """
        before, lanes = self.lanes, self._new_lanes(sinks)
        with self._queue.lock:  # or else `stats` could see what the new ones have not yet taken over
            for lane in lanes:
                if before[0].sink is None:
                    lane.outbox.adopt(before[0].outbox)
                else:
                    lane.outbox.follow(before[0].outbox)
                    lane.outbox.preface = self._static_frames()
            self.lanes = lanes
        for lane in before:
            if lane.sink is not None:
                lane.outbox.is_closing = True
                self._retired.append(lane)
        self._waits.add(Opening([lane.outbox for lane in self.lanes if lane.sink is not None], opened))
        for lane in self.lanes:
            lane.attach()
        self._wake_sinks()

    def retire(self, closed: Done) -> None:
        """Buffer again; `closed` is finished when the sinks that were set have delivered what they had and closed."""
        self._waits.add(Closing([lane for lane in self.lanes if lane.sink is not None], closed))
        self.switch([], concurrent.futures.Future())

    def close(self, done: Done, timeout: float) -> None:
        """Let every sink deliver what it has and close; after `timeout` seconds the rest counts as dropped."""
        self._closed = done
        closing = self._closing = Closing(self._all_lanes(), concurrent.futures.Future())
        self._waits.add(closing)
        closing.give_up_after(timeout, self._trouble, self._changed)
        self._wake_sinks()

    def _tell_closed(self) -> None:
        """Finish the wait for the closing when the task has ended too."""
        if self._closing is not None and self._closed is not None and self._wake is None:
            self._closing.pass_on(self._closed)

    def reopen(self) -> None:
        """After `close`: start again, buffering until a sink is given; what sinks got before is of another writer."""
        if self._closing is not None and self._closed is not None:  # it may go on
            self._closing.pass_on(self._closed)
        self._closing = None
        if self.is_buffering:  # what is buffered goes to the sink that comes
            return
        before = self.lanes[0].outbox
        self.header = self._new_header()
        self._sequence = 0
        self._retired += self.lanes  # they may still be closing
        outbox = self._new_outbox(_BUFFER)
        outbox.follow(before)
        outbox.preface = self._static_frames()
        self.lanes = [Lane(outbox, None)]

    # ---- outside the loop

    def finish(self, deadline: float) -> dict[str, int]:
        """At the process' end, when no loop runs: write out what is queued.

        Args:
            deadline: By ``time.monotonic()``, when to give up waiting.

        Returns:
            The rows that were not handed over, for each sink.
        """
        pending = {}
        self._wake = None
        self._drain_at_once()
        for lane in self._all_lanes():
            if lane.sink is not None:
                lane.outbox.is_closing = True
                lane.finish(max(0.0, deadline - time.monotonic()))
                stats = lane.outbox.stats()
                if rows := stats.queued + stats.in_flight:
                    pending[lane.outbox.name] = rows
        return pending

    def forget(self, sinks: Sequence[Sink]) -> None:
        """In a forked child: become a new writer, and leave the parent's rows to the parent.

        Args:
            sinks: Those of the child.
        """
        self._waits.clear()
        self._retired.clear()
        self._closing = None
        self._wake = None
        self.header = self._new_header()
        self._sequence = 0
        self.lanes = self._new_lanes(sinks)
        for lane in self.lanes:
            lane.outbox.preface = self._static_frames()

    def _static_frames(self) -> list[Frame]:
        """What a segment that begins now repeats, so that it stands alone."""
        return [encode_chunk(chunk, 0, REPEATED) for chunk in self._statics.values()]


def _static_key(chunk: Chunk) -> object:
    """Later static rows of equal key replace the earlier ones; ``None`` for rows that have a time."""
    return (chunk.entity_path, *chunk.columns) if chunk.is_static else None


def _is_offloaded(item: Chunk | Callable[[], None]) -> bool:
    return isinstance(item, Chunk) and item.nbytes > _OFFLOAD_BYTES

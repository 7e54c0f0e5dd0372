"""The ledger of one writer: which of its frames were taken, which are written, which are on the disk."""

from __future__ import annotations

import itertools
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from asyncrr.collector.arriving import ArrivingFrame, weight_of
from asyncrr.collector.memory import Memory
from asyncrr.collector.outcomes import Loss, Synced, is_no_room
from asyncrr.collector.rotation import NEVER, Rotation
from asyncrr.collector.scanning import scan_segment
from asyncrr.collector.segments import Place, Segment, SegmentFacts, StaticKey
from asyncrr.errors import CorruptError
from asyncrr.wire import DeliveryReceiver, RawFrame, RecordingHeader, summary_of
from asyncrr.wire.framing import is_intact

__all__ = ["Ledger"]

_WRITE_BYTES = 2**20
_CLOSE_SECONDS = 1.0


class Ledger:
    """Frames of one writer on their way to the disk, whatever connections they come by.

    The loop calls what is listed first, and never waits for the disk; one thread calls :meth:`write`, another
    :meth:`sync`.

    Args:
        header: Whose frames.
        directory: Where its segments lie.
        receiver: Which sequence numbers were taken, and which are durable.
        next_number: Of its next segment.
        statics: Where its static frames lie in earlier segments.
        is_complete: Its latest segment ended in peace.
        memory: What is held counts there.
        rotation: When a segment is ended and followed by another.

    Attributes:
        held_bytes: Taken and not yet on the disk, as they weigh in memory.
        trouble: What stands in the way of writing now.
        unsettled_bytes: Written and not yet reported.
        on_synced: Called on the loop with the result of each round.
    """

    def __init__(
        self,
        header: RecordingHeader,
        directory: str,
        receiver: DeliveryReceiver,
        next_number: int,
        statics: dict[StaticKey, Place],
        is_complete: bool,
        memory: Memory,
        rotation: Rotation = NEVER,
    ) -> None:
        self._memory = memory
        self._rotation = rotation
        self._segment_opened = 0.0
        self._segment_start = 0
        self._index_bytes = 0
        self.header = header
        self.receiver = receiver
        self.held_bytes: int = 0
        self.trouble: OSError | None = None
        self.on_synced: Callable[[Synced], None] = _nobody
        self._directory = directory
        self._next_number = next_number
        self._statics = statics
        self._is_complete = is_complete
        self._lock = threading.Lock()  # held for a moment while what is known changes, never during a disk's work
        self._writing = threading.Lock()  # held while the segment is written, cut, finished or closed
        self._pending: deque[RawFrame | ArrivingFrame] = deque()
        self._segment: Segment | None = None
        self._facts: list[SegmentFacts] = []  # of segments that were closed
        self._written = receiver.durable
        self.unsettled_bytes: int = 0
        self._loss: Loss | None = None
        self._is_loss_reported = False
        self._obstacle: OSError | None = None
        self._is_finishing = False
        self._is_letting_go = False

    # ---- on the loop

    def take(self, frames: list[RawFrame]) -> None:
        """Have frames written that the receiver took; their bodies' checksums are looked at then."""
        with self._lock:
            self._pending.extend(frames)
            self._is_letting_go = False
            self._hold(sum(map(weight_of, frames)))

    def begin(self, frame: ArrivingFrame) -> None:
        """Have a frame written that the receiver took, as its pieces come."""
        with self._lock:
            self._pending.append(frame)
            self._is_letting_go = False

    def add(self, frame: ArrivingFrame, piece: memoryview) -> None:
        """Add the next piece.

        Raises:
            CorruptError: The frame ends before it does.
        """
        with self._lock:
            frame.add(piece)
            if not frame.is_given_up:
                self._hold(weight_of(piece))

    def give_up(self, frame: ArrivingFrame) -> None:
        """The rest of a frame will not come: it is to be sent again."""
        frame.is_given_up = True

    def _hold(self, weight: int) -> None:
        self.held_bytes += weight
        self._memory.add(weight)

    @property
    def has_room(self) -> bool:
        """Whether more may be taken without anybody's harm."""
        return not self._memory.is_tight or self.held_bytes < self._memory.share

    def settle(self, synced: Synced) -> None:
        """Take the result of a round into account, then tell whoever is connected."""
        self.receiver.synced(synced.sequence)
        self.trouble = synced.trouble
        segment, before = self._segment, self._index_bytes
        self._index_bytes = 0 if segment is None else segment.index_bytes
        self._memory.index_bytes += self._index_bytes - before
        with self._lock:
            self._hold(-synced.nbytes)
            if synced.is_lost:
                self.receiver.lost()
                for frame in self._pending:
                    if isinstance(frame, ArrivingFrame):
                        frame.is_given_up = True
                self._pending.clear()
                self._hold(-self.held_bytes)
                self.unsettled_bytes = 0
                self._written = self.receiver.durable
                self._loss = self._obstacle = None
                self._is_loss_reported = False
        self.on_synced(synced)

    def restart_at(self, durable: int) -> None:
        """The receiver was told that nothing up to this sequence number will ever come."""
        with self._lock:
            self._written = max(self._written, durable)

    def finish(self) -> None:
        """Have a trailer written: every frame there will be is on the disk."""
        self._is_finishing = True

    def let_go(self) -> None:
        """Have the file closed as it is, because nobody is connected."""
        self._is_letting_go = True

    def hold(self) -> None:
        """Somebody is connected."""
        self._is_letting_go = False

    def ended_facts(self) -> list[SegmentFacts]:
        """What is known of the segments that were ended since this was asked."""
        with self._lock:
            ended, self._facts = self._facts, []
            return ended

    @property
    def facts(self) -> SegmentFacts | None:
        """What is known of the segment that is being written."""
        segment = self._segment
        return None if segment is None else segment.facts

    # ---- in the writing thread

    @property
    def has_obstacle(self) -> bool:
        """Whether the last write found no room."""
        return self._obstacle is not None

    def write(self) -> bool:
        """Write some of what is pending; tells whether more is."""
        with self._writing:
            with self._lock:
                if self._loss is not None or not self._pending:
                    return False
                self._obstacle = None
            if self._segment is None:
                try:
                    self._open_segment()
                except OSError as error:
                    self._obstacle = error
                    return True
            segment, first = self._segment, self._pending[0]
            assert segment is not None
            if isinstance(first, ArrivingFrame):
                return self._append_pieces(segment, first)
            batch: list[RawFrame] = []
            size = 0
            with self._lock:
                while self._pending and size < _WRITE_BYTES and isinstance(frame := self._pending[0], RawFrame):
                    self._pending.popleft()
                    batch.append(frame)
                    size += weight_of(frame)
            self._append(segment, batch)
            return bool(self._pending)

    def _append_pieces(self, segment: Segment, frame: ArrivingFrame) -> bool:
        """Write what is here of a frame; tells whether there is more to do now."""
        weight = 0
        loss: Loss | None = None
        try:
            weight = frame.write(segment, _WRITE_BYTES)
            if frame.is_given_up:
                loss = Loss()
            elif frame.is_written and not frame.is_intact:
                loss = Loss("the checksum of a frame does not hold", is_damaged=True)
            elif frame.is_written:
                segment.complete_piecewise(frame.header, self._is_new)
        except CorruptError as error:
            loss = Loss(error.reason)
        except OSError as error:
            loss = Loss(trouble=error)
        if loss is not None:
            with suppress(OSError):
                segment.cut_back()
        with self._lock:
            self._loss = loss
            self.unsettled_bytes += weight
            if loss is None and frame.is_written:
                self._pending.popleft()
                self._written = max(self._written, segment.facts.last_sequence)
                return bool(self._pending)
            return loss is None and frame.has_pieces

    def _append(self, segment: Segment, batch: list[RawFrame]) -> None:
        obstacle: OSError | None = None
        loss: Loss | None = None
        intact = list(itertools.takewhile(lambda frame: is_intact(frame.header, frame.data), batch))
        if len(intact) < len(batch):
            loss = Loss("the checksum of a frame does not hold", is_damaged=True)
        try:
            segment.append([frame for frame in intact if frame.sequence or self._is_new(frame)])
        except CorruptError as error:
            loss = Loss(error.reason)
        except OSError as error:
            if is_no_room(error):
                loss, obstacle = None, error
            else:
                loss = Loss(trouble=error)
        with self._lock:
            self._loss, self._obstacle = loss, obstacle
            last = max(self._written, segment.facts.last_sequence)
            rest = [frame for frame in batch if frame.sequence > last] if self._is_hindered else []
            self._pending.extendleft(reversed(rest))
            self.unsettled_bytes += sum(map(weight_of, batch)) - sum(map(weight_of, rest))
            self._written = last

    @property
    def _is_hindered(self) -> bool:
        return self._obstacle is not None or (self._loss is not None and self._loss.trouble is not None)

    def _is_new(self, frame: RawFrame) -> bool:
        """Whether a static frame without a number, repeated on each connection, is not yet here."""
        summary = summary_of(frame)
        return (summary.entity_path, summary.components) not in self._statics

    def _open_segment(self) -> None:
        segment = self._new_segment()
        self._segment_opened = time.monotonic()
        self._segment_start = segment.facts.end
        with self._lock:
            self._segment = segment
            self._is_complete = False

    def _new_segment(self) -> Segment:
        while True:
            path = os.path.join(self._directory, f"{self.header.writer_id}-{self._next_number}.arrd")
            try:
                segment = Segment(path, self.header, self._statics)
            except FileExistsError:
                self._next_number += 1
            else:
                self._next_number += 1
                return segment

    # ---- in the syncing thread

    def sync(self) -> Synced | None:
        """Bring what is written to the disk itself; ``None`` where there is nothing new to tell."""
        is_finished = self._is_finishing and self._finish()
        with self._lock:
            if self._is_loss_reported:
                return None
            segment, written, nbytes = self._segment, self._written, self.unsettled_bytes
            loss, obstacle = self._loss, self._obstacle
            self._is_loss_reported = loss is not None
            self.unsettled_bytes = 0
        if segment is not None:
            try:
                segment.sync()
                if not is_finished and self._is_due(segment):
                    self._rotate(segment)
            except OSError as error:
                return self._sync_failed(segment, error)
            is_idle = self._is_letting_go and not self._pending
            if is_finished or is_idle or (loss is not None and loss.ends_segment):
                self._close(segment)
        if loss is not None:
            return Synced(written, nbytes, True, loss.reason, loss.is_damaged, trouble=loss.trouble)
        is_closed = self._segment is None
        return Synced(written, nbytes, is_finished=is_finished, is_closed=is_closed, trouble=obstacle)

    def _is_due(self, segment: Segment) -> bool:
        nbytes = segment.facts.end - self._segment_start
        age = time.monotonic() - self._segment_opened
        is_due = self._rotation.is_due(nbytes, age, segment.index_bytes, self._memory.index_bytes)
        return is_due and self._loss is None

    def _rotate(self, segment: Segment) -> None:
        """End a segment; the next frame opens another, which repeats the static rows."""
        with self._writing:
            if self._loss is not None or segment.is_torn:
                return
            with suppress(OSError):  # trailers are a courtesy
                segment.finish()
            segment.sync()
            segment.close()
            self._is_complete = segment.facts.is_complete
            self._forget_segment(segment.facts)

    def _finish(self) -> bool:
        """Write the trailer if all is written; into a new segment where the writer ends after a restart."""
        if not self._writing.acquire(blocking=False):  # after the write that is under way comes another sync
            return False
        try:
            if self._pending or self._loss is not None:
                return False
            self._is_finishing = False
            with suppress(OSError):  # trailers are a courtesy
                if self._segment is None and not self._is_complete:
                    self._open_segment()
                if self._segment is not None:
                    self._segment.finish()
                    self._is_complete = True
            return True
        finally:
            self._writing.release()

    def _sync_failed(self, segment: Segment, error: OSError) -> Synced:
        """What was written since the last sync may be anywhere: cut it off, and let it be sent again."""
        with self._writing:
            with self._lock:
                self._loss = Loss(trouble=error)
                self._is_loss_reported = True
            with suppress(OSError):
                segment.cut(segment.synced_end)
        self._close(segment)
        return Synced(segment.synced_sequence, is_lost=True, trouble=error)

    def _close(self, segment: Segment) -> None:
        with self._writing:
            if self._loss is None and (self._pending or not segment.is_settled):
                return
            segment.close()
            facts: SegmentFacts | None = segment.facts
            if not segment.is_settled:
                with suppress(OSError):
                    facts = scan_segment(segment.facts.path)
            self._forget_segment(facts)

    def _forget_segment(self, facts: SegmentFacts | None) -> None:
        with self._lock:
            self._segment = None
            if facts is not None:
                self._facts.append(facts)

    def close(self) -> None:
        """Let go of the file, unless a write hangs in it; nothing is written any more."""
        if self._writing.acquire(timeout=_CLOSE_SECONDS):
            try:
                if self._segment is not None:
                    self._segment.close()
                    self._forget_segment(self._segment.facts)
            finally:
                self._writing.release()


def _nobody(synced: Synced) -> None:
    """Nobody is connected."""

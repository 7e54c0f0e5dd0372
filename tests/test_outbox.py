"""The outbox: every row that was put is queued, in flight, delivered, or dropped for a reason."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from asyncrr.chunks import Chunk
from asyncrr.columns import Column
from asyncrr.components import ComponentDescriptor
from asyncrr.errors import SinkError
from asyncrr.outbox import Outbox
from asyncrr.queued_frames import QueuedFrame
from asyncrr.wire import KIND_GAP, RecordingHeader, decode_gap, encode_chunk, parse_frame

HEADER = RecordingHeader("app", "rec", "0" * 32, 1)
SCALAR = ComponentDescriptor("x", "float64")


def frame_of(sequence: int, rows: int = 1, is_static: bool = False) -> QueuedFrame:
    numbers = np.arange(sequence * 100, sequence * 100 + rows, dtype=np.uint64)
    chunk = Chunk("a", numbers, {}, {"x": Column(SCALAR, 1, np.zeros(rows))}, is_static)
    static_key = ("a", sequence) if is_static else None
    return QueuedFrame(encode_chunk(chunk, sequence), int(numbers[0]), int(numbers[-1]), static_key, sequence)


def outbox_with(*frames: QueuedFrame) -> Outbox:
    outbox = Outbox("test", HEADER, 1, threading.RLock())
    outbox.put(frames)
    return outbox


def counts(outbox: Outbox) -> tuple[int, int, int, dict[str, int]]:
    stats = outbox.stats()
    return stats.queued, stats.in_flight, stats.delivered, stats.dropped


def test_frames_are_taken_in_order_and_delivered_cumulatively() -> None:
    outbox = outbox_with(frame_of(1), frame_of(2, 3), frame_of(3))
    assert counts(outbox) == (5, 0, 0, {})
    assert [frame.sequence for frame in outbox.take(2**20)] == [1, 2, 3]
    assert counts(outbox) == (0, 5, 0, {})
    outbox.delivered(2)
    assert counts(outbox) == (0, 1, 4, {})
    assert outbox.durable_sequence == 2
    assert not outbox.is_empty
    outbox.delivered(3)
    assert outbox.is_empty


def test_at_least_one_frame_is_taken_however_big() -> None:
    outbox = outbox_with(frame_of(1, 100), frame_of(2, 100))
    assert [frame.sequence for frame in outbox.take(1)] == [1]
    assert outbox.stats().in_flight_bytes > 1
    assert outbox.has_queued


def test_nothing_is_taken_from_an_empty_outbox() -> None:
    assert outbox_with().take(100) == []


def test_a_rewind_queues_again_what_is_not_durable() -> None:
    outbox = outbox_with(frame_of(1), frame_of(2), frame_of(3))
    outbox.take(2**20)
    outbox.rewind(1)
    assert counts(outbox) == (2, 0, 1, {})
    assert [frame.sequence for frame in outbox.take(2**20)] == [2, 3]


def test_a_rewind_beyond_what_was_taken_delivers_queued_frames_too() -> None:
    outbox = outbox_with(frame_of(1), frame_of(2))
    outbox.rewind(1)
    assert counts(outbox) == (1, 0, 1, {})


def test_an_old_acknowledgement_changes_nothing() -> None:
    outbox = outbox_with(frame_of(1), frame_of(2))
    outbox.take(2**20)
    outbox.delivered(2)
    outbox.delivered(1)
    assert counts(outbox) == (0, 0, 2, {})
    assert outbox.durable_sequence == 2


def test_dropping_leaves_one_gap_mark_for_a_run_and_keeps_static_rows() -> None:
    frames = [frame_of(1), frame_of(2, 2), frame_of(3, is_static=True), frame_of(4), frame_of(5, 3), frame_of(6)]
    outbox = outbox_with(*frames)
    assert outbox.drop_oldest(frames[2].frame.nbytes + frames[5].frame.nbytes, "queue_full") == 7
    assert counts(outbox) == (2, 0, 0, {"queue_full": 7})
    taken = outbox.take(2**20)
    assert [frame.sequence for frame in taken] == [2, 3, 5, 6]
    first, second = (decode_gap(parse_frame(frame)) for frame in taken if frame.kind == KIND_GAP)
    assert (first.first_row, first.last_row, first.row_count, first.frame_count) == (100, 201, 3, 2)
    assert (second.first_row, second.last_row, second.row_count, second.frame_count) == (400, 502, 4, 2)
    assert first.reason == "queue_full"


def test_gaps_grow_as_more_is_dropped() -> None:
    outbox = outbox_with(*[frame_of(sequence) for sequence in range(1, 5)])
    nbytes = frame_of(1).frame.nbytes
    for kept in (3, 2, 1, 0):
        assert outbox.drop_oldest(kept * nbytes, "queue_full") == 1
    (gap,) = outbox.take(2**20)
    assert (gap.sequence, decode_gap(parse_frame(gap)).frame_count) == (4, 4)
    outbox.delivered(4)
    assert counts(outbox) == (0, 0, 0, {"queue_full": 4})


def test_what_is_in_flight_is_never_dropped_for_room() -> None:
    outbox = outbox_with(frame_of(1), frame_of(2))
    outbox.take(1)
    assert outbox.drop_oldest(0, "queue_full") == 1
    assert counts(outbox) == (0, 1, 0, {"queue_full": 1})


def test_a_failed_sink_counts_all_that_is_left_and_all_that_comes() -> None:
    outbox = outbox_with(frame_of(1), frame_of(2))
    outbox.take(1)
    outbox.fail(SinkError("test", "broken"))
    outbox.put([frame_of(3)])
    assert counts(outbox) == (0, 0, 0, {"sink_failed": 3})
    assert outbox.state == "failed"
    outbox.closed()
    assert outbox.state == "failed"


def test_what_is_put_after_closing_is_counted() -> None:
    outbox = outbox_with()
    outbox.closed()
    outbox.put([frame_of(1)])
    assert counts(outbox) == (0, 0, 0, {"closed": 1})
    assert outbox.state == "closed"


def test_another_outbox_adopts_what_was_buffered() -> None:
    buffer = outbox_with(*[frame_of(sequence) for sequence in range(1, 4)])
    buffer.drop_oldest(2 * frame_of(1).frame.nbytes, "buffer_full")
    outbox = outbox_with()
    outbox.adopt(buffer)
    assert counts(outbox) == (2, 0, 0, {"buffer_full": 1})
    assert outbox.next_sequence == 1
    assert [frame.sequence for frame in outbox.take(2**20)] == [1, 2, 3]
    assert outbox.durable_sequence == 0


def test_another_outbox_goes_on_with_the_counts_of_the_one_before() -> None:
    before = outbox_with(frame_of(1), frame_of(2), frame_of(3))
    before.take(1)
    before.delivered(1)
    after = Outbox("after", HEADER, 4, threading.RLock())
    after.follow(before)
    assert counts(after) == (0, 0, 3, {})
    assert counts(before) == (2, 0, 1, {})


def test_changes_are_told() -> None:
    told: list[str] = []
    outbox = outbox_with(frame_of(1))
    outbox.on_change = lambda: told.append(outbox.state)
    outbox.opened("connected")
    outbox.take(1)
    outbox.delivered(1)
    outbox.trouble(OSError("slow"))
    outbox.closed()
    assert told == ["connected", "connected", "closed"]
    assert str(outbox.last_trouble) == "slow"


def test_what_will_not_open_as_it_was_meant_goes_on_taking_frames() -> None:
    told: list[str] = []
    outbox = outbox_with(frame_of(1))
    outbox.on_change = lambda: told.append(str(outbox.opening_error))
    outbox.refuse_opening(SinkError("ws://there", "the token is wrong"))
    assert told == ["ws://there: the token is wrong"]
    assert outbox.last_trouble is outbox.opening_error
    assert outbox.error is None
    assert [frame.sequence for frame in outbox.take(1)] == [1]


class OutboxMachine(RuleBasedStateMachine):
    """Any order of calls keeps the books."""

    def __init__(self) -> None:
        super().__init__()
        self.outbox = outbox_with()
        self.sequence = 0
        self.put_rows = 0
        self.put_bytes = 0

    @rule(rows=st.integers(1, 5), is_static=st.booleans())
    def put(self, rows: int, is_static: bool) -> None:
        self.sequence += 1
        frame = frame_of(self.sequence, rows, is_static)
        self.outbox.put([frame])
        self.put_rows += rows
        self.put_bytes += frame.frame.nbytes

    @rule(max_bytes=st.integers(0, 2000))
    def take(self, max_bytes: int) -> None:
        taken = [frame.sequence for frame in self.outbox.take(max_bytes)]
        assert taken == sorted(taken)

    @rule(data=st.data())
    def deliver(self, data: st.DataObject) -> None:
        if self.outbox.stats().in_flight_bytes:
            self.outbox.delivered(data.draw(st.integers(0, self.sequence)))

    @rule(data=st.data())
    def rewind(self, data: st.DataObject) -> None:
        self.outbox.rewind(data.draw(st.integers(0, self.sequence)))
        assert self.outbox.stats().in_flight_bytes == 0

    @rule(max_bytes=st.integers(0, 2000))
    def drop(self, max_bytes: int) -> None:
        self.outbox.drop_oldest(max_bytes, "queue_full")

    @invariant()
    def every_row_is_somewhere(self) -> None:
        stats = self.outbox.stats()
        assert self.put_rows == stats.queued + stats.in_flight + stats.delivered + sum(stats.dropped.values())
        held = stats.queued_bytes + stats.in_flight_bytes
        assert self.put_bytes == held + stats.delivered_bytes + sum(stats.dropped_bytes.values())


TestOutboxMachine = pytest.mark.timeout(60)(OutboxMachine.TestCase)
TestOutboxMachine.settings = settings(max_examples=50, stateful_step_count=30, deadline=None)

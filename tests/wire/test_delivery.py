"""Delivery: nothing acknowledged is lost and nothing is stored twice, whatever is cut."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asyncrr.errors import CorruptError, UsageError
from asyncrr.wire import (
    Ack,
    Control,
    Delivered,
    DeliveryReceiver,
    DeliverySender,
    Done,
    End,
    Ended,
    Error,
    Expected,
    Hello,
    ReceiverVerdict,
    RecordingHeader,
    Refused,
    Rewind,
    SenderState,
    Welcome,
)

HEADER = RecordingHeader("app", "rec", "0" * 32, 0)
MESSAGES: list[Any] = [Welcome(0, "c"), Ack(0), Expected(1), Ended(), Error("code", "text"), Hello(HEADER, 1), End(0)]


def streaming(first: int = 1, durable: int = 0, window: int = 100) -> DeliverySender:
    sender = DeliverySender(HEADER, first, window)
    sender.connected()
    sender.receive(Welcome(durable, "c"))
    return sender


def in_state(state: SenderState) -> DeliverySender:
    sender = DeliverySender(HEADER)
    if state is not SenderState.DISCONNECTED:
        sender.connected()
    if state in (SenderState.STREAMING, SenderState.ENDING, SenderState.ENDED):
        sender.receive(Welcome(0, "c"))
    if state in (SenderState.ENDING, SenderState.ENDED):
        sender.end()
    if state is SenderState.ENDED:
        sender.receive(Ended())
    if state is SenderState.FAILED:
        sender.receive(Error("code", "text"))
    return sender


TABLE = {
    (SenderState.GREETING, "Welcome"): SenderState.STREAMING,
    (SenderState.GREETING, "Error"): SenderState.FAILED,
    (SenderState.STREAMING, "Ack"): SenderState.STREAMING,
    (SenderState.STREAMING, "Expected"): SenderState.STREAMING,
    (SenderState.STREAMING, "Error"): SenderState.FAILED,
    (SenderState.ENDING, "Ack"): SenderState.ENDING,
    (SenderState.ENDING, "Expected"): SenderState.STREAMING,
    (SenderState.ENDING, "Ended"): SenderState.ENDED,
    (SenderState.ENDING, "Error"): SenderState.FAILED,
}


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
@pytest.mark.parametrize("state", SenderState)
def test_every_message_in_every_state(state: SenderState, message: Any) -> None:
    sender = in_state(state)
    assert sender.state is state
    expected = TABLE.get((state, type(message).__name__))
    if expected is None:
        with pytest.raises(CorruptError, match=f"{type(message).__name__} while {state.name}"):
            sender.receive(message)
        assert sender.state is state
    else:
        sender.receive(message)
        assert sender.state is expected


@pytest.mark.parametrize("state", SenderState)
def test_every_call_in_every_state(state: SenderState) -> None:
    if state is not SenderState.DISCONNECTED:
        with pytest.raises(UsageError, match="cannot connect"):
            in_state(state).connected()
    if state is not SenderState.STREAMING:
        assert in_state(state).room_bytes == 0
        with pytest.raises(UsageError, match="cannot be sent"):
            in_state(state).sent(1, 5)
        with pytest.raises(UsageError, match="cannot end"):
            in_state(state).end()
    sender = in_state(state)
    is_over = state in (SenderState.ENDED, SenderState.FAILED)
    assert sender.disconnected() == (None if is_over else Rewind(0))
    assert sender.state is (state if is_over else SenderState.DISCONNECTED)


def test_the_window_bounds_what_is_not_acknowledged() -> None:
    sender = streaming()
    assert sender.room_bytes == 100
    sender.sent(1, 60)
    sender.sent(2, 70)
    assert (sender.room_bytes, sender.in_flight) == (0, 2)
    assert sender.receive(Ack(1)) == Delivered(1)
    assert (sender.room_bytes, sender.in_flight) == (30, 1)
    assert sender.receive(Ack(0)) == Delivered(1)
    assert sender.receive(Ack(2)) == Delivered(2)
    assert sender.room_bytes == 100


def test_a_gap_may_begin_with_numbers_that_arrived_before_it_took_their_place() -> None:
    sender = streaming(durable=7)
    with pytest.raises(UsageError, match="8 is next"):
        sender.sent(7, 5, frame_count=3)
    sender.sent(9, 5, frame_count=5)
    assert sender.receive(Ack(9)) == Delivered(9)


def test_what_a_welcome_names_may_be_acknowledged_again() -> None:
    sender = streaming(durable=7)
    assert sender.receive(Ack(7)) == Delivered(7)
    with pytest.raises(CorruptError, match="never sent"):
        sender.receive(Ack(8))


def test_frames_are_sent_in_order() -> None:
    sender = streaming()
    with pytest.raises(UsageError, match="1 is next"):
        sender.sent(2, 5)
    sender.sent(4, 5, frame_count=4)
    sender.sent(5, 5)


def test_after_a_reconnect_sending_goes_on_behind_what_is_durable() -> None:
    sender = streaming()
    for number in (1, 2, 3):
        sender.sent(number, 10)
    sender.receive(Ack(1))
    assert sender.disconnected() == Rewind(1)
    assert sender.connected() == Hello(HEADER, 2)
    assert sender.receive(Welcome(2, "c")) == Rewind(2)
    sender.sent(3, 10)


def test_a_collector_may_have_more_than_was_sent_in_this_life() -> None:
    sender = streaming(durable=7)
    assert sender.durable == 7
    sender.sent(8, 1)


def test_a_named_number_rewinds() -> None:
    sender = streaming()
    sender.sent(1, 10)
    sender.sent(2, 10)
    assert sender.receive(Expected(2)) == Rewind(1)
    sender.sent(2, 10)
    assert sender.receive(Expected(1)) == Rewind(1)


@pytest.mark.parametrize("message", [Ack(1), Expected(3)])
def test_what_was_never_sent_cannot_be_acknowledged(message: Any) -> None:
    with pytest.raises(CorruptError, match="never sent"):
        streaming().receive(message)


def test_an_acknowledgement_that_crosses_a_rewind_counts() -> None:
    """The frame was sent, a rewind asked for it again, and then it turns out to have arrived all the same."""
    sender = streaming()
    sender.sent(1, 10)
    sender.sent(2, 10)
    assert sender.receive(Expected(1)) == Rewind(0)
    assert sender.receive(Ack(1)) == Rewind(1)
    assert sender.durable == 1
    sender.sent(2, 10)
    assert sender.receive(Ack(2)) == Delivered(2)
    with pytest.raises(CorruptError, match="never sent"):
        sender.receive(Ack(3))


def test_an_end_is_acknowledged_as_a_whole() -> None:
    sender = streaming()
    sender.sent(1, 10)
    assert sender.end() == End(1)
    assert sender.receive(Ended()) == Done()
    assert sender.durable == 1
    assert in_state(SenderState.GREETING).receive(Error("code", "text")) == Refused("code", "text")


def test_verdicts_of_the_receiver() -> None:
    receiver = DeliveryReceiver(0, "c")
    assert receiver.hello(Hello(HEADER, 1)) == Welcome(0, "c")
    assert receiver.offer(1) is ReceiverVerdict.TAKE
    assert receiver.offer(2) is ReceiverVerdict.TAKE
    assert receiver.synced(1) == Ack(1)
    assert receiver.offer(1) is ReceiverVerdict.REPEATED
    assert receiver.acknowledgement() == Ack(1)
    assert receiver.offer(2) is ReceiverVerdict.PENDING
    assert receiver.offer(4) is ReceiverVerdict.GAP
    assert receiver.expected() == Expected(3)
    assert receiver.offer(5) is ReceiverVerdict.IGNORED
    assert receiver.offer(5, frame_count=3) is ReceiverVerdict.TAKE
    assert receiver.offer(7) is ReceiverVerdict.GAP
    assert receiver.synced(99) == Ack(5)
    assert receiver.synced(2) == Ack(5)


def test_what_the_sender_no_longer_has_is_not_waited_for() -> None:
    receiver = DeliveryReceiver(3, "c")
    assert receiver.hello(Hello(HEADER, 9)) == Welcome(8, "c")
    assert receiver.offer(9) is ReceiverVerdict.TAKE
    assert receiver.hello(Hello(HEADER, 2)) == Welcome(8, "c")


def test_a_failed_sync_asks_for_what_it_lost() -> None:
    receiver = DeliveryReceiver(0, "c")
    receiver.offer(1)
    receiver.synced(1)
    receiver.offer(2)
    assert receiver.lost() == Expected(2)
    assert receiver.offer(3) is ReceiverVerdict.IGNORED
    assert receiver.offer(2) is ReceiverVerdict.TAKE


def test_the_end_comes_when_all_is_durable() -> None:
    receiver = DeliveryReceiver(0, "c")
    assert receiver.ended(End(1)) == Expected(1)
    receiver.offer(1)
    assert receiver.ended(End(1)) is None
    receiver.synced(1)
    assert receiver.ended(End(1)) == Ended()


class World:
    """Both ends, a line between them that keeps order and can be cut, and a disk."""

    def __init__(self, window: int) -> None:
        self.sender = DeliverySender(HEADER, 1, window)
        self.receiver = DeliveryReceiver(0, "c")
        self.queued: list[int] = []
        self.flying: list[int] = []
        self.freed: list[int] = []
        self.logged = 0
        self.to_collector: list[Any] = []
        self.to_client: list[Any] = []
        self.written: list[int] = []
        self.disk: list[int] = []
        self.end: End | None = None
        self.is_greeted = False

    def connect(self) -> None:
        if self.sender.state is SenderState.DISCONNECTED:
            self.to_collector.append(self.sender.connected())

    def log(self) -> None:
        if self.end is None:
            self.logged += 1
            self.queued.append(self.logged)

    def send(self) -> None:
        if self.queued and self.sender.room_bytes:
            number = self.queued.pop(0)
            self.sender.sent(number, 10)
            self.flying.append(number)
            self.to_collector.append(number)

    def finish(self) -> None:
        if not self.queued and self.sender.state is SenderState.STREAMING:
            self.to_collector.append(self.sender.end())

    def arrive(self) -> None:
        if not self.to_collector:
            return
        item = self.to_collector.pop(0)
        if isinstance(item, Hello):
            self.is_greeted = True
            self.tell(self.receiver.hello(item))
        elif isinstance(item, End):
            self.end = item
            self.answer_end()
        else:
            verdict = self.receiver.offer(item)
            if verdict is ReceiverVerdict.TAKE:
                self.written.append(item)
            elif verdict is ReceiverVerdict.REPEATED:
                self.tell(self.receiver.acknowledgement())
            elif verdict is ReceiverVerdict.GAP:
                self.tell(self.receiver.expected())

    def answer_end(self) -> None:
        if self.end is not None and (answer := self.receiver.ended(self.end)) is not None:
            self.tell(answer)
            self.end = None

    def sync(self) -> None:
        self.disk += self.written
        self.written.clear()
        if self.disk:
            self.tell(self.receiver.synced(self.disk[-1]))
        self.answer_end()

    def fail_sync(self) -> None:
        self.written.clear()
        self.tell(self.receiver.lost())

    def kill_collector(self) -> None:
        """Only what is on disk survives."""
        self.cut()
        self.written.clear()
        self.receiver = DeliveryReceiver(max(self.disk, default=0), "c")

    def answer(self) -> None:
        if not self.to_client:
            return
        match self.sender.receive(self.to_client.pop(0)):
            case Delivered(sequence):
                self.free(sequence)
            case Rewind(durable):
                self.rewind(durable)
            case Done():
                self.free(self.logged)

    def free(self, sequence: int) -> None:
        self.freed += [number for number in [*self.flying, *self.queued] if number <= sequence]
        self.flying = [number for number in self.flying if number > sequence]
        self.queued = [number for number in self.queued if number > sequence]

    def rewind(self, durable: int) -> None:
        self.free(durable)
        self.queued = self.flying + self.queued
        self.flying = []

    def tell(self, message: Control) -> None:
        """The collector answers on a connection that has said hello, and on no earlier one."""
        if self.is_greeted:
            self.to_client.append(message)

    def cut(self) -> None:
        self.is_greeted = False
        self.to_collector.clear()
        self.to_client.clear()
        self.end = None
        if (outcome := self.sender.disconnected()) is not None:
            self.rewind(outcome.durable)

    def check(self) -> None:
        assert self.disk == list(range(1, len(self.disk) + 1)), "twice, or out of order"
        assert set(self.freed) <= set(self.disk), "acknowledged and lost"
        assert len(self.freed) + len(self.flying) + len(self.queued) == self.logged


STEPS = [
    "log",
    "log",
    "send",
    "send",
    "arrive",
    "arrive",
    "answer",
    "answer",
    "sync",
    "fail_sync",
    "connect",
    "cut",
    "kill_collector",
]


@settings(max_examples=300)
@given(st.lists(st.sampled_from(STEPS), max_size=80), st.sampled_from([5, 30, 1000]))
def test_nothing_acknowledged_is_lost_and_nothing_is_stored_twice(steps: list[str], window: int) -> None:
    world = World(window)
    for step in steps:
        if step != "fail_sync" or (world.written and world.sender.state is SenderState.STREAMING):
            getattr(world, step)()
        world.check()
    for _ in range(10 * world.logged + 20):
        for step in ("connect", "send", "arrive", "sync", "answer", "answer"):
            getattr(world, step)()
        world.check()
        if not world.queued and not world.flying:
            break
    world.finish()
    for _ in range(10):
        for step in ("arrive", "sync", "answer", "answer"):
            if world.sender.state is not SenderState.ENDED:
                getattr(world, step)()
    assert world.sender.state is SenderState.ENDED
    assert world.disk == list(range(1, world.logged + 1))
    assert world.freed == world.disk

"""Client, collector, disk and network as one state machine, whose moves are also crashes of each.

Hypothesis draws one number for each step, which chooses among the moves that are possible then; rules of its own with
preconditions would take it ten times as long as the moves themselves.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import shutil
import tempfile
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import pytest
from faults.harness import rounds
from hypothesis import HealthCheck, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from recorder import frame, header

from asyncrr.collector import segments
from asyncrr.collector.ledger import Ledger
from asyncrr.collector.memory import Memory
from asyncrr.collector.rotation import Rotation
from asyncrr.collector.scanning import scan_segment
from asyncrr.collector.segments import Place, StaticKey, directory_name, segment_paths
from asyncrr.wire import (
    Ack,
    DeliveryReceiver,
    DeliverySender,
    End,
    Ended,
    Hello,
    RawFrame,
    ReceiverVerdict,
    SenderState,
    parse_frame,
    read_frames,
)

HEADER = header("model", "0" * 32)
MEMORY = "/dev/shm" if os.path.isdir("/dev/shm") else None


class Move(NamedTuple):
    """Something that may happen.

    Attributes:
        name: In a failure's story.
        act: Makes it happen; its number says how much of it.
        is_possible: Whether it can happen now.
        is_fault: Some lives go without it.
    """

    name: str
    act: Callable[[Delivery, int], None]
    is_possible: Callable[[Delivery], bool]
    is_fault: bool


Act: TypeAlias = "Callable[[Delivery, int], None]"
MOVES: list[Move] = []


def move(
    is_possible: Callable[[Delivery], bool] = lambda self: True, *, is_fault: bool = False
) -> Callable[[Act], Act]:
    """Declare a move; a failure is shrunk towards those declared first."""

    def add(act: Act) -> Act:
        MOVES.append(Move(act.__name__, act, is_possible, is_fault))
        return act

    return add


@functools.cache
def numbered(sequence: int) -> RawFrame:
    return parse_frame(frame(sequence))


class Delivery(RuleBasedStateMachine):
    """One writer, with a spool: what it logged it can send again after a crash."""

    def __init__(self) -> None:
        super().__init__()
        self.place = tempfile.mkdtemp(dir=MEMORY, prefix="asyncrr-model-")
        self.directory = os.path.join(self.place, directory_name(HEADER.recording_id))
        os.mkdir(self.directory)
        self.logged = 0
        self.acknowledged = 0
        self.sender = DeliverySender(HEADER, 1, 3000)
        self.next = 1
        self.up: deque[Any] = deque()
        self.down: deque[Any] = deque()
        self.end: End | None = None
        self.is_ending = False
        self.room: int | None = None
        self.error = errno.ENOSPC
        self.failing_syncs = 0
        self.write, self.sync_file = segments.write_some, segments.sync_file
        segments.write_some, segments.sync_file = self.write_some, self.sync
        self.ledger = self.from_disk()
        self.seen = 0
        self.moves = MOVES

    @initialize(without=st.integers(0, 2**7 - 1))
    def choose_faults(self, without: int) -> None:
        """A life that misses some of them gets further in others."""
        faults = [one for one in MOVES if one.is_fault]
        left_out = [one for number, one in enumerate(faults) if without >> number & 1]
        self.moves = [one for one in MOVES if one not in left_out]

    @rule(number=st.integers(0, 2**24 - 1))
    def step(self, number: int) -> None:
        possible = [one for one in self.moves if one.is_possible(self)]
        much, which = divmod(number, len(possible))
        note(f"  {possible[which].name}({much})")
        possible[which].act(self, much)

    # ---- the disk

    def write_some(self, descriptor: int, data: bytes | memoryview) -> int:
        if self.room is None:
            return os.write(descriptor, data)
        written = os.write(descriptor, data[: self.room])
        self.room -= written
        if not written:
            raise OSError(self.error, os.strerror(self.error))
        return written

    def sync(self, descriptor: int) -> None:
        if self.failing_syncs:
            self.failing_syncs -= 1
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    def from_disk(self) -> Ledger:
        durable, number, is_complete = 0, 0, False
        statics: dict[StaticKey, Place] = {}
        for path in segment_paths(self.directory, HEADER.writer_id):
            number = int(path.rpartition("-")[2].removesuffix(".arrd"))
            facts = scan_segment(path)
            if facts is not None:
                durable, is_complete = max(durable, facts.last_sequence), facts.is_complete
        receiver = DeliveryReceiver(durable, "model")
        return Ledger(
            HEADER, self.directory, receiver, number + 1, statics, is_complete, Memory(), Rotation(nbytes=2000)
        )

    # ---- the client

    @move(lambda self: self.sender.state is SenderState.DISCONNECTED)
    def connect(self, much: int = 0) -> None:
        self.up.clear()
        self.down.clear()
        self.up.append(self.sender.connected())

    @move(lambda self: self.sender.state not in (SenderState.ENDING, SenderState.ENDED))
    def logs(self, much: int) -> None:
        self.logged += 1 + much % 5

    @move(lambda self: self.sender.state is SenderState.STREAMING)
    def sends(self, much: int) -> None:
        self.send(1 + much % 5)

    def send(self, count: int) -> None:
        while count and self.next <= self.logged and self.sender.room_bytes:
            one = numbered(self.next)
            self.sender.sent(self.next, one.nbytes)
            self.up.append(one)
            self.next += 1
            count -= 1

    @move(lambda self: self.sender.state is SenderState.STREAMING and self.sender.durable == self.logged > 0)
    def finishes(self, much: int) -> None:
        if self.next > self.logged:
            self.up.append(self.sender.end())

    @move(lambda self: self.sender.state is not SenderState.ENDED, is_fault=True)
    def client_is_killed(self, much: int) -> None:
        """What is acknowledged is gone from its spool."""
        self.cut()
        self.sender = DeliverySender(HEADER, self.acknowledged + 1, 3000)
        self.next = self.acknowledged + 1

    @move(is_fault=True)
    def disk_is_full(self, much: int) -> None:
        self.room, self.error = much % 2001, errno.ENOSPC

    @move(is_fault=True)
    def disk_breaks(self, much: int) -> None:
        self.room, self.error = much % 2001, errno.EIO

    @move(lambda self: self.room is not None)
    def disk_is_well_again(self, much: int) -> None:
        self.room = None

    @move(is_fault=True)
    def a_sync_will_fail(self, much: int) -> None:
        self.failing_syncs += 1

    # ---- the network

    @move(is_fault=True)
    def cut(self, much: int = 0) -> None:
        self.sender.disconnected()
        self.up.clear()
        self.down.clear()
        self.end, self.is_ending = None, False

    @move(lambda self: bool(self.down))
    def some_answers_arrive(self, much: int) -> None:
        self.answers_arrive(1 + much % 5)

    def answers_arrive(self, count: int) -> None:
        for _ in range(min(count, len(self.down))):
            if self.sender.state is SenderState.ENDED:  # nobody hears any more
                return
            self.sender.receive(self.down.popleft())
            self.acknowledged = max(self.acknowledged, self.sender.durable)
            self.next = self.sender._next

    @move(lambda self: bool(self.up))
    def some_messages_arrive(self, much: int) -> None:
        self.messages_arrive(1 + much % 5)

    def messages_arrive(self, count: int) -> None:
        for _ in range(min(count, len(self.up))):
            self.collect(self.up.popleft())

    @move()
    def everything_moves(self, much: int) -> None:
        """One turn of all, so that crashes fall into long lives as well."""
        if self.sender.state is SenderState.DISCONNECTED:
            self.connect()
        if self.sender.state not in (SenderState.ENDING, SenderState.ENDED):
            self.logs(much)
        for _ in range(2):
            self.messages_arrive(100)
            self.answers_arrive(100)
            if self.sender.state is SenderState.STREAMING:
                self.sends(much)
        self.collector_writes()
        self.collector_syncs()
        if much // 5 % 2:
            self.answers_arrive(100)

    # ---- the collector

    def collect(self, message: Any) -> None:
        receiver = self.ledger.receiver
        if isinstance(message, Hello):
            welcome = receiver.hello(message)
            self.ledger.restart_at(welcome.durable)
            self.seen = welcome.durable
            self.down.append(welcome)
        elif isinstance(message, RawFrame):
            verdict = receiver.offer(message.sequence)
            if verdict in (ReceiverVerdict.TAKE, ReceiverVerdict.PENDING, ReceiverVerdict.REPEATED):
                self.seen = max(self.seen, message.sequence)
            if verdict is ReceiverVerdict.TAKE:
                self.ledger.take([message])
            elif verdict is ReceiverVerdict.REPEATED:
                self.acknowledge()
            elif verdict is ReceiverVerdict.GAP:
                self.down.append(receiver.expected())
        else:
            self.end = message
            self.try_to_end()

    def acknowledge(self) -> None:
        self.down.append(Ack(min(self.ledger.receiver.durable, self.seen)))

    def try_to_end(self) -> None:
        if self.end is None:
            return
        answer = self.ledger.receiver.ended(self.end)
        if isinstance(answer, Ended):
            self.end, self.is_ending = None, True
            self.ledger.finish()
        elif answer is not None:
            self.end = None
            self.down.append(answer)

    @move()
    def collector_writes(self, much: int = 0) -> None:
        self.ledger.write()

    @move()
    def collector_syncs(self, much: int = 0) -> None:
        synced = self.ledger.sync()
        if synced is None:
            return
        self.ledger.settle(synced)
        if self.sender.state in (SenderState.DISCONNECTED, SenderState.GREETING):
            return
        if synced.is_lost:
            self.down.append(self.ledger.receiver.expected())
        else:
            self.acknowledge()
        if synced.is_finished and self.is_ending:
            self.is_ending = False
            self.down.append(Ended())
        self.try_to_end()

    @move(is_fault=True)
    def collector_is_killed(self, much: int) -> None:
        self.collector_ends(None)

    @move(is_fault=True)
    def collector_loses_power(self, much: int) -> None:
        self.collector_ends(much)

    def collector_ends(self, kept: int | None) -> None:
        """By a signal, or with its machine, where any part of what was not synced is lost."""
        self.cut()
        segment = self.ledger._segment
        self.ledger.close()
        if kept is not None and segment is not None:
            rest = os.path.getsize(segment.facts.path) - segment.synced_end
            if rest > 0:
                os.truncate(segment.facts.path, segment.synced_end + kept % (rest + 1))
        self.failing_syncs = 0  # a collector that cannot read what it has takes nobody
        self.check()
        self.ledger = self.from_disk()

    @invariant()
    def the_numbers_are_sound(self) -> None:
        receiver = self.ledger.receiver
        assert self.acknowledged <= receiver.durable <= receiver.received <= self.logged
        assert self.ledger.held_bytes >= 0
        if self.sender.state is SenderState.ENDED:
            assert self.acknowledged == self.logged

    def check(self) -> None:
        """Every acknowledged frame is on the disk, once and in order."""
        found = []
        for path in segment_paths(self.directory, HEADER.writer_id):
            facts = scan_segment(path)
            if facts is not None:
                with open(path, "rb") as file:
                    content = file.read(facts.end)
                found += [one.sequence for one in read_frames(content) if isinstance(one, RawFrame) and one.sequence]
        assert found == list(range(1, len(found) + 1))
        assert len(found) >= self.acknowledged

    def teardown(self) -> None:
        segments.write_some, segments.sync_file = self.write, self.sync_file
        with contextlib.suppress(OSError):
            self.ledger.close()
        self.check()
        shutil.rmtree(self.place, ignore_errors=True)


TestDelivery = pytest.mark.timeout(240)(Delivery.TestCase)
TestDelivery.settings = settings(
    max_examples=rounds(500, 100_000),
    stateful_step_count=50,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)

"""Delivery: both ends of a stream of numbered frames, as state machines without I/O.

The frames of one writer are numbered 1, 2, 3, ... The sender keeps each until it is acknowledged; the receiver takes
them in order and acknowledges cumulatively, once they are on disk. So nothing acknowledged is lost and nothing is
stored twice, whatever connections are cut and whichever side starts anew.

The sender::

    state         connected()   Welcome       Ack        Expected   Ended     Error    disconnected()
    ------------  ------------  ------------  ---------  ---------  --------  -------  --------------
    DISCONNECTED  GREETING      -             -          -          -         -        DISCONNECTED
    GREETING      -             STREAMING     -          -          -         FAILED   DISCONNECTED
    STREAMING     -             -             STREAMING  STREAMING  -         FAILED   DISCONNECTED
    ENDING        -             -             ENDING     STREAMING  ENDED     FAILED   DISCONNECTED
    ENDED         -             -             -          -          -         -        ENDED
    FAILED        -             -             -          -          -         -        FAILED

``end()`` leads from STREAMING to ENDING. What is marked ``-`` breaks the protocol and raises.

The receiver, one per writer, outlives connections. It has two numbers: *received*, up to which it has taken frames,
and *durable*, up to which they are on disk::

    frame                          verdict
    -----------------------------  --------------------------------------------------------------------
    received + 1                   TAKE: store it
    at or below durable            REPEATED: drop it, acknowledge durable again
    between durable and received   PENDING: drop it, the acknowledgement follows when it is on disk
    beyond received + 1            GAP: drop it, name the number that is expected
    beyond, that number named      IGNORED: drop it; what was under way still arrives
"""

from __future__ import annotations

from enum import Enum, auto
from typing import NamedTuple, TypeAlias

from asyncrr.errors import CorruptError, UsageError
from asyncrr.wire.messages import Ack, Control, End, Ended, Error, Expected, Hello, Welcome
from asyncrr.wire.segment_frames import RecordingHeader

__all__ = [
    "Delivered",
    "DeliveryReceiver",
    "DeliverySender",
    "Done",
    "Outcome",
    "ReceiverVerdict",
    "Refused",
    "Rewind",
    "SenderState",
]


class SenderState(Enum):
    """Where a sender stands."""

    DISCONNECTED = auto()
    GREETING = auto()
    STREAMING = auto()
    ENDING = auto()
    ENDED = auto()
    FAILED = auto()


class Delivered(NamedTuple):
    """Every frame up to ``sequence`` is on the other side's disk and can be freed."""

    sequence: int


class Rewind(NamedTuple):
    """Every frame up to ``durable`` can be freed, and all beyond it must be sent, in order."""

    durable: int


class Done(NamedTuple):
    """The other side has everything up to the end: close the connection."""


class Refused(NamedTuple):
    """The other side refuses: close the connection.

    Attributes:
        code: As in :class:`~asyncrr.wire.messages.Error`.
        text: For people.
    """

    code: str
    text: str


Outcome: TypeAlias = "Delivered | Rewind | Done | Refused"

_TRANSITIONS: dict[tuple[SenderState, type], SenderState] = {
    (SenderState.GREETING, Welcome): SenderState.STREAMING,
    (SenderState.STREAMING, Ack): SenderState.STREAMING,
    (SenderState.ENDING, Ack): SenderState.ENDING,
    (SenderState.STREAMING, Expected): SenderState.STREAMING,
    (SenderState.ENDING, Expected): SenderState.STREAMING,
    (SenderState.ENDING, Ended): SenderState.ENDED,
    (SenderState.GREETING, Error): SenderState.FAILED,
    (SenderState.STREAMING, Error): SenderState.FAILED,
    (SenderState.ENDING, Error): SenderState.FAILED,
}


class DeliverySender:
    """The sending end. It knows numbers and sizes, not the frames themselves, which stay with their queue.

    Attributes:
        state: Where it stands.
        durable: The greatest sequence number that is acknowledged.
    """

    __slots__ = (
        "_end",
        "_greatest",
        "_header",
        "_in_flight",
        "_in_flight_bytes",
        "_next",
        "_window_bytes",
        "durable",
        "state",
    )

    def __init__(self, header: RecordingHeader, first_sequence: int = 1, window_bytes: int = 2**23) -> None:
        """
        Args:
            header: Whose frames.
            first_sequence: Of the first frame there will ever be to send.
            window_bytes: How much may be sent and not acknowledged, in bytes.
        """
        self.state: SenderState = SenderState.DISCONNECTED
        self.durable: int = first_sequence - 1
        self._header = header
        self._window_bytes = window_bytes
        self._next = first_sequence
        self._greatest = first_sequence - 1  # ever sent; what was rewound since may still be acknowledged
        self._in_flight: dict[int, int] = {}
        self._in_flight_bytes = 0
        self._end: int | None = None

    @property
    def room_bytes(self) -> int:
        """How much may be sent now, in bytes; a frame may be larger than that if there is any room at all."""
        if self.state is not SenderState.STREAMING:
            return 0
        return max(0, self._window_bytes - self._in_flight_bytes)

    @property
    def in_flight(self) -> int:
        """Frames that are sent and not acknowledged."""
        return len(self._in_flight)

    def connected(self) -> Hello:
        """A connection is there: send this first.

        Raises:
            UsageError: There is one already, or the stream is over.
        """
        if self.state is not SenderState.DISCONNECTED:
            raise UsageError(f"a sender that is {self.state.name} cannot connect")
        self.state = SenderState.GREETING
        return Hello(self._header, self.durable + 1)

    def receive(self, message: Control) -> Outcome:
        """Take a message from the other side and say what follows from it.

        Raises:
            CorruptError: The message breaks the protocol: close the connection.
        """
        state = _TRANSITIONS.get((self.state, type(message)))
        if state is None:
            raise CorruptError(f"{type(message).__name__} while {self.state.name}")
        outcome = self._apply(message)
        self.state = state
        return outcome

    def sent(self, sequence: int, nbytes: int, frame_count: int = 1) -> None:
        """A frame was given to the connection.

        Args:
            sequence: Its number.
            nbytes: Its bytes.
            frame_count: How many numbers it stands for, its own being the last.

        Raises:
            UsageError: It leaves out the next one, or frames cannot be sent now.
        """
        first = sequence - frame_count + 1  # lower where some of what it stands for arrived before it was dropped here
        if self.state is not SenderState.STREAMING or not first <= self._next <= sequence:
            raise UsageError(f"frame {sequence} cannot be sent while {self.state.name} and {self._next} is next")
        self._next = sequence + 1
        self._greatest = max(self._greatest, sequence)
        self._in_flight[sequence] = nbytes
        self._in_flight_bytes += nbytes

    def end(self) -> End:
        """Every frame was sent and no other follows: send this.

        Raises:
            UsageError: Frames cannot be sent now.
        """
        if self.state is not SenderState.STREAMING:
            raise UsageError(f"a sender that is {self.state.name} cannot end")
        self.state = SenderState.ENDING
        self._end = self._next - 1
        return End(self._end)

    def disconnected(self) -> Rewind | None:
        """The connection is gone; ``None`` where that was the end of all."""
        if self.state in (SenderState.ENDED, SenderState.FAILED):
            return None
        self.state = SenderState.DISCONNECTED
        return self._rewind(self.durable)

    def _apply(self, message: Control) -> Outcome:
        match message:
            case Welcome(durable):
                # a collector that has more than was sent in this life has it from an earlier one, out of a spool
                return self._rewind(max(durable, self.durable))
            case Ack(durable):
                self._check(durable)
                if durable >= self._next:  # it was sent before a rewind, and arrived all the same
                    return self._rewind(durable)
                self._free(durable)
                return Delivered(self.durable)
            case Expected(sequence):
                self._check(sequence - 1)
                return self._rewind(max(sequence - 1, self.durable))
            case Ended():
                assert self._end is not None
                self._free(self._end)
                return Done()
            case Error(code, text):
                return Refused(code, text)
            case _:  # pragma: no cover
                raise AssertionError("the table of transitions has no other message")

    def _check(self, durable: int) -> None:
        if durable > self._greatest:
            raise CorruptError(f"frame {durable} is acknowledged, though it was never sent")

    def _free(self, durable: int) -> None:
        """Forget what is acknowledged; it is in order, since dictionaries are."""
        for sequence in list(self._in_flight):
            if sequence > durable:
                break
            self._in_flight_bytes -= self._in_flight.pop(sequence)
        self.durable = max(self.durable, durable)

    def _rewind(self, durable: int) -> Rewind:
        self._in_flight.clear()
        self._in_flight_bytes = 0
        self.durable = durable
        self._greatest = max(self._greatest, durable)
        self._next = durable + 1
        return Rewind(durable)


class ReceiverVerdict(Enum):
    """What becomes of a frame."""

    TAKE = auto()
    REPEATED = auto()
    PENDING = auto()
    GAP = auto()
    IGNORED = auto()


class DeliveryReceiver:
    """The receiving end, for one writer.

    Attributes:
        durable: The greatest sequence number on disk, without a gap below it.
        received: The greatest sequence number that was taken.
    """

    __slots__ = ("_collector_id", "_named", "durable", "received")

    def __init__(self, durable: int, collector_id: str) -> None:
        """
        Args:
            durable: What the disk says; 0 where it has nothing of the writer.
            collector_id: For the welcome.
        """
        self.durable: int = durable
        self.received: int = durable
        self._collector_id = collector_id
        self._named = False

    def hello(self, hello: Hello) -> Welcome:
        """A connection begins: send this first.

        Frames that the sender no longer has will never come, so they are not waited for.
        """
        self._named = False
        if hello.first_sequence > self.received + 1:
            self.durable = self.received = hello.first_sequence - 1
        return Welcome(self.durable, self._collector_id)

    def offer(self, sequence: int, frame_count: int = 1) -> ReceiverVerdict:
        """A frame came, and this becomes of it.

        Args:
            sequence: Its number.
            frame_count: How many numbers it stands for, its own being the last.
        """
        if sequence <= self.durable:
            return ReceiverVerdict.REPEATED
        if sequence <= self.received:
            return ReceiverVerdict.PENDING
        if sequence - frame_count <= self.received:
            self.received = sequence
            self._named = False
            return ReceiverVerdict.TAKE
        if self._named:
            return ReceiverVerdict.IGNORED
        self._named = True
        return ReceiverVerdict.GAP

    def synced(self, sequence: int) -> Ack:
        """Everything taken up to ``sequence`` is on disk: send this."""
        self.durable = max(self.durable, min(sequence, self.received))
        return Ack(self.durable)

    def expected(self) -> Expected:
        """The number to name after a GAP."""
        return Expected(self.received + 1)

    def lost(self) -> Expected:
        """What was taken since the last sync never reached the disk: send this, and it will be sent again."""
        self.received = self.durable
        self._named = True
        return self.expected()

    def acknowledgement(self) -> Ack:
        """The acknowledgement, again."""
        return Ack(self.durable)

    def ended(self, end: End) -> Ended | Expected | None:
        """The sender is done: send this once it is not ``None``, and ask again after each sync until then."""
        if self.durable >= end.last_sequence:
            return Ended()
        return self.expected() if self.received < end.last_sequence else None

"""Messages: what a client and a collector say to one another over a websocket.

A data message is whole frames, one after another, so it starts with the sync mark. A frame too large for one message
comes in pieces: messages that follow one another, each the tag ``P`` and the frame's next bytes. Any other message is
one tag byte and a msgpack mapping; keys that are not known are ignored, tags that are not known are refused. A
collector takes messages of up to 256 KiB.

==== ============ ================================================================ =================
tag  message      keys                                                             sent by
==== ============ ================================================================ =================
H    hello        v protocol, h header (as in a HEADER frame), f first sequence    client, first
W    welcome      d durable sequence, c collector id                               collector, first
A    ack          d durable sequence                                               collector
X    expected     s sequence                                                       collector
E    end          l last sequence                                                  client, last
F    ended        (none)                                                           collector, last
!    error        c code, t text                                                   either, then closes
==== ============ ================================================================ =================
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

from asyncrr.errors import CorruptError, UnsupportedVersionError
from asyncrr.wire.framing import SYNC_MARK
from asyncrr.wire.limits import MAX_MESSAGE_BYTES, MAX_NAME_LENGTH
from asyncrr.wire.packing import pack, read_int, read_map, read_str, unpack_map
from asyncrr.wire.segment_frames import RecordingHeader, header_from_map, header_to_map

__all__ = [
    "PIECE_BYTES",
    "PROTOCOL",
    "Ack",
    "Control",
    "End",
    "Ended",
    "Error",
    "Expected",
    "Hello",
    "Welcome",
    "decode_message",
    "encode_message",
    "encode_piece",
    "is_data",
    "is_piece",
]

PROTOCOL = 1

PIECE_BYTES = 2**17
"""A message of a client has about so many bytes at most: a larger frame goes in pieces."""

_PIECE = b"P"
_MAX_ERROR_LENGTH = 4096


class Hello(NamedTuple):
    """The client says which frames it is going to send.

    Attributes:
        header: Whose frames.
        first_sequence: Of the oldest frame it still has, or of its next one.
        protocol: The version it speaks.
    """

    header: RecordingHeader
    first_sequence: int
    protocol: int = PROTOCOL


class Welcome(NamedTuple):
    """The collector says what it has.

    Attributes:
        durable: It has every frame up to this sequence number on disk, or will never want it.
        collector_id: Tells this collector from another at the same address.
    """

    durable: int
    collector_id: str


class Ack(NamedTuple):
    """Every frame up to ``durable`` is on the collector's disk."""

    durable: int


class Expected(NamedTuple):
    """The next frame the collector takes is that with this sequence number."""

    sequence: int


class End(NamedTuple):
    """No frame follows the one with this sequence number."""

    last_sequence: int


class Ended(NamedTuple):
    """Every frame up to the end is on the collector's disk."""


class Error(NamedTuple):
    """The other side did what will not do; the connection is closed.

    Attributes:
        code: In one word.
        text: For people.
    """

    code: str
    text: str


Control: TypeAlias = "Hello | Welcome | Ack | Expected | End | Ended | Error"


def is_data(data: bytes | memoryview) -> bool:
    """Whether a message is frames, rather than a control message."""
    return bytes(data[: len(SYNC_MARK)]) == SYNC_MARK


def is_piece(data: bytes | memoryview) -> bool:
    """Whether a message is the next bytes of a large frame."""
    return bytes(data[:1]) == _PIECE


def encode_piece(data: bytes | memoryview) -> bytes:
    """The next bytes of a large frame as a message."""
    return b"".join((_PIECE, data))


def encode_message(message: Control) -> bytes:
    """A control message as bytes."""
    match message:
        case Hello(header, first_sequence, protocol):
            return b"H" + pack({"v": protocol, "h": header_to_map(header), "f": first_sequence})
        case Welcome(durable, collector_id):
            return b"W" + pack({"d": durable, "c": collector_id})
        case Ack(durable):
            return b"A" + pack({"d": durable})
        case Expected(sequence):
            return b"X" + pack({"s": sequence})
        case End(last_sequence):
            return b"E" + pack({"l": last_sequence})
        case Ended():
            return b"F" + pack({})
        case _:
            return b"!" + pack({"c": message.code[:MAX_NAME_LENGTH], "t": message.text[:_MAX_ERROR_LENGTH]})


def decode_message(data: bytes | memoryview) -> Control:
    """A control message out of bytes.

    Raises:
        CorruptError: It is none.
        UnsupportedVersionError: A hello of a protocol that is not known here.
    """
    if len(data) > MAX_MESSAGE_BYTES:
        raise CorruptError(f"a control message of {len(data)} bytes, more than {MAX_MESSAGE_BYTES}")
    tag, keys = bytes(data[:1]), unpack_map(data[1:])
    match tag:
        case b"H":
            return _decode_hello(keys)
        case b"W":
            return Welcome(_sequence(keys, "d"), read_str(keys.get("c"), "the collector id", MAX_NAME_LENGTH))
        case b"A":
            return Ack(_sequence(keys, "d"))
        case b"X":
            return Expected(_sequence(keys, "s"))
        case b"E":
            return End(_sequence(keys, "l"))
        case b"F":
            return Ended()
        case b"!":
            code = read_str(keys.get("c"), "an error code", MAX_NAME_LENGTH)
            return Error(code, read_str(keys.get("t"), "an error text", _MAX_ERROR_LENGTH))
    raise CorruptError(f"a control message with the tag {tag!r}, which none has")


def _decode_hello(keys: dict[Any, Any]) -> Hello:
    protocol = read_int(keys.get("v"), "the protocol")
    if protocol != PROTOCOL:
        raise UnsupportedVersionError(
            f"protocol {protocol}; this asyncrr speaks {PROTOCOL}: install the same on both sides"
        )
    return Hello(header_from_map(read_map(keys.get("h"), "the header")), _sequence(keys, "f"), protocol)


def _sequence(keys: dict[Any, Any], key: str) -> int:
    return read_int(keys.get(key), "a sequence number")

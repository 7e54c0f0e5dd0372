"""The wire format: the bytes of a recording, the same in a file, a spool, a message and in memory.

All numbers are little-endian. "msgpack" means plain values: no extension types, mappings and lists at most 16 deep.

**Segment.** A preamble of 16 bytes, a HEADER frame, then frames of one writer. A file is one or more segments, one
after another; a new one may follow wherever the one before stopped, even within a frame. A segment that ended in peace
has a TRAILER as its last frame, and its absence is normal. A writer that appends pads what is there with zero bytes to
a multiple of 8, so that every frame is aligned. Static chunks repeat in each segment, so that one stands alone.

======  ======  =================  ===================================================================================
offset  length  preamble           meaning
======  ======  =================  ===================================================================================
0       8       magic              ``89 41 52 52 0D 0A 1A 0A``: a copy in text mode damages it in a way that can be told
8       2       major              1. A reader refuses another one by name.
10      2       minor              0. A later one adds only what a reader may ignore.
12      4       checksum           CRC-32 (zlib's) of bytes 0 to 11
======  ======  =================  ===================================================================================

**Frame.** A header of 40 bytes, a head, zero bytes up to a multiple of 8, a body. Its length is a multiple of 8, and so
is the offset of each buffer in it: buffers are aligned if the frame is. Every prefix of a segment can be read up to
its last whole frame.

======  ======  =================  ===================================================================================
offset  length  frame header       meaning
======  ======  =================  ===================================================================================
0       8       sync mark          ``F7 61 72 72 C1 00 B3 ED``
8       1       kind               1 HEADER, 2 CHUNK, 3 GAP, 4 TRAILER
9       1       flags              1 CRITICAL, 2 REPEATED, 4 ZSTD; other bits are ignored
10      2       reserved           0, ignored
12      4       head length        at most 1 MiB; of the msgpack mapping, without padding
16      8       sequence           the writer's number of the frame, 1, 2, 3, …; 0 for HEADER and TRAILER
24      8       body length        at most 2 GiB, a multiple of 8; as stored
32      4       body checksum      CRC-32 of head, padding and body as stored
36      4       header checksum    CRC-32 of bytes 0 to 35
40      …       head               msgpack, padded with zero bytes to a multiple of 8
…       …       body               raw buffers, each padded with zero bytes to a multiple of 8
======  ======  =================  ===================================================================================

*Flags.* CRITICAL: who does not know the kind must refuse the source, by name; other unknown kinds are skipped and
counted. HEADER and CHUNK are critical. REPEATED: the chunk was in an earlier segment too. It keeps its sequence
number, or has 0 where another writer repeats it. ZSTD: the body is one zstd frame and padding; the head's ``z`` is its
size once decompressed, and the offsets mean the decompressed body.

*Heads* are mappings with the keys below. Unknown keys are ignored, a missing key without a default is damage. Lists of
fixed meaning may be longer than a reader knows; it ignores the rest.

**HEADER** ``a`` application id, ``r`` recording id, ``w`` writer id (32 hexadecimal digits, random per process and
opening), ``t`` creation (ns since 1970 UTC). A frame's identity is (recording id, writer id, sequence number). Several
segments of the same writer may hold the same frame; several writers share a recording.

**CHUNK** Rows of one entity, or of several one after another, as columns. Each row has each timeline and each component
of the chunk. Entities with few rows share a chunk, since a frame for each would take more room than the rows.

===  ==========================================================================================================
key  meaning
===  ==========================================================================================================
p    entity path, at most 16,384 characters; or a list of ``[entity path, rows]``, in the order of the
     rows, at most 16,384
n    rows, from 1 to 2²⁶
r    *numbers*: the writer's own numbers of the rows, from 0, strictly increasing within each entity; (writer id,
     number) is the row's id
s    true if the rows are static: no time, and they hold on all timelines (default false); never of several entities
t    timelines: a list of ``[name, "sequence" | "duration" | "timestamp", numbers]``; at most 256 (default none). The
     last two kinds are in nanoseconds; timestamps since 1970 UTC.
c    columns: a list of mappings, at most 4,096
===  ==========================================================================================================

=======  ======================================================================================================
column   meaning
=======  ======================================================================================================
i        component id, ``Archetype:field`` or a bare name, at most 1,024 characters
d        dtype: ``bool``, ``int8`` … ``int64``, ``uint8`` … ``uint64``, ``float16`` … ``float64``, ``str``, ``struct``,
         ``tensor``
s        shape of one instance, at most 8 dimensions, the first may be nil for any length; numeric only (default ``[]``)
y        component type, such as ``rerun.components.Scalar`` (default none)
n        *sizes*: instances per row
l        variable shape: *sizes* of each instance in elements of its first dimension; ``str``, ``struct``: *sizes* of
         each instance in bytes; ``tensor``: ``[length, offset]`` of the layouts in the body
v        offset of the values in the body
=======  ======================================================================================================

The values are one buffer: numeric ones row by row in C order; ``str`` as UTF-8 one after another; ``struct`` as one
msgpack mapping or list after another; ``tensor`` the tensors one after another, each padded to a multiple of 8. The
layouts of tensors are msgpack, a list of runs ``[tensors, dtype, shape, names or nil]``. *Numbers* and *sizes* are
described in :mod:`asyncrr.wire.arrays`: regular ones are a rule in the head and take no room.

**GAP** Rows that were logged and are missing: ``f`` first row number, ``l`` last row number, ``n`` how many, ``y`` why,
``p`` entity paths (default none), ``q`` how many sequence numbers the frame stands for, its own being the last
(default 1). Where another source has a chunk of such a number, the chunk counts. No rows are missing where ``n`` is 0:
a tool has put those frames into a later one. The reason ``filtered`` tells that somebody left the rows out on purpose.
Chunks of one number and different rows are pieces that a tool has cut out of one.

**TRAILER** ``s`` bytes from the segment's first to the trailer's, ``f`` frames in between, ``n`` rows, ``q`` last
sequence number, ``g`` ``[gaps, offset]`` (int64 places of the gap frames in the segment), ``x`` the index, where there
is one, as :mod:`asyncrr.wire.trailer` says. The body ends with 16 bytes: the trailer's whole length (8), ``41 52 52 65
6E 64 0D 0A`` (8), so that it is found from the end.

**Damage.** Where neither a frame nor a preamble starts, or a checksum does not hold, a reader skips to the next mark or
preamble, and tells offset, length and reason; :class:`~asyncrr.wire.frame_reader.FrameReader` says how. Whatever a
stranger may ask for is bounded before it is allocated: :mod:`asyncrr.wire.limits`.

**Messages** on a websocket: :mod:`asyncrr.wire.messages`; who sends what when: :mod:`asyncrr.wire.delivery`. Golden
files that any reader can be held against lie in ``tests/vectors/``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from asyncrr.wire.chunk_frames import ChunkSummary, decode_chunk, encode_chunk, summary_of, summary_of_chunk
from asyncrr.wire.framing import (
    CRITICAL,
    FILE_MAGIC,
    FRAME_HEADER_BYTES,
    KIND_CHUNK,
    KIND_GAP,
    KIND_HEADER,
    KIND_TRAILER,
    PREAMBLE,
    PREAMBLE_BYTES,
    REPEATED,
    SYNC_MARK,
    ZSTD,
    Frame,
    RawFrame,
    parse_frame,
    with_flags,
)
from asyncrr.wire.segment_frames import Gap, RecordingHeader, decode_gap, decode_header, encode_gap, encode_header

if TYPE_CHECKING:
    from asyncrr.wire.delivery import (
        Delivered,
        DeliveryReceiver,
        DeliverySender,
        Done,
        ReceiverVerdict,
        Refused,
        Rewind,
        SenderState,
    )
    from asyncrr.wire.frame_reader import Damage, FrameEvent, FrameReader, SegmentStart, read_frames
    from asyncrr.wire.messages import (
        PIECE_BYTES,
        PROTOCOL,
        Ack,
        Control,
        End,
        Ended,
        Error,
        Expected,
        Hello,
        Welcome,
        decode_message,
        encode_message,
        encode_piece,
        is_data,
        is_piece,
    )
    from asyncrr.wire.trailer import (
        FOOTER_BYTES,
        IndexEntry,
        SegmentIndex,
        Trailer,
        decode_trailer,
        trailer_length,
    )

__all__ = [
    "CRITICAL",
    "FILE_MAGIC",
    "FOOTER_BYTES",
    "FRAME_HEADER_BYTES",
    "KIND_CHUNK",
    "KIND_GAP",
    "KIND_HEADER",
    "KIND_TRAILER",
    "PIECE_BYTES",
    "PREAMBLE",
    "PREAMBLE_BYTES",
    "PROTOCOL",
    "REPEATED",
    "SYNC_MARK",
    "ZSTD",
    "Ack",
    "ChunkSummary",
    "Control",
    "Damage",
    "Delivered",
    "DeliveryReceiver",
    "DeliverySender",
    "Done",
    "End",
    "Ended",
    "Error",
    "Expected",
    "Frame",
    "FrameEvent",
    "FrameReader",
    "Gap",
    "Hello",
    "IndexEntry",
    "RawFrame",
    "ReceiverVerdict",
    "RecordingHeader",
    "Refused",
    "Rewind",
    "SegmentIndex",
    "SegmentStart",
    "SenderState",
    "Trailer",
    "Welcome",
    "decode_chunk",
    "decode_gap",
    "decode_header",
    "decode_message",
    "decode_trailer",
    "encode_chunk",
    "encode_gap",
    "encode_header",
    "encode_message",
    "encode_piece",
    "is_data",
    "is_piece",
    "parse_frame",
    "read_frames",
    "summary_of",
    "summary_of_chunk",
    "trailer_length",
    "with_flags",
]

_LATER = {
    "Delivered": "delivery",
    "DeliveryReceiver": "delivery",
    "DeliverySender": "delivery",
    "Done": "delivery",
    "ReceiverVerdict": "delivery",
    "Refused": "delivery",
    "Rewind": "delivery",
    "SenderState": "delivery",
    "Damage": "frame_reader",
    "FrameEvent": "frame_reader",
    "FrameReader": "frame_reader",
    "SegmentStart": "frame_reader",
    "read_frames": "frame_reader",
    "PIECE_BYTES": "messages",
    "PROTOCOL": "messages",
    "Ack": "messages",
    "Control": "messages",
    "End": "messages",
    "Ended": "messages",
    "Error": "messages",
    "Expected": "messages",
    "Hello": "messages",
    "Welcome": "messages",
    "decode_message": "messages",
    "encode_message": "messages",
    "encode_piece": "messages",
    "is_data": "messages",
    "is_piece": "messages",
    "FOOTER_BYTES": "trailer",
    "IndexEntry": "trailer",
    "SegmentIndex": "trailer",
    "Trailer": "trailer",
    "decode_trailer": "trailer",
    "trailer_length": "trailer",
}
"""What a recording without a collector does not need, by module: imported when it is asked for."""


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"asyncrr.wire.{_LATER[name]}"), name)
    return value

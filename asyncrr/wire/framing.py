"""Framing: the preamble of a segment, and the fixed header, head and body that every frame has."""

from __future__ import annotations

from collections.abc import Sequence
from struct import Struct
from typing import Any, NamedTuple
from zlib import crc32

from asyncrr.errors import CorruptError, DataError, TruncatedError, UnsupportedVersionError
from asyncrr.wire import compression
from asyncrr.wire.limits import MAX_BODY_BYTES, MAX_HEAD_BYTES
from asyncrr.wire.packing import pack_head, read_int, unpack_map

__all__ = [
    "CRITICAL",
    "FILE_MAGIC",
    "FRAME_HEADER_BYTES",
    "KIND_CHUNK",
    "KIND_GAP",
    "KIND_HEADER",
    "KIND_TRAILER",
    "MAJOR",
    "MINOR",
    "PREAMBLE",
    "PREAMBLE_BYTES",
    "REPEATED",
    "SYNC_MARK",
    "ZSTD",
    "Frame",
    "FrameHeader",
    "RawFrame",
    "check_preamble",
    "encode_preamble",
    "has_translated_line_ends",
    "is_intact",
    "parse_frame",
    "parse_header",
    "seal",
    "with_flags",
]

FILE_MAGIC = b"\x89ARR\r\n\x1a\n"
"""What a segment starts with: a byte beyond ASCII, both kinds of line end, and an end-of-file for MS-DOS."""

_TRANSLATED_MAGIC = (b"\x89ARR\n\x1a\n", b"\x89ARR\n\n\x1a\n", b"\x89ARR\r\r\n\x1a")
"""What becomes of it where line ends are made those of Unix, by two ways, or of Windows."""

MAJOR, MINOR = 1, 0
PREAMBLE_BYTES = 16
_VERSION = Struct("<8sHH")
_CHECKSUM = Struct("<I")


def encode_preamble(major: int = MAJOR, minor: int = MINOR) -> bytes:
    """The 16 bytes that a segment of that version starts with."""
    fields = _VERSION.pack(FILE_MAGIC, major, minor)
    return fields + _CHECKSUM.pack(crc32(fields))


PREAMBLE = encode_preamble()
"""The 16 bytes that a segment starts with."""

SYNC_MARK = b"\xf7arr\xc1\x00\xb3\xed"
"""What a frame starts with. It is neither UTF-8 nor msgpack."""

FRAME_HEADER_BYTES = 40
_FIELDS = Struct("<8sBBHIQQI")  # all of a frame's header but the last field, its checksum

KIND_HEADER, KIND_CHUNK, KIND_GAP, KIND_TRAILER = 1, 2, 3, 4
CRITICAL, REPEATED, ZSTD = 1, 2, 4

_SMALL_BYTES = 2**16  # a body up to this is copied into one piece with its header


class Frame(NamedTuple):
    """A frame as written: its bytes are those of ``buffers``, one after another.

    Attributes:
        kind: One of ``KIND_*``.
        flags: Of ``CRITICAL``, ``REPEATED``, ``ZSTD``.
        sequence: The writer's number of the frame; 0 for a header or trailer, which belong to a segment alone.
        buffers: Bytes-like objects. The first starts with the frame's header and head.
        nbytes: Of all buffers, a multiple of 8.
        row_count: Rows of a chunk, else 0.
    """

    kind: int
    flags: int
    sequence: int
    buffers: tuple[bytes | memoryview, ...]
    nbytes: int
    row_count: int

    def __bytes__(self) -> bytes:
        return b"".join(self.buffers)


class FrameHeader(NamedTuple):
    """The fixed header of a frame.

    Attributes:
        kind: One of ``KIND_*``, or one that is not known here.
        flags: As in :class:`Frame`.
        sequence: As in :class:`Frame`.
        head_length: Of the head, in bytes.
        body_length: Of the body, in bytes.
        body_crc: CRC-32 of the head, its padding and the body.
    """

    kind: int
    flags: int
    sequence: int
    head_length: int
    body_length: int
    body_crc: int

    @property
    def body_start(self) -> int:
        """Where the body starts, from the frame's start."""
        return FRAME_HEADER_BYTES + self.head_length + (-self.head_length & 7)

    @property
    def nbytes(self) -> int:
        """Of the whole frame."""
        return self.body_start + self.body_length


class RawFrame(NamedTuple):
    """A frame as received, its checksums proven.

    Attributes:
        header: Its fixed header.
        data: All its bytes, to be kept or passed on unchanged.
        offset: Of its first byte in the source.
    """

    header: FrameHeader
    data: memoryview
    offset: int = 0

    @property
    def kind(self) -> int:
        """One of ``KIND_*``, or one that is not known here."""
        return self.header.kind

    @property
    def flags(self) -> int:
        """As in :class:`Frame`."""
        return self.header.flags

    @property
    def sequence(self) -> int:
        """As in :class:`Frame`."""
        return self.header.sequence

    @property
    def nbytes(self) -> int:
        """Of the whole frame."""
        return self.header.nbytes

    def head(self) -> dict[Any, Any]:
        """The head, decoded.

        Raises:
            CorruptError: It is no mapping of plain values.
        """
        return unpack_map(self.data[FRAME_HEADER_BYTES : FRAME_HEADER_BYTES + self.header.head_length])

    def body(self, head: dict[Any, Any]) -> memoryview:
        """The body, decompressed where it has to be.

        Raises:
            CorruptError: It is not what the head announces.
            MissingExtraError: It is compressed and there is no zstd here.
        """
        stored = self.data[self.header.body_start :]
        if not self.header.flags & ZSTD:
            return stored
        size = read_int(head.get("z"), "the size of the body", 0, MAX_BODY_BYTES)
        return memoryview(compression.decompress(stored, size))


def seal(
    kind: int,
    sequence: int,
    head: dict[str, Any],
    parts: Sequence[bytes | memoryview] = (),
    *,
    flags: int = 0,
    row_count: int = 0,
    zstd_level: int | None = None,
) -> Frame:
    """Make a frame of its head and the parts of its body, which are multiples of 8 bytes together.

    A body of more than 64 KiB stays in parts that are not copied.

    Args:
        kind: One of ``KIND_*``.
        sequence: The writer's number of the frame.
        head: Plain values.
        parts: Bytes-like objects.
        flags: As in :class:`Frame`.
        row_count: Rows of a chunk.
        zstd_level: Compress the body, if that makes it smaller. ``None`` does not.

    Raises:
        DataError: A value of the head cannot be packed, or head or body are beyond the limits.
        MissingExtraError: There is no zstd here.
    """
    size = sum(map(len, parts))
    if zstd_level is not None and size:
        packed = compression.compress(b"".join(parts), zstd_level)
        packed += bytes(-len(packed) & 7)
        if len(packed) < size:
            head, parts, size, flags = {**head, "z": size}, [packed], len(packed), flags | ZSTD
    packed_head = pack_head(head)
    head_length = len(packed_head)
    if head_length > MAX_HEAD_BYTES or size > MAX_BODY_BYTES:
        raise DataError(
            f"a frame of {head_length} + {size} bytes: at most {MAX_HEAD_BYTES} + {MAX_BODY_BYTES} can be stored, "
            "log it in smaller pieces"
        )
    front = packed_head + bytes(-head_length & 7)
    rest: tuple[bytes | memoryview, ...]
    if size <= _SMALL_BYTES:
        front += b"".join(parts)
        crc, rest = crc32(front), ()
    else:
        crc, rest = crc32(front), tuple(parts)
        for part in rest:
            crc = crc32(part, crc)
    fields = _FIELDS.pack(SYNC_MARK, kind, flags, 0, head_length, sequence, size, crc)
    front = fields + _CHECKSUM.pack(crc32(fields)) + front
    nbytes = FRAME_HEADER_BYTES + head_length + (-head_length & 7) + size
    return Frame(kind, flags, sequence, (front, *rest), nbytes, row_count)


def parse_header(data: bytes | memoryview) -> FrameHeader:
    """The fixed header, from at least 40 bytes.

    Raises:
        CorruptError: There is no sync mark, the checksum does not hold, or a length is beyond the limits.
    """
    fields = data[: _FIELDS.size]
    mark, kind, flags, _, head_length, sequence, body_length, body_crc = _FIELDS.unpack(fields)
    if mark != SYNC_MARK:
        raise CorruptError("no frame starts here")
    if crc32(fields) != _CHECKSUM.unpack_from(data, _FIELDS.size)[0]:
        raise CorruptError("the header of a frame is damaged")
    if head_length > MAX_HEAD_BYTES or body_length > MAX_BODY_BYTES or body_length % 8:
        raise CorruptError(f"a frame announces {head_length} + {body_length} bytes, which no frame has")
    return FrameHeader(kind, flags, sequence, head_length, body_length, body_crc)


def is_intact(header: FrameHeader, data: bytes | memoryview) -> bool:
    """Whether the checksum of head and body holds; ``data`` are all bytes of the frame."""
    return crc32(data[FRAME_HEADER_BYTES:]) == header.body_crc


def parse_frame(data: bytes | memoryview | Frame, offset: int = 0) -> RawFrame:
    """One frame, which must be all of ``data``.

    Args:
        data: Its bytes, or a frame as written.
        offset: Where they lie in the source, for errors.

    Raises:
        TruncatedError: There are fewer bytes.
        CorruptError: There are more, or it is damaged.
    """
    view = memoryview(bytes(data) if isinstance(data, Frame) else data)
    if len(view) < FRAME_HEADER_BYTES:
        raise TruncatedError("the frame ends within its header", offset)
    try:
        header = parse_header(view)
    except CorruptError as error:
        raise CorruptError(error.reason, offset) from None
    if len(view) < header.nbytes:
        raise TruncatedError("the frame ends too early", offset)
    if len(view) > header.nbytes or not is_intact(header, view):
        raise CorruptError("the checksum of a frame does not hold", offset)
    return RawFrame(header, view, offset)


def with_flags(frame: Frame, flags: int) -> Frame:
    """The same frame with more flags; head, body and their checksum stay as they are."""
    front = frame.buffers[0]
    fields = bytearray(front[: _FIELDS.size])
    fields[9] |= flags
    front = b"".join((fields, _CHECKSUM.pack(crc32(fields)), front[FRAME_HEADER_BYTES:]))
    return frame._replace(flags=frame.flags | flags, buffers=(front, *frame.buffers[1:]))


def has_translated_line_ends(data: bytes | memoryview) -> bool:
    """Whether the start of a segment was copied as if it were text."""
    return bytes(data[: len(FILE_MAGIC)]).startswith(_TRANSLATED_MAGIC)


def check_preamble(data: bytes | memoryview, offset: int = 0) -> None:
    """Look at the first 16 bytes of a segment.

    Raises:
        UnsupportedVersionError: Another major version wrote it.
        CorruptError: It is damaged or something else; what happened is named where it can be told.
    """
    magic, major, minor = _VERSION.unpack_from(data)
    if has_translated_line_ends(magic):
        raise CorruptError("line ends were translated: copy the recording as a binary file", offset)
    if magic[:4] != FILE_MAGIC[:4]:
        raise CorruptError("not a recording", offset)
    if magic != FILE_MAGIC or crc32(data[: _VERSION.size]) != _CHECKSUM.unpack_from(data, _VERSION.size)[0]:
        raise CorruptError("the preamble of a segment is damaged", offset)
    if major != MAJOR:
        raise UnsupportedVersionError(
            f"version {major}.{minor} of the format; this asyncrr reads {MAJOR}.x: install another one", offset
        )

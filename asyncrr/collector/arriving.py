"""Arriving frames: too large for one message, they come, and go to the disk, piece by piece."""

from __future__ import annotations

from collections import deque
from zlib import crc32

from asyncrr.collector.segments import Segment
from asyncrr.errors import CorruptError
from asyncrr.wire import FRAME_HEADER_BYTES, RawFrame
from asyncrr.wire.framing import FrameHeader

__all__ = ["ArrivingFrame", "weight_of"]

_OBJECT_BYTES = 768


def weight_of(part: RawFrame | memoryview) -> int:
    """About how many bytes of memory a frame or piece takes."""
    return _OBJECT_BYTES + len(part.data if isinstance(part, RawFrame) else part)


class ArrivingFrame:
    """One large chunk: the loop adds its pieces, and the thread that writes takes them to the segment.

    Args:
        header: What its first piece begins with.

    Attributes:
        header: See above.
        is_given_up: No further piece comes, or none is wanted.
    """

    def __init__(self, header: FrameHeader) -> None:
        self.header = header
        self.is_given_up: bool = False
        self._missing = header.nbytes
        self._pieces: deque[memoryview] = deque()
        self._crc = 0
        self._written = 0

    @property
    def sequence(self) -> int:
        """Of the frame."""
        return self.header.sequence

    @property
    def is_whole(self) -> bool:
        """Whether its last piece was added."""
        return not self._missing

    @property
    def is_written(self) -> bool:
        """Whether its last piece was written."""
        return self._written == self.header.nbytes

    @property
    def has_pieces(self) -> bool:
        """Whether any are here to be written."""
        return bool(self._pieces)

    def add(self, piece: memoryview) -> None:
        """Add the next bytes.

        Raises:
            CorruptError: The frame ends before they do.
        """
        if len(piece) > self._missing:
            raise CorruptError("pieces go beyond the end of their frame")
        self._missing -= len(piece)
        if not self.is_given_up:
            self._pieces.append(piece)

    def write(self, segment: Segment, max_bytes: int) -> int:
        """Write pieces that are here, until they weigh so much; returns their weight.

        Raises:
            OSError: What was written of the frame is cut off again.
        """
        weight = 0
        while self._pieces and weight < max_bytes:
            piece = self._pieces.popleft()
            weight += weight_of(piece)
            segment.append_piece(piece)
            self._crc = crc32(piece[max(0, FRAME_HEADER_BYTES - self._written) :], self._crc)
            self._written += len(piece)
        return weight

    @property
    def is_intact(self) -> bool:
        """Whether the checksum holds, once all of it is written."""
        return self._crc == self.header.body_crc

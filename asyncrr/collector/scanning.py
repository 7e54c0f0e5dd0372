"""Scanning: what a segment holds that an earlier collector wrote."""

from __future__ import annotations

import mmap
import os

from asyncrr.collector.segments import SegmentFacts, checked
from asyncrr.errors import CorruptError, FormatError
from asyncrr.syncing import sync_file
from asyncrr.wire import (
    FRAME_HEADER_BYTES,
    KIND_HEADER,
    KIND_TRAILER,
    PREAMBLE_BYTES,
    RawFrame,
    decode_header,
    parse_frame,
)
from asyncrr.wire.framing import check_preamble, parse_header

__all__ = ["scan_segment"]


def scan_segment(path: str) -> SegmentFacts | None:
    """What a segment holds, up to its first damage; ``None`` where it has no readable header.

    Checksums of bodies are looked at unless a trailer says that the segment ended in peace. What is found whole is
    on the disk itself when this returns.

    Raises:
        OSError: It cannot be read.
    """
    with open(path, "r+b") as file:
        size = os.fstat(file.fileno()).st_size
        if size < PREAMBLE_BYTES + FRAME_HEADER_BYTES:
            return None
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped, memoryview(mapped) as view:
            facts = _scan(path, view)
        if facts is not None and not facts.is_complete:
            sync_file(file.fileno())
    return facts


def _scan(path: str, view: memoryview) -> SegmentFacts | None:
    try:
        check_preamble(bytes(view[:PREAMBLE_BYTES]))
        first = _frame_at(view, PREAMBLE_BYTES, is_trusted=False)
        if first.kind != KIND_HEADER:
            return None
        facts = SegmentFacts(path, decode_header(first))
    except FormatError:
        return None
    ends_in_peace = _ends_in_peace(view, first.nbytes + PREAMBLE_BYTES)
    offset = PREAMBLE_BYTES
    try:
        while offset < len(view):
            frame = _frame_at(view, offset, ends_in_peace)
            if frame.kind == KIND_TRAILER:
                facts.is_complete = ends_in_peace
                facts.end = offset + frame.nbytes
                break
            facts.count(frame, checked(frame), offset)
            offset += frame.nbytes
    except FormatError:
        pass  # a torn end, or damage: what lies behind it counts as not received
    return facts


def _ends_in_peace(view: memoryview, start: int) -> bool:
    """Whether the last frame is a whole trailer, found by hopping from header to header."""
    offset = start
    try:
        while len(view) - offset >= FRAME_HEADER_BYTES:
            header = parse_header(view[offset : offset + FRAME_HEADER_BYTES])
            if header.kind == KIND_TRAILER:
                parse_frame(view[offset:])
                return True
            offset += header.nbytes
    except FormatError:
        pass
    return False


def _frame_at(view: memoryview, offset: int, is_trusted: bool) -> RawFrame:
    if len(view) - offset < FRAME_HEADER_BYTES:
        raise CorruptError("the frame ends within its header", offset)
    header = parse_header(view[offset : offset + FRAME_HEADER_BYTES])
    data = view[offset : offset + header.nbytes]
    if is_trusted and len(data) == header.nbytes:
        return RawFrame(header, data, offset)
    return parse_frame(data, offset)

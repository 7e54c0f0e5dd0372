"""The frame reader: bytes in, in pieces of any size; frames and damage out."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from asyncrr.errors import CorruptError, UnsupportedVersionError
from asyncrr.wire.framing import (
    CRITICAL,
    FILE_MAGIC,
    FRAME_HEADER_BYTES,
    KIND_CHUNK,
    KIND_GAP,
    KIND_HEADER,
    KIND_TRAILER,
    PREAMBLE_BYTES,
    SYNC_MARK,
    FrameHeader,
    RawFrame,
    check_preamble,
    is_intact,
    parse_header,
)
from asyncrr.wire.limits import MAX_HEADER_FRAME_BYTES
from asyncrr.wire.segment_frames import decode_header

__all__ = ["Damage", "FrameEvent", "FrameReader", "SegmentStart", "read_frames"]

_KNOWN = frozenset((KIND_HEADER, KIND_CHUNK, KIND_GAP, KIND_TRAILER))
_MARK_BYTES = 8


class Damage(NamedTuple):
    """Bytes that were skipped.

    Attributes:
        offset: Of the first, in the source.
        length: How many.
        reason: What was wrong with them.
    """

    offset: int
    length: int
    reason: str


class SegmentStart(NamedTuple):
    """A preamble: what follows may be of another writer.

    Attributes:
        offset: Of its first byte, in the source.
    """

    offset: int


FrameEvent: TypeAlias = "RawFrame | SegmentStart | Damage"


class _More(Exception):
    """So many bytes must be there to decide, counted from the start of what is held."""


class FrameReader:
    """Finds segments and frames in bytes that come in pieces; which pieces makes no difference to what is found.

    Frames follow one another, and a preamble may stand before any of them. Where neither is found the reader skips to
    the next sync mark or preamble and tells of the damage. A frame whose checksum does not hold was either damaged, or
    it is the torn end of a segment that another follows: a preamble with a whole header of the same recording inside
    the length it announces tells the second; a frame right behind that length tells the first; otherwise what it
    covers is searched for marks.

    Attributes:
        skipped: How many frames of unknown, non-critical kinds were left out.
    """

    def __init__(self, offset: int = 0, *, keep_unknown: bool = False, max_frame_bytes: int | None = None) -> None:
        """
        Args:
            offset: Where in the source the first byte lies.
            keep_unknown: Hand out frames of unknown, non-critical kinds as well.
            max_frame_bytes: Longer frames count as damage. ``None`` leaves the limits of the format.
        """
        self.skipped: int = 0
        self._held: memoryview | bytearray = memoryview(b"")
        self._base = offset  # of the first byte held
        self._place = 0  # in what is held: everything before it is dealt with
        self._wanted = 0  # bytes that must be held before another look is worth it
        self._damage_start: int | None = None  # in the source; not None while searching
        self._damage_reason = ""
        self._recording_id: str | None = None
        self._is_closed = False
        self._error: UnsupportedVersionError | None = None
        self._keep_unknown = keep_unknown
        self._max_frame_bytes = max_frame_bytes

    def feed(self, data: bytes | memoryview) -> list[FrameEvent]:
        """Take the next bytes, which must not change later: frames are views of them where that saves a copy.

        Raises:
            UnsupportedVersionError: A newer major version, or an unknown critical frame, was found. Frames before it
                are handed out first.
        """
        if self._error is not None:
            raise self._error
        self._hold(data)
        return self._events() if len(self._held) >= self._wanted else []

    def close(self) -> list[FrameEvent]:
        """No more bytes come: what is left is decided.

        Raises:
            UnsupportedVersionError: As :meth:`feed`.
        """
        if self._error is not None:
            raise self._error
        self._is_closed = True
        return self._events()

    def _hold(self, data: bytes | memoryview) -> None:
        if self._place == len(self._held):
            self._base += self._place
            self._place = self._wanted = 0
            self._held = memoryview(data).cast("B")
        elif isinstance(self._held, bytearray):
            self._held += data
        else:
            rest = bytearray(self._held[self._place :])
            self._base += self._place
            self._wanted -= self._place
            self._place = 0
            rest += data
            self._held = rest

    def _events(self) -> list[FrameEvent]:
        events: list[FrameEvent] = []
        try:
            while self._place < len(self._held):
                if self._damage_start is not None:
                    self._search(events)
                else:
                    self._step(events)
        except _More as more:
            self._wanted = more.args[0]
        except UnsupportedVersionError as error:
            self._error = error
            if not events:
                raise
        if self._is_closed and self._damage_start is not None:
            self._resume(events, len(self._held))
        if isinstance(self._held, bytearray):
            del self._held[: self._place]
            self._base += self._place
            self._wanted -= self._place
            self._place = 0
        return events

    def _step(self, events: list[FrameEvent]) -> None:
        """Deal with what stands at the place, where a frame or preamble should."""
        place = self._place
        if not self._has(place, _MARK_BYTES):
            self._lose(place, "the end of a frame is missing")
            return
        mark = bytes(self._held[place : place + _MARK_BYTES])
        try:
            if mark == SYNC_MARK:
                self._take_frame(events, place)
            elif mark[:4] == FILE_MAGIC[:4]:
                self._take_preamble(events, place)
            else:
                self._lose(place, "no frame starts here")
        except CorruptError as error:
            self._lose(place, error.reason)

    def _take_preamble(self, events: list[FrameEvent], place: int) -> None:
        if not self._has(place, PREAMBLE_BYTES):
            self._lose(place, "the end of a preamble is missing")
            return
        check_preamble(bytes(self._held[place : place + PREAMBLE_BYTES]), self._base + place)
        events.append(SegmentStart(self._base + place))
        self._place = place + PREAMBLE_BYTES

    def _take_frame(self, events: list[FrameEvent], place: int) -> None:
        if not self._has(place, FRAME_HEADER_BYTES):
            self._lose(place, "the end of a frame is missing")
            return
        header = self._header_at(place)
        end = place + header.nbytes
        is_whole = self._has(place, header.nbytes)
        if is_whole and is_intact(header, data := self._copy(place, end)):
            self._emit(events, RawFrame(header, data, self._base + place))
            self._place = end
            return
        reason = "the checksum of a frame does not hold" if is_whole else "the end of a frame is missing"
        if (segment := self._segment_within(place + 1, end)) is not None:
            self._lose(place, "a segment ends within a frame")
            self._resume(events, segment)
        elif is_whole and self._is_boundary(end):
            self._lose(place, reason)
            self._resume(events, end)
        else:
            self._lose(place, reason)

    def _header_at(self, place: int) -> FrameHeader:
        header = parse_header(bytes(self._held[place : place + FRAME_HEADER_BYTES]))
        if self._max_frame_bytes is not None and header.nbytes > self._max_frame_bytes:
            raise CorruptError(f"a frame of {header.nbytes} bytes, more than {self._max_frame_bytes}")
        return header

    def _emit(self, events: list[FrameEvent], frame: RawFrame) -> None:
        if frame.kind == KIND_HEADER:
            self._recording_id = decode_header(frame).recording_id
        elif frame.kind not in _KNOWN:
            if frame.flags & CRITICAL:
                raise UnsupportedVersionError(
                    f"a frame of kind {frame.kind}, which must be understood and is not: install a newer asyncrr",
                    frame.offset,
                )
            if not self._keep_unknown:
                self.skipped += 1
                return
        events.append(frame)

    def _segment_within(self, start: int, end: int) -> int | None:
        """Where a segment of the same recording starts before ``end``, if one does."""
        end = end + _MARK_BYTES - 1 if self._has(end, _MARK_BYTES - 1) else len(self._held)
        while (start := self._held_find(FILE_MAGIC, start, end)) >= 0:
            if self._is_segment(start):
                return start
            start += 1
        return None

    def _is_segment(self, place: int) -> bool:
        place += PREAMBLE_BYTES
        if not self._has(place, FRAME_HEADER_BYTES):
            return False
        try:
            header = parse_header(bytes(self._held[place : place + FRAME_HEADER_BYTES]))
            if header.kind != KIND_HEADER or header.nbytes > MAX_HEADER_FRAME_BYTES:
                return False
            if not self._has(place, header.nbytes):
                return False
            data = self._copy(place, place + header.nbytes)
            if not is_intact(header, data):
                return False
            return self._recording_id in (None, decode_header(RawFrame(header, data)).recording_id)
        except CorruptError:
            return False

    def _is_boundary(self, place: int) -> bool:
        """Whether the source ends here, or a frame or preamble starts."""
        if not self._has(place, 1):
            return True
        if self._has(place, _MARK_BYTES) and bytes(self._held[place : place + _MARK_BYTES]) == FILE_MAGIC:
            return True
        return self._has(place, FRAME_HEADER_BYTES) and self._starts_frame(place)

    def _starts_frame(self, place: int) -> bool:
        try:
            self._header_at(place)
        except CorruptError:
            return False
        return True

    def _lose(self, place: int, reason: str) -> None:
        """Damage starts here: search behind it."""
        self._damage_start = self._base + place
        self._damage_reason = reason
        self._place = place + 1

    def _search(self, events: list[FrameEvent]) -> None:
        """Look for the next frame or preamble."""
        held, place = self._held, self._place
        found = [at for mark in (SYNC_MARK, FILE_MAGIC) if (at := self._held_find(mark, place, len(held))) >= 0]
        if not found:
            self._place = len(held) if self._is_closed else max(place, len(held) - _MARK_BYTES + 1)
            raise _More(self._place + _MARK_BYTES)
        self._place = place = min(found)
        if bytes(held[place : place + _MARK_BYTES]) == SYNC_MARK:
            if not self._has(place, FRAME_HEADER_BYTES) or not self._starts_frame(place):
                self._place += 1
                return
        elif not self._has(place, PREAMBLE_BYTES):
            self._place += 1
            return
        self._resume(events, place)

    def _resume(self, events: list[FrameEvent], place: int) -> None:
        """Damage ends here."""
        assert self._damage_start is not None
        events.append(Damage(self._damage_start, self._base + place - self._damage_start, self._damage_reason))
        self._damage_start = None
        self._place = place

    def _has(self, place: int, length: int) -> bool:
        """Whether so many bytes are there; as long as they may still come, it waits for them."""
        if place + length <= len(self._held):
            return True
        if self._is_closed:
            return False
        raise _More(place + length)

    def _held_find(self, mark: bytes, start: int, end: int) -> int:
        held = self._held
        if isinstance(held, bytearray):
            return held.find(mark, start, end)
        return _find(held, mark, start, min(end, len(held)))

    def _copy(self, start: int, end: int) -> memoryview:
        """Bytes that stay as they are: a view of what was fed, or a copy of what was gathered."""
        if isinstance(self._held, bytearray):
            return memoryview(bytes(memoryview(self._held)[start:end]))
        return self._held[start:end]


def read_frames(data: bytes | memoryview, offset: int = 0) -> list[FrameEvent]:
    """All frames and damage of bytes that are all there is.

    Args:
        data: They must not change later: frames are views of them.
        offset: Where in the source they lie.

    Raises:
        UnsupportedVersionError: As :meth:`FrameReader.feed`, where nothing comes before it.
    """
    reader = FrameReader(offset)
    return reader.feed(data) + reader.close()


def _find(view: memoryview, mark: bytes, start: int, end: int) -> int:
    """As ``bytes.find``, which views do not have, by pieces, so that a mapped file is not copied as a whole."""
    step = 2**16
    while start + len(mark) <= end:
        at = bytes(view[start : min(start + step, end)]).find(mark)
        if at >= 0:
            return start + at
        start += step - len(mark) + 1
    return -1

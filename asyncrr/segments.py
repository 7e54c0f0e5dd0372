"""Segments: what lies in the files of a recording, found by their indexes or frame by frame."""

from __future__ import annotations

import mmap
import os
from typing import NamedTuple

from asyncrr.chunks import Chunk
from asyncrr.errors import CorruptError, FormatError
from asyncrr.wire.chunk_frames import ChunkSummary, decode_chunk, summary_of
from asyncrr.wire.frame_reader import Damage, FrameReader, SegmentStart
from asyncrr.wire.framing import (
    FRAME_HEADER_BYTES,
    KIND_CHUNK,
    KIND_GAP,
    KIND_HEADER,
    KIND_TRAILER,
    PREAMBLE_BYTES,
    REPEATED,
    FrameHeader,
    RawFrame,
    check_preamble,
    has_translated_line_ends,
    parse_frame,
    parse_header,
)
from asyncrr.wire.segment_frames import Gap, RecordingHeader, decode_gap, decode_header
from asyncrr.wire.trailer import FOOTER_BYTES, Trailer, decode_trailer, trailer_length

__all__ = ["DamagedRange", "Segment", "Source", "StoredChunk", "StoredFrame", "chunks_of", "open_path", "read_segments"]

_MAPPED_BYTES = 2**20


class DamagedRange(NamedTuple):
    """Something that was skipped.

    Attributes:
        source: The file's name, or empty for bytes.
        offset: Of the first byte.
        length: How many bytes; 0 where frames are missing rather than damaged.
        reason: What was wrong.
    """

    source: str
    offset: int
    length: int
    reason: str


class Source(NamedTuple):
    """Bytes to be read.

    Attributes:
        name: The file's name, or empty for bytes.
        view: All of them; of a large file a map, so that only what is looked at is read.
    """

    name: str
    view: memoryview

    def frame_at(self, offset: int) -> RawFrame:
        """The frame that starts there.

        Raises:
            FormatError: None does, or it is damaged.
        """
        return parse_frame(self.view[offset : offset + self.header_at(offset).nbytes], offset)

    def header_at(self, offset: int) -> FrameHeader:
        """The fixed header of the frame that starts there.

        Raises:
            FormatError: None does.
        """
        # what points here lies before a trailer, or was found whole: so many bytes are always there
        return parse_header(self.view[offset : offset + FRAME_HEADER_BYTES])


class StoredFrame:
    """The frame of a chunk in a source, decoded when it is asked for.

    Attributes:
        source: Where.
        offset: Of its first byte.
        nbytes: How many.
        sequence: The writer's number of it; 0 where it only repeats.
        summary: What its head tells.
    """

    __slots__ = ("_chunks", "nbytes", "offset", "sequence", "source", "summary")

    def __init__(self, source: Source, offset: int, nbytes: int, sequence: int, summary: ChunkSummary) -> None:
        self.source: Source = source
        self.offset: int = offset
        self.nbytes: int = nbytes
        self.sequence: int = sequence
        self.summary: ChunkSummary = summary
        self._chunks: list[Chunk] | None = None

    @property
    def is_repeated(self) -> bool:
        """Whether it says that it was in an earlier segment.

        Raises:
            FormatError: Its header is damaged.
        """
        return bool(self.source.header_at(self.offset).flags & REPEATED)

    @property
    def fingerprint(self) -> tuple[str, int, int]:
        """Equal for frames of equal content, whatever their numbers, and for no two that are damaged."""
        try:
            header = self.source.header_at(self.offset)
        except CorruptError:
            return self.source.name, self.offset, 0
        return self.summary.entity_path, header.body_crc, header.nbytes

    @property
    def is_loaded(self) -> bool:
        """Whether it was decoded."""
        return self._chunks is not None

    def load(self) -> list[Chunk]:
        """A chunk for each of its entities; kept once they were decoded.

        Raises:
            FormatError: It is damaged, or not what the index says of it.
        """
        if self._chunks is None:
            frame = self.source.frame_at(self.offset)
            chunks = decode_chunk(frame).split()
            if summary_of(frame) != self.summary:
                raise CorruptError("the index tells another thing than the chunk", self.offset)
            self._chunks = chunks
        return self._chunks


class StoredChunk:
    """Rows of one entity in a source.

    Attributes:
        frame: Where; it may hold those of other entities, too.
        summary: What is known of them without decoding the frame; of several entities in one frame, the least and the
            greatest row number and time are those of all together.
        writer_id: Whose they are.
        writer_rank: The writer's place among those of the recording, oldest first.
    """

    __slots__ = ("_place", "frame", "summary", "writer_id", "writer_rank")

    def __init__(self, frame: StoredFrame, place: int, summary: ChunkSummary) -> None:
        self.frame: StoredFrame = frame
        self.summary: ChunkSummary = summary
        self.writer_id: str = ""
        self.writer_rank: int = 0
        self._place = place

    @property
    def nbytes(self) -> int:
        """Their share of the frame."""
        return self.frame.nbytes * self.summary.row_count // self.frame.summary.row_count

    def load(self) -> Chunk:
        """The chunk; kept once it was decoded.

        Raises:
            FormatError: It is damaged, or not what the index says of it.
        """
        return self.frame.load()[self._place]


def chunks_of(frame: StoredFrame) -> list[StoredChunk]:
    """What the frame holds, entity by entity."""
    return [StoredChunk(frame, place, summary) for place, summary in enumerate(frame.summary.split())]


class Segment:
    """One segment of a source.

    Attributes:
        header: Whose it is, or ``None`` where its header is damaged.
        frames: Those of its chunks, in order.
        gaps: Its gaps, each with its sequence number.
        is_ended: It has its trailer.
    """

    __slots__ = ("frames", "gaps", "header", "is_ended")

    def __init__(self, header: RecordingHeader | None) -> None:
        self.header: RecordingHeader | None = header
        self.frames: list[StoredFrame] = []
        self.gaps: list[tuple[int, Gap]] = []
        self.is_ended: bool = False


def open_path(path: str | os.PathLike[str]) -> Source:
    """A file as a source.

    Raises:
        OSError: It cannot be opened.
    """
    with open(path, "rb") as file:
        size = file.seek(0, os.SEEK_END)
        if size > _MAPPED_BYTES:
            return Source(os.fspath(path), memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)))
        file.seek(0)
        return Source(os.fspath(path), memoryview(file.read()))


def read_segments(source: Source, use_index: bool = True) -> tuple[list[Segment], list[DamagedRange]]:
    """The segments of a source, and what had to be skipped.

    Segments at the end that have an index are taken from it, and their frames are looked at when they are needed.
    Everything before them is read frame by frame.

    Raises:
        FormatError: This is no recording, or one that cannot be read; it names the source.
    """
    try:
        return _read_segments(source, use_index)
    except FormatError as error:
        error.source = source.name
        raise


def _read_segments(source: Source, use_index: bool) -> tuple[list[Segment], list[DamagedRange]]:
    view = source.view
    if len(view) >= PREAMBLE_BYTES and has_translated_line_ends(view):
        check_preamble(view)
    indexed: list[Segment] = []
    end = len(view)
    while use_index and (found := _segment_before(source, end)) is not None:
        segment, end = found
        indexed.append(segment)
    segments, damage = _scan(source, end)
    if not segments and not indexed:
        raise CorruptError(
            f"not a recording: {'no part of it is in the format of .arrd files' if len(view) else 'it is empty'}; "
            "asyncrr convert reads other formats"
        )
    return segments + indexed[::-1], damage


def _segment_before(source: Source, end: int) -> tuple[Segment, int] | None:
    """The segment that ends here and has an index, and where it starts."""
    try:
        length = trailer_length(source.view[end - FOOTER_BYTES : end]) if end >= FOOTER_BYTES else None
        if length is None or length > end:
            return None
        place = end - length
        frame = parse_frame(source.view[place:end], place)
        trailer = decode_trailer(frame) if frame.kind == KIND_TRAILER else None
        if trailer is None or trailer.entries is None or trailer.segment_bytes > place:
            return None
        return _from_trailer(source, place - trailer.segment_bytes, trailer), place - trailer.segment_bytes
    except FormatError:
        return None


def _from_trailer(source: Source, start: int, trailer: Trailer) -> Segment:
    check_preamble(source.view[start : start + PREAMBLE_BYTES], start)
    first = source.frame_at(start + PREAMBLE_BYTES)
    if first.kind != KIND_HEADER:
        raise CorruptError("the first frame of a segment is not its header", start)
    segment = Segment(decode_header(first))
    segment.is_ended = True
    for entry in trailer.entries or ():
        offset = start + entry.offset
        segment.frames.append(StoredFrame(source, offset, entry.nbytes, entry.sequence, entry.summary))
    for gap in trailer.gaps:
        frame = source.frame_at(start + gap)
        segment.gaps.append((frame.sequence, decode_gap(frame)))
    return segment


def _scan(source: Source, end: int) -> tuple[list[Segment], list[DamagedRange]]:
    """The segments up to ``end``, frame by frame."""
    segments: list[Segment] = []
    damage: list[DamagedRange] = []
    last = 0  # the number of the frame before, in the same segment
    reader = FrameReader()
    for event in reader.feed(source.view[:end]) + reader.close():
        if isinstance(event, Damage):
            damage.append(DamagedRange(source.name, *event))
        elif isinstance(event, SegmentStart):
            segments.append(Segment(None))
            last = 0
        else:
            number = 0 if event.flags & REPEATED else event.sequence
            if damage and 0 < number <= last:  # numbers rise: the start of another segment was damaged
                segments.append(Segment(None))
            last = 0 if event.kind == KIND_HEADER else number or last
            try:
                _add_frame(source, segments, event)
            except CorruptError as error:
                damage.append(DamagedRange(source.name, event.offset, event.nbytes, error.reason))
    return segments, damage


def _add_frame(source: Source, segments: list[Segment], frame: RawFrame) -> None:
    if frame.kind == KIND_HEADER and segments and segments[-1].header is None and not segments[-1].frames:
        segments[-1].header = decode_header(frame)
    elif frame.kind == KIND_HEADER:
        segments.append(Segment(decode_header(frame)))
    else:
        if not segments:
            segments.append(Segment(None))
        segment = segments[-1]
        if frame.kind == KIND_CHUNK:
            summary = summary_of(frame)
            segment.frames.append(StoredFrame(source, frame.offset, frame.nbytes, frame.sequence, summary))
        elif frame.kind == KIND_GAP:
            segment.gaps.append((frame.sequence, decode_gap(frame)))
        else:
            segment.is_ended = True

"""Rewriting: recordings put together, cut, thinned out, and written again with every row's identity kept.

Frames that stay as they are keep their bytes and numbers. What is left out is marked by gaps of the reason
``filtered``, and frames that were joined into a later one by gaps of no rows: no reader takes either for a loss. A file
that was compacted does not belong into one folder with the one it was made from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import IO, Any, NamedTuple, TypeAlias

import numpy as np

from asyncrr.chunks import Chunk
from asyncrr.contents import LEFT_OUT, WriterContents
from asyncrr.errors import CorruptError, FormatError
from asyncrr.grouping import Group
from asyncrr.joining import join_chunks, layout_of, rows_of
from asyncrr.segments import DamagedRange, Segment, Source, StoredFrame, read_segments
from asyncrr.wire import (
    PREAMBLE,
    REPEATED,
    ChunkSummary,
    Frame,
    RawFrame,
    SegmentIndex,
    decode_chunk,
    encode_chunk,
    encode_gap,
    encode_header,
)
from asyncrr.wire.segment_frames import Gap, RecordingHeader

__all__ = [
    "Found",
    "Keep",
    "WriterFrames",
    "check_written",
    "compacted",
    "each_once",
    "gather",
    "kept",
    "repeats_of",
    "unchanged",
    "write_segments",
]

_JOINED = "joined"


class Found(NamedTuple):
    """What lies in some sources.

    Attributes:
        recordings: By recording id, their writers, oldest first.
        damage: What was skipped, and which frames are missing.
    """

    recordings: dict[str, list[WriterContents]]
    damage: list[DamagedRange]


class WriterFrames(NamedTuple):
    """One segment to be written.

    Attributes:
        header: Whose.
        frames: In the order they are written. A stored chunk is copied as it is.
        is_ended: It gets a trailer.
    """

    header: RecordingHeader
    frames: Iterable[StoredFrame | Frame]
    is_ended: bool


Keep: TypeAlias = "Callable[[ChunkSummary, Callable[[], Chunk]], Any]"
"""Which rows of one entity are kept, from what is known of them and, if need be, the chunk: all, none, or a mask."""


def gather(sources: Iterable[Source], progress: Callable[[int], object] = lambda _: None) -> Found:
    """Read all of some sources, every frame of which is verified, and decoded once.

    A segment whose header is damaged counts to the only recording there is, else to one called ``unknown``.

    Args:
        sources: Files or bytes. One that is no recording is damage, unless it is the only one.
        progress: Is told of bytes that were read.

    Raises:
        FormatError: The only source is no recording, or any is of a later version of the format.
    """
    segments: list[Segment] = []
    damage: list[DamagedRange] = []
    all_sources = list(sources)
    for source in all_sources:
        try:
            found, skipped = read_segments(source, use_index=False)
        except CorruptError as error:
            if len(all_sources) == 1:
                raise
            found, skipped = [], [DamagedRange(source.name, error.offset or 0, len(source.view), error.reason)]
        segments += found
        damage += skipped
        progress(len(source.view))
    for segment in segments:
        segment.frames[:] = [frame for frame in segment.frames if _is_whole(frame, damage)]
    segments = [each for each in segments if each.header is not None or each.frames or each.gaps]
    if not segments:
        raise CorruptError("nothing of a recording can be read", 0)
    known = {segment.header.recording_id: segment.header for segment in segments if segment.header is not None}
    recordings: dict[str, dict[str, WriterContents]] = {}
    for number, segment in enumerate(segments):
        if segment.header is None:
            segment.header = _stand_in(number, list(known.values()))
        header = segment.header
        writers = recordings.setdefault(header.recording_id, {})
        writers.setdefault(header.writer_id, WriterContents(header.writer_id)).add(segment)
    ordered = {}
    for recording_id, writers in sorted(recordings.items()):
        in_order = sorted(writers.values(), key=lambda writer: (writer.created_ns, writer.writer_id))
        for writer in in_order:
            writer.settle()
            damage += [DamagedRange("", 0, 0, _told(writer, low, high)) for low, high in writer.holes()]
        ordered[recording_id] = in_order
    return Found(ordered, damage)


def _told(writer: WriterContents, low: int, high: int) -> str:
    numbers = f"frame {low}" if low == high else f"frames {low} to {high}"
    return f"{numbers} of writer {writer.writer_id}: missing"


def _is_whole(frame: StoredFrame, damage: list[DamagedRange]) -> bool:
    try:
        _decoded(frame)
    except FormatError as error:
        damage.append(DamagedRange(frame.source.name, frame.offset, frame.nbytes, error.reason))
        return False
    return True


def _stand_in(number: int, known: list[RecordingHeader]) -> RecordingHeader:
    """A header for a segment that lost its own."""
    if len(known) == 1:
        return known[0]._replace(writer_id=f"{number:032x}")
    return RecordingHeader("unknown", "unknown", f"{number:032x}", 0)


def unchanged(writer: WriterContents, header: RecordingHeader | None = None) -> WriterFrames:
    """All that a writer left.

    Args:
        writer: The writer.
        header: Another header than its own.
    """
    return kept(writer, lambda summary, load: True, header)


def each_once(writer: WriterContents, header: RecordingHeader | None = None) -> WriterFrames:
    """All that a writer left, each row once, also where sources have it in frames of different numbers.

    Args:
        writer: The writer.
        header: Another header than its own.
    """
    numbers, counts = np.unique(_numbers(writer), return_counts=True)
    twice = numbers[counts > 1]
    if not len(twice):
        return unchanged(writer, header)
    taken: set[int] = set()

    def keep(summary: ChunkSummary, load: Callable[[], Chunk]) -> Any:
        rows = load().row_numbers
        doubtful = np.flatnonzero(np.isin(rows, twice))
        mask = np.ones(len(rows), np.bool_)
        mask[doubtful] = [number not in taken for number in rows[doubtful].tolist()]
        taken.update(rows[doubtful].tolist())
        return mask

    return _kept(writer, keep, lambda summary, load: True, header, _JOINED)


def kept(writer: WriterContents, keep: Keep, header: RecordingHeader | None = None) -> WriterFrames:
    """What a writer left, as far as it is kept; what is not is marked.

    Args:
        writer: The writer.
        keep: Which rows.
        header: Another header than its own.
    """
    return _kept(writer, keep, keep, header, LEFT_OUT)


def _kept(
    writer: WriterContents, keep: Keep, keep_copies: Keep, header: RecordingHeader | None, reason: str
) -> WriterFrames:
    header = header or writer.header
    assert header is not None
    copies = [part for frame in writer.repeated if (part := _part(frame, keep_copies)) is not None]
    numbered: list[tuple[int, StoredFrame | Frame]] = []
    left_out: dict[int, Gap] = {}
    for frame in writer.numbered():
        sequence, summary = frame.sequence, frame.summary
        part = _part(frame, keep)
        if part is not None:
            numbered.append((sequence, part))
        if not isinstance(part, StoredFrame):
            rows = summary.row_count - (0 if part is None else part.row_count) if reason == LEFT_OUT else 0
            left_out[sequence] = Gap(summary.first_row, summary.last_row, rows, reason)
    gaps = _spanned(writer.frames, left_out) + list(writer.gaps.items())
    numbered += [(sequence, encode_gap(gap, sequence)) for sequence, gap in gaps]
    numbered.sort(key=lambda one: one[0])
    return WriterFrames(header, [*copies, *(frame for _, frame in numbered)], writer.is_ended)


def _part(frame: StoredFrame, keep: Keep) -> StoredFrame | Frame | None:
    """The frame itself if all of it is kept, or another one with what is."""
    loaded: list[Chunk] = []

    def load(place: int) -> Chunk:
        if not loaded:
            loaded.extend(_decoded(frame).split())
        return loaded[place]

    masks = [keep(summary, partial(load, place)) for place, summary in enumerate(frame.summary.split())]
    if all(np.all(mask) for mask in masks):
        return frame
    chunks = []
    for place, mask in enumerate(masks):
        if np.any(mask):
            chunk = load(place)
            rows = rows_of(chunk, np.broadcast_to(mask, len(chunk)))
            chunks += [rows] if rows is not None else []
    return encode_chunk(join_chunks(chunks), frame.sequence, REPEATED * (not frame.sequence)) if chunks else None


def _spanned(numbers: Iterable[int], gaps: dict[int, Gap]) -> list[tuple[int, Gap]]:
    """Gaps of neighbours as one: neighbours have only chunks between them, which count wherever they are."""
    spans: list[tuple[int, Gap]] = []
    start = before = 0
    for number in sorted(numbers):
        if number != before + 1 or not before:
            start = 0
        before = number
        if (gap := gaps.get(number)) is None:
            continue
        if not start:
            start = number
            spans.append((number, gap))
            continue
        _, held = spans[-1]
        first, last = min(held.first_row, gap.first_row), max(held.last_row, gap.last_row)
        joined = Gap(first, last, held.row_count + gap.row_count, gap.reason, frame_count=number - start + 1)
        spans[-1] = (number, joined)
    return spans


def repeats_of(writers: Iterable[WriterContents]) -> list[Frame]:
    """The static chunks of writers, as another one's segment repeats them."""
    return [
        encode_chunk(_decoded(frame), 0, REPEATED)
        for writer in writers
        for frame in writer.numbered()
        if frame.summary.is_static
    ]


def compacted(
    writer: WriterContents, zstd_level: int | None = None, progress: Callable[[int], object] = lambda _: None
) -> WriterFrames:
    """The rows of a writer in as few frames as a few MiB each allow.

    Args:
        writer: The writer.
        zstd_level: Compress bodies. ``None`` does not.
        progress: Is told of bytes that were joined.
    """
    header = writer.header
    assert header is not None
    return WriterFrames(header, _joined(writer, zstd_level, progress), writer.is_ended)


def _joined(
    writer: WriterContents, zstd_level: int | None, progress: Callable[[int], object]
) -> Iterator[StoredFrame | Frame]:
    yield from writer.repeated
    groups: dict[object, Group] = {}
    used: set[int] = set()
    for frame in sorted(writer.numbered(), key=lambda frame: (frame.sequence, frame.summary.first_row)):
        chunk = _decoded(frame)
        layout = layout_of(chunk)
        group = groups.setdefault(layout, Group())
        if not group.has_room(frame, chunk):
            yield from _noted(group.finish(zstd_level), used)
            group = groups[layout] = Group()
        group.add(frame, chunk)
        progress(frame.nbytes)
    for group in sorted(groups.values(), key=lambda group: group.last_sequence):
        yield from _noted(group.finish(zstd_level), used)
    joined = {
        sequence: Gap(frame.summary.first_row, frame.summary.last_row, 0, _JOINED)
        for sequence, frame in writer.frames.items()
        if sequence not in used
    }
    for sequence, gap in sorted([*_spanned(writer.frames, joined), *writer.gaps.items()]):
        yield encode_gap(gap, sequence)


def _noted(frames: Iterable[StoredFrame | Frame], used: set[int]) -> Iterator[StoredFrame | Frame]:
    for frame in frames:
        used.add(frame.sequence)
        yield frame


def _decoded(frame: StoredFrame) -> Chunk:
    """The chunk, not kept: all of a recording may pass here."""
    return decode_chunk(frame.source.frame_at(frame.offset))


def write_segments(
    file: IO[bytes], segments: Iterable[WriterFrames], progress: Callable[[int], object] = lambda _: None
) -> int:
    """Write segments one after another, at the file's place, which is a multiple of 8.

    Args:
        file: Has ``write``.
        segments: At least one.
        progress: Is told of bytes that were written.

    Returns:
        How many bytes were written.
    """
    place = 0
    for segment in segments:
        index = SegmentIndex(place)
        place += _write(file, PREAMBLE)
        for content in (encode_header(segment.header), *segment.frames):
            frame = content.source.frame_at(content.offset) if isinstance(content, StoredFrame) else content
            index.add(frame, place)
            place += _write(file, *_buffers(frame))
            progress(frame.nbytes)
        if segment.is_ended:
            place += _write(file, *index.trailer(place).buffers)
    return place


def _buffers(frame: Frame | RawFrame) -> tuple[bytes | memoryview, ...]:
    return frame.buffers if isinstance(frame, Frame) else (frame.data,)


def _write(file: IO[bytes], *buffers: bytes | memoryview) -> int:
    for buffer in buffers:
        file.write(buffer)
    return sum(len(memoryview(buffer).cast("B")) for buffer in buffers)


def check_written(source: Source, expected: Found) -> None:
    """Read what was written, and hold it against what it was made from: the same rows under the same names.

    Raises:
        CorruptError: It has other rows, or does not hold what was written.
    """
    found = gather([source])
    lost = [one for one in found.damage if one.length]
    if lost:
        raise CorruptError(f"what was written cannot be read: {lost[0].reason}", lost[0].offset)
    for recording_id, writers in expected.recordings.items():
        for before, after in zip(writers, found.recordings.get(recording_id, []), strict=True):
            if before.writer_id != after.writer_id or not np.array_equal(_numbers(before), _numbers(after)):
                raise CorruptError(f"what was written has other rows of writer {before.writer_id}")


def _numbers(writer: WriterContents) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    parts = [_decoded(frame).row_numbers for frame in writer.numbered()]
    return np.sort(np.concatenate(parts)) if parts else np.empty(0, np.uint64)

"""What one writer left: pieces of a chunk, gaps that others fill, and the numbers that are missing."""

from __future__ import annotations

import numpy as np
from recorder import SCALAR, header

from asyncrr.chunks import Chunk
from asyncrr.columns import Column
from asyncrr.contents import WriterContents
from asyncrr.segments import Segment, Source, read_segments
from asyncrr.wire import PREAMBLE, Frame, Gap, encode_chunk, encode_gap, encode_header

HEADER = header("contents", "0" * 32)


def frame(sequence: int, first: int, count: int) -> Frame:
    numbers = np.arange(first, first + count, dtype=np.uint64)
    chunk = Chunk(
        "x",
        numbers,
        {"step": ("sequence", numbers.astype(np.int64))},
        {SCALAR.id: Column(SCALAR, 1, numbers.astype("f8"))},
    )
    return encode_chunk(chunk, sequence)


def contents(*frames: Frame) -> WriterContents:
    """Of one segment for each frame."""
    writer = WriterContents(HEADER.writer_id)
    for one in frames:
        segments, damage = read_segments(Source("", memoryview(PREAMBLE + bytes(encode_header(HEADER)) + bytes(one))))
        assert not damage
        (segment,) = segments
        writer.add(segment)
    writer.settle()
    return writer


def spans(writer: WriterContents) -> list[tuple[int, int]]:
    return [(one.summary.first_row, one.summary.last_row) for one in writer.numbered()]


def test_a_frame_counts_once_wherever_it_lies() -> None:
    assert spans(contents(frame(1, 0, 4), frame(1, 0, 4))) == [(0, 3)]


def test_pieces_of_a_chunk_count_each() -> None:
    assert spans(contents(frame(1, 4, 2), frame(1, 0, 4), frame(1, 7, 1))) == [(0, 3), (4, 5), (7, 7)]


def test_the_whole_counts_for_its_pieces_in_any_order() -> None:
    pieces = [frame(1, 1, 2), frame(1, 5, 1), frame(1, 0, 8), frame(1, 0, 1), frame(1, 7, 1)]
    for order in (pieces, pieces[::-1], [*pieces[2:], *pieces[:2]]):
        assert spans(contents(*order)) == [(0, 7)]


def test_a_gap_of_no_rows_loses_nothing() -> None:
    writer = contents(frame(3, 0, 4), encode_gap(Gap(0, 1, 0, "joined", frame_count=2), 2))
    assert (writer.missing, writer.holes()) == ([], [])


def test_a_gap_counts_unless_all_its_chunks_are_there() -> None:
    gap = encode_gap(Gap(0, 3, 4, "drop_oldest", frame_count=2), 2)
    assert len(contents(gap, frame(2, 2, 2), frame(3, 4, 2)).missing) == 1
    assert contents(gap, frame(1, 0, 2), frame(2, 2, 2), frame(3, 4, 2)).missing == []


def test_numbers_without_a_frame_are_holes() -> None:
    assert contents(frame(1, 0, 1), frame(3, 2, 1), frame(7, 6, 1)).holes() == [(2, 2), (4, 6)]


def test_a_writer_without_a_single_frame_has_ended_if_it_says_so() -> None:
    writer = WriterContents("w")
    segment = Segment(HEADER)
    segment.is_ended = True
    writer.add(segment)
    writer.settle()
    assert writer.is_ended
    assert writer.last_sequence == 0

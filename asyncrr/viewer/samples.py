"""Samples: the rows of a stream of video that lead up to a time, as many as fit, out of the chunks that have them."""

from __future__ import annotations

import heapq
from typing import Any, NamedTuple

import numpy as np

from asyncrr.chunks import Chunk
from asyncrr.viewer.growing import GrowingRecording, StoredFrame

__all__ = ["SampleRun", "sample_runs"]

SAMPLE = "VideoStream:sample"


class SampleRun(NamedTuple):
    """Rows that follow one another, in time and in their chunk.

    Attributes:
        stored: Where the chunk is from.
        chunk: The rows, with their samples alone.
    """

    stored: StoredFrame
    chunk: Chunk


class _Row(NamedTuple):
    """One row, so that later ones are less."""

    time: int
    writer_rank: int
    number: int
    place: int
    stored: StoredFrame
    chunk: Chunk
    row: int
    nbytes: int


def sample_runs(
    recording: GrowingRecording, entity: str, timeline: str, low: int, high: int, most_bytes: int
) -> tuple[list[SampleRun], bool]:
    """The last samples within a range of a timeline, in order.

    Chunks are loaded from the last one on, until those that are left can only have earlier rows than fit.

    Args:
        recording: Of which.
        entity: The path.
        timeline: The name.
        low: The first time.
        high: The last time.
        most_bytes: Of all samples together; one is given, however large it is.

    Returns:
        Their rows, and whether earlier ones within the range were left out.
    """
    candidates = [
        stored
        for key, group in recording.entities.get(entity, {}).items()
        if SAMPLE in key
        for stored in group.between(timeline, low, high)
    ]
    candidates.sort(key=lambda each: each.summary.timelines[timeline][2], reverse=True)
    waiting: list[_Row] = []
    taken: list[_Row] = []
    size = 0
    for stored in [*candidates, None]:
        end = None if stored is None else stored.summary.timelines[timeline][2]
        while waiting and (end is None or -waiting[0].time > end):  # no chunk that is left has a later one
            row = heapq.heappop(waiting)
            size += row.nbytes
            if taken and size > most_bytes:
                return _runs(taken, timeline), True
            taken.append(row)
        if stored is not None and (chunk := recording.load(stored)) is not None:
            for each in _rows(stored, chunk, timeline, low, high):
                heapq.heappush(waiting, each)
    return _runs(taken, timeline), False


def _rows(stored: StoredFrame, chunk: Chunk, timeline: str, low: int, high: int) -> list[_Row]:
    times, column = chunk.timelines[timeline][1], chunk.columns[SAMPLE]
    each: Any = column.lengths if column.counts == 1 else column.nbytes // len(chunk)
    sizes = np.broadcast_to(each, len(chunk))
    return [
        _Row(
            -int(times[row]),
            -stored.writer.rank,
            -int(chunk.row_numbers[row]),
            stored.place,
            stored,
            chunk,
            row,
            int(sizes[row]),
        )
        for row in np.flatnonzero((times >= low) & (times <= high)).tolist()
    ]


def _runs(rows: list[_Row], timeline: str) -> list[SampleRun]:
    """Runs of rows, the last of which comes first."""
    spans: list[tuple[_Row, int]] = []
    for row in reversed(rows):
        if spans and spans[-1][0].chunk is row.chunk and spans[-1][1] == row.row:
            spans[-1] = spans[-1][0], row.row + 1
        else:
            spans.append((row, row.row + 1))
    runs = []
    for first, end in spans:
        part = first.chunk.slice(first.row, end)
        timelines = {timeline: part.timelines[timeline]}
        kept = Chunk(part.entity_path, part.row_numbers, timelines, {SAMPLE: part.columns[SAMPLE]}, False)
        runs.append(SampleRun(first.stored, kept))
    return runs

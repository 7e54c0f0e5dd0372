"""The trailer: what a segment holds, so that opening it need not read all of it."""

from __future__ import annotations

from array import array
from struct import Struct
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from asyncrr.chunks import Run
from asyncrr.errors import CorruptError, DataError
from asyncrr.wire.arrays import BodyReader, BodyWriter
from asyncrr.wire.chunk_frames import ChunkSummary, summary_of
from asyncrr.wire.framing import KIND_CHUNK, KIND_GAP, KIND_HEADER, KIND_TRAILER, Frame, RawFrame, seal
from asyncrr.wire.limits import (
    MAX_COLUMNS,
    MAX_INDEX_ENTRIES,
    MAX_INT64,
    MAX_NAME_LENGTH,
    MAX_PATH_LENGTH,
    MAX_ROWS,
    MAX_TIMELINES,
)
from asyncrr.wire.packing import read_int, read_list, read_str

__all__ = ["FOOTER_BYTES", "IndexEntry", "SegmentIndex", "Trailer", "decode_trailer", "trailer_length"]

Array: TypeAlias = "np.ndarray[Any, Any]"

END_MAGIC = b"ARRend\r\n"
_FOOTER = Struct("<Q8s")
FOOTER_BYTES = _FOOTER.size

_OBJECT_BYTES = 100  # of a string or tuple, beside its characters

_UINT8, _UINT32, _INT64 = np.dtype("u1"), np.dtype("<u4"), np.dtype("<i8")


class IndexEntry(NamedTuple):
    """Where one chunk lies, and what it holds.

    Attributes:
        offset: Of its frame, from the segment's first byte.
        nbytes: Of its frame.
        sequence: Of its frame.
        summary: What the frame's head tells.
    """

    offset: int
    nbytes: int
    sequence: int
    summary: ChunkSummary


class Trailer(NamedTuple):
    """The end of a segment.

    Attributes:
        segment_bytes: From the segment's first byte to the trailer's.
        frame_count: Frames in it but its header and trailer.
        row_count: Rows in it, repeated ones too.
        last_sequence: The greatest sequence number in it, 0 without any.
        gaps: Offsets of its gap frames, from the segment's first byte.
        entries: Its chunks, in order, or ``None`` where they were too many or too various.
    """

    segment_bytes: int
    frame_count: int
    row_count: int
    last_sequence: int
    gaps: tuple[int, ...]
    entries: tuple[IndexEntry, ...] | None


class SegmentIndex:
    """What is written to a segment, kept for its trailer in little room."""

    __slots__ = ("_columns", "_frames", "_gaps", "_last", "_rows", "_start")

    def __init__(self, start: int = 0) -> None:
        """
        Args:
            start: Where in the file the segment's preamble lies.
        """
        self._start = start
        self._columns: _IndexColumns | None = _IndexColumns()
        self._gaps = array("q")
        self._frames = self._rows = self._last = 0

    @property
    def nbytes(self) -> int:
        """About what it takes in memory."""
        return 8 * len(self._gaps) + (0 if self._columns is None else self._columns.nbytes)

    def add(self, frame: Frame | RawFrame, offset: int) -> None:
        """Note a frame, in the order they are written; the header's may be left out.

        Args:
            frame: The frame.
            offset: Where in the file it was written.
        """
        if frame.kind == KIND_CHUNK:
            summary = summary_of(frame)
            self._rows += summary.row_count
            if self._columns is not None:
                self._columns.add(IndexEntry(offset - self._start, frame.nbytes, frame.sequence, summary))
                if self._columns.weight > MAX_INDEX_ENTRIES:
                    self._columns = None
        elif frame.kind == KIND_GAP:
            self._gaps.append(offset - self._start)
        self._frames += frame.kind != KIND_HEADER
        self._last = max(self._last, frame.sequence)

    def trailer(self, offset: int) -> Frame:
        """The trailer of what was noted so far.

        Args:
            offset: Where in the file it will be written.
        """
        try:
            return self._encode(offset - self._start, self._columns)
        except DataError:  # more kinds of chunks than a head can name
            return self._encode(offset - self._start, None)

    def _encode(self, segment_bytes: int, columns: _IndexColumns | None) -> Frame:
        body = BodyWriter()
        head: dict[str, Any] = {
            "s": segment_bytes,
            "f": self._frames,
            "n": self._rows,
            "q": self._last,
            "g": [len(self._gaps), body.add(np.array(self._gaps, _INT64))],
        }
        if columns is not None:
            head["x"] = columns.write(body)
        # the footer is the last part of the body, and names the length of the whole frame: seal once to learn it
        parts = [*body.parts, bytes(FOOTER_BYTES)]
        length = seal(KIND_TRAILER, 0, head, parts).nbytes
        parts[-1] = _FOOTER.pack(length, END_MAGIC)
        return seal(KIND_TRAILER, 0, head, parts)


def trailer_length(footer: bytes | memoryview) -> int | None:
    """The length of the trailer frame that ends in these 16 bytes, or ``None`` where none does."""
    length, magic = _FOOTER.unpack(footer)
    return int(length) if magic == END_MAGIC else None


def decode_trailer(frame: RawFrame) -> Trailer:
    """The trailer of a frame.

    Raises:
        CorruptError: The frame is whole but does not hold one.
    """
    try:
        head = frame.head()
        body = BodyReader(frame.body(head))
        count, offset, *_ = [*read_list(head.get("g"), "the gaps", 8), None, None]
        gaps = body.take(offset, read_int(count, "the number of gaps", 0, MAX_INT64), _INT64)
        segment_bytes = read_int(head.get("s"), "the segment's length", 0, MAX_INT64)
        return Trailer(
            segment_bytes,
            read_int(head.get("f"), "the number of frames", 0, MAX_INT64),
            read_int(head.get("n"), "the number of rows", 0, MAX_INT64),
            read_int(head.get("q"), "the last sequence number", 0),
            tuple(read_int(gap, "the place of a gap", 0, segment_bytes) for gap in gaps.tolist()),
            _read_index(head["x"], body, segment_bytes) if "x" in head else None,
        )
    except CorruptError as error:
        raise CorruptError(error.reason, frame.offset) from error


class _IndexColumns:
    """The index of a segment as its trailer has it.

    Attributes:
        weight: Its chunks, and the entities of those that have several.
        nbytes: About what it takes in memory.
    """

    __slots__ = ("_layouts", "_paths", "_rows", "_runs", "_times", "nbytes", "weight")

    def __init__(self) -> None:
        self.weight: int = 0
        self.nbytes: int = 0
        self._paths: dict[str, int] = {}
        self._layouts: dict[tuple[Any, ...], int] = {}
        self._rows = array("q")
        self._times = array("q")
        self._runs = array("q")

    def add(self, entry: IndexEntry) -> None:
        """Note the next chunk."""
        summary = entry.summary
        place = -len(summary.runs) if summary.runs else self._place_of(summary.entity_path)
        for path, count in summary.runs:
            self._runs.extend((self._place_of(path), count))
        kinds = tuple([(name, kind) for name, (kind, _, _) in summary.timelines.items()])
        layout = (summary.is_static, kinds, summary.components)
        if layout not in self._layouts:
            self._layouts[layout] = len(self._layouts)
            self.nbytes += _OBJECT_BYTES * (1 + len(kinds) + len(summary.components))
        self._rows.extend((entry.offset, entry.nbytes, entry.sequence))
        self._rows.extend((summary.row_count, summary.first_row, summary.last_row, place, self._layouts[layout]))
        for _, least, greatest in summary.timelines.values():
            self._times.extend((least, greatest))
        self.weight += 1 + len(summary.runs)
        self.nbytes += 64 + 16 * (len(kinds) + len(summary.runs))

    def _place_of(self, path: str) -> int:
        place = self._paths.get(path)
        if place is None:
            place = self._paths[path] = len(self._paths)
            self.nbytes += _OBJECT_BYTES + len(path)
        return place

    def write(self, body: BodyWriter) -> list[Any]:
        """What the head says of the index, its buffers being in the body.

        ``[entries, rows, paths, path lengths, path bytes, times, time values, layouts, runs, run values]``: numbers of
        things and offsets of buffers, and the layouts themselves. A layout is what many chunks share: ``[is static,
        [[timeline, kind], ...], [component id, ...]]``. The rows are int64, eight for each entry: offset and length of
        its frame, sequence number, rows, first row number, last row number, number of its path, number of its layout.
        Path lengths are uint32. The time values are int64: of each entry, of each timeline of its layout, the least and
        the greatest. The run values are int64, two for each entity of a chunk that has several: number of its path,
        rows. Such an entry has in place of its path how many they are, negative.
        """
        encoded = [path.encode("utf-8", "backslashreplace") for path in self._paths]
        return [
            len(self._rows) // 8,
            body.add(np.array(self._rows, _INT64)),
            len(encoded),
            body.add(np.array([len(path) for path in encoded], _UINT32)),
            body.add(np.frombuffer(b"".join(encoded), _UINT8)),
            len(self._times),
            body.add(np.array(self._times, _INT64)),
            list(self._layouts),
            len(self._runs) // 2,
            body.add(np.array(self._runs, _INT64)),
        ]


def _read_index(form: Any, body: BodyReader, segment_bytes: int) -> tuple[IndexEntry, ...]:
    items = read_list(form, "the index", 16)
    if len(items) < 10:
        raise CorruptError("the index is incomplete")
    count = read_int(items[0], "the number of chunks", 0, MAX_INDEX_ENTRIES)
    rows = body.take(items[1], count * 8, _INT64).reshape(count, 8).tolist()
    paths = _read_paths(items, body)
    times = body.take(items[6], read_int(items[5], "the number of times", 0, MAX_INT64), _INT64).tolist()
    layouts = [_read_layout(layout) for layout in read_list(items[7], "the layouts", MAX_INDEX_ENTRIES)]
    run_count = read_int(items[8], "the number of runs", 0, MAX_INDEX_ENTRIES)
    runs = body.take(items[9], 2 * run_count, _INT64).reshape(run_count, 2).tolist()
    entries = []
    place = run_place = 0
    for offset, nbytes, sequence, row_count, first, last, path, layout in rows:
        read_int(offset, "the place of a chunk", 0, segment_bytes)
        read_int(offset + nbytes, "the end of a chunk", offset, segment_bytes)
        read_int(row_count, "the rows of a chunk", 1, MAX_ROWS)
        read_int(path, "the number of a path", run_place - len(runs), len(paths) - 1)
        is_static, kinds, components = layouts[read_int(layout, "the number of a layout", 0, len(layouts) - 1)]
        if place + 2 * len(kinds) > len(times):
            raise CorruptError("the index has too few times")
        timelines = {}
        for name, kind in kinds:
            timelines[name] = (kind, times[place], times[place + 1])
            place += 2
        if path >= 0:
            summary = ChunkSummary(paths[path], row_count, first, last, is_static, timelines, components)
        else:
            of_several = tuple([_read_run(run, paths, row_count) for run in runs[run_place : run_place - path]])
            run_place -= path
            summary = ChunkSummary("", row_count, first, last, is_static, timelines, components, of_several)
        entries.append(IndexEntry(offset, nbytes, sequence, summary))
    return tuple(entries)


def _read_run(form: list[int], paths: list[str], row_count: int) -> Run:
    path, rows = form
    path = read_int(path, "the number of a path", 0, len(paths) - 1)
    return Run(paths[path], read_int(rows, "the rows of an entity", 1, row_count))


def _read_paths(items: list[Any], body: BodyReader) -> list[str]:
    count = read_int(items[2], "the number of paths", 0, MAX_INDEX_ENTRIES)
    lengths = body.take(items[3], count, _UINT32).tolist()
    raw = body.take(items[4], sum(lengths), _UINT8).tobytes()
    paths, low = [], 0
    for length in lengths:
        path = raw[low : low + length].decode("utf-8", "replace")
        paths.append(read_str(path, "an entity path", MAX_PATH_LENGTH))
        low += length
    return paths


def _read_layout(form: Any) -> tuple[bool, list[tuple[str, str]], tuple[str, ...]]:
    is_static, timelines, components, *_ = [*read_list(form, "a layout", 8), None, None, None]
    kinds = []
    for item in read_list(timelines, "the timelines", MAX_TIMELINES):
        name, kind, *_ = [*read_list(item, "a timeline", 8), None, None]
        kinds.append((read_str(name, "a timeline's name", MAX_NAME_LENGTH), read_str(kind, "a timeline's kind", 16)))
    ids = tuple(
        read_str(id_, "a component id", MAX_NAME_LENGTH) for id_ in read_list(components, "the components", MAX_COLUMNS)
    )
    return bool(is_static), kinds, ids

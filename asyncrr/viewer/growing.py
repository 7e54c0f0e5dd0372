"""A recording as its segments grow: which chunks there are, found once each, and loaded when they are needed."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from asyncrr.chunks import Chunk
from asyncrr.errors import CorruptError, FormatError
from asyncrr.query import Cell, Loaded, latest_cells
from asyncrr.wire.chunk_frames import ChunkSummary, decode_chunk, summary_of, summary_of_chunk
from asyncrr.wire.frame_reader import Damage, FrameReader, SegmentStart
from asyncrr.wire.framing import KIND_CHUNK, KIND_GAP, KIND_HEADER, KIND_TRAILER, RawFrame, parse_frame
from asyncrr.wire.segment_frames import Gap, RecordingHeader, decode_gap, decode_header

__all__ = ["GrowingRecording", "StoredFrame", "WriterState"]

Array: TypeAlias = "np.ndarray[Any, Any]"

_PIECE_BYTES = 8 * 2**20
_CACHE_BYTES = 128 * 2**20
_CLEAR = "Clear:is_recursive"


@dataclass(slots=True, eq=False)
class WriterState:
    """One writer of the recording.

    Attributes:
        header: As its segments have it.
        rank: Its place among the writers, oldest first.
        sequences: Of the chunks that are known, each with the checksum of its body.
        pieces: Further chunks of those numbers, which a tool has cut out of one: number and checksum.
        gap_sequences: Of the gaps that are known.
    """

    header: RecordingHeader
    rank: int = 0
    sequences: dict[int, int] = field(default_factory=dict)
    pieces: set[tuple[int, int]] = field(default_factory=set)
    gap_sequences: set[int] = field(default_factory=set)


@dataclass(slots=True, eq=False)
class StoredFrame:
    """A chunk's frame in a file.

    Attributes:
        path: The file.
        offset: Of its first byte.
        nbytes: How many.
        sequence: The writer's number of it.
        summary: What its head tells.
        writer: Whose it is.
        place: In the list of all chunks.
        part: Which of the entities in the frame; ``None`` where it is the only one.
    """

    path: str
    offset: int
    nbytes: int
    sequence: int
    summary: ChunkSummary
    writer: WriterState
    place: int
    part: int | None

    def read(self) -> bytes:
        """Its bytes."""
        with open(self.path, "rb") as file:
            file.seek(self.offset)
            return file.read(self.nbytes)


class _Tail:
    """A file of which more may come."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.nbytes = 0
        self.reader = FrameReader()
        self.writer: WriterState | None = None

    def news(self, nbytes: int) -> Iterator[RawFrame | SegmentStart | Damage]:
        """What came since, up to so many bytes of the file."""
        with open(self.path, "rb") as file:
            file.seek(self.nbytes)
            while self.nbytes < nbytes and (piece := file.read(min(_PIECE_BYTES, nbytes - self.nbytes))):
                self.nbytes += len(piece)
                yield from self.reader.feed(piece)


class Group:
    """The chunks of one entity that have the same components.

    Attributes:
        frames: All of them.
        row_count: Of all together.
    """

    def __init__(self) -> None:
        self.frames: list[StoredFrame] = []
        self.row_count: int = 0
        self._spans: dict[str, _Spans] = {}

    def add(self, stored: StoredFrame) -> None:
        """Take one more."""
        for name, (_, low, high) in stored.summary.timelines.items():
            self._spans.setdefault(name, _Spans()).add(len(self.frames), low, high)
        self.frames.append(stored)
        self.row_count += stored.summary.row_count

    @property
    def timelines(self) -> Iterable[str]:
        """Those on which it has rows."""
        return self._spans.keys()

    def candidates(self, timeline: str, time: int) -> list[StoredFrame]:
        """Those of which one has the last row at or before a time."""
        if self.frames[0].summary.is_static:
            return [max(self.frames, key=lambda each: (each.writer.rank, each.summary.last_row))]
        spans = self._spans.get(timeline)
        return [] if spans is None else [self.frames[place] for place in spans.candidates(time)]

    def between(self, timeline: str, low: int, high: int) -> list[StoredFrame]:
        """Those that may have rows from one time to another."""
        spans = self._spans.get(timeline)
        return [] if spans is None else [self.frames[place] for place in spans.between(low, high)]

    def beside(self, timeline: str, time: int, *, is_next: bool) -> tuple[list[int], list[StoredFrame]]:
        """The nearest border of those that lie behind a time, or before it, and those that it falls into."""
        spans = self._spans.get(timeline)
        if spans is None:
            return [], []
        borders, places = spans.beside(time, is_next)
        return borders, [self.frames[place] for place in places]


class _Spans:
    """Least and greatest times of chunks."""

    def __init__(self) -> None:
        self._numbers = np.empty((3, 16), np.int64)
        self._count = 0

    def add(self, place: int, low: int, high: int) -> None:
        if self._count == self._numbers.shape[1]:
            self._numbers = np.concatenate([self._numbers, np.empty_like(self._numbers)], axis=1)
        self._numbers[:, self._count] = place, low, high
        self._count += 1

    def candidates(self, time: int) -> list[int]:
        places, lows, highs = self._numbers[:, : self._count]
        begun = lows <= time
        if not begun.any():
            return []
        found: list[int] = places[begun & (highs >= lows[begun].max())].tolist()
        return found

    def between(self, low: int, high: int) -> list[int]:
        places, lows, highs = self._numbers[:, : self._count]
        found: list[int] = places[(lows <= high) & (highs >= low)].tolist()
        return found

    def beside(self, time: int, is_next: bool) -> tuple[list[int], list[int]]:
        places, lows, highs = self._numbers[:, : self._count]
        if is_next:
            borders, across = lows[lows > time], (lows <= time) & (highs > time)
            nearest = borders.min
        else:
            borders, across = highs[highs < time], (lows < time) & (highs >= time)
            nearest = borders.max
        return [int(nearest())] if len(borders) else [], places[across].tolist()


class GrowingRecording:
    """What is known of a recording. Not safe for several threads at once.

    Attributes:
        epoch: Names this list of chunks.
        header: Of its first writer, or ``None`` before one is known.
        frames: All chunks, in the order in which they were found. Its length is the cursor.
        entities: By path, the groups of chunks, by their components.
        gaps: Rows that are missing, each with its writer's id.
        damage: What was skipped: file, offset, length and reason.
        complete: Segments that ended in peace.
    """

    def __init__(self) -> None:
        self.epoch: str = secrets.token_hex(8)
        self.frames: list[StoredFrame] = []
        self.entities: dict[str, dict[tuple[str, ...], Group]] = {}
        self.gaps: list[tuple[str, Gap]] = []
        self.damage: list[tuple[str, int, int, str]] = []
        self.timelines: dict[str, tuple[str, int, int]] = {}
        self.texts: list[StoredFrame] = []
        self._writers: dict[str, WriterState] = {}
        self._tails: dict[str, _Tail] = {}
        self._repeated: set[tuple[str, int]] = set()
        self._cache: OrderedDict[tuple[str, int], list[Chunk]] = OrderedDict()
        self._cached_bytes = 0

    @property
    def header(self) -> RecordingHeader | None:
        """Of its first writer."""
        return min((each.header for each in self._writers.values()), key=lambda each: each.created_ns, default=None)

    @property
    def writers(self) -> list[WriterState]:
        """All writers, oldest first."""
        return sorted(self._writers.values(), key=lambda each: each.rank)

    def refresh(self, spans: Iterable[tuple[str, int]]) -> bool:
        """Read what came since.

        Args:
            spans: The files, and how many bytes of each are there.

        Returns:
            Whether there is news.
        """
        before = len(self.frames), len(self.gaps)
        for path, nbytes in spans:
            tail = self._tails.get(path)
            if tail is None:
                tail = self._tails[path] = _Tail(path)
            if nbytes > tail.nbytes:
                self._read(tail, nbytes)
        return before != (len(self.frames), len(self.gaps))

    def _read(self, tail: _Tail, nbytes: int) -> None:
        for event in tail.news(nbytes):
            if isinstance(event, SegmentStart):
                tail.writer = None
            elif isinstance(event, Damage):
                self.damage.append((tail.path, *event))
            else:
                try:
                    self._take(tail, event)
                except CorruptError as error:
                    self.damage.append((tail.path, event.offset, event.nbytes, error.reason))

    def _take(self, tail: _Tail, frame: RawFrame) -> None:
        if frame.kind == KIND_HEADER:
            tail.writer = self._writer(decode_header(frame))
        if tail.writer is None or frame.kind in (KIND_HEADER, KIND_TRAILER):
            return
        if frame.kind == KIND_GAP and frame.sequence not in tail.writer.gap_sequences:
            tail.writer.gap_sequences.add(frame.sequence)
            if (gap := decode_gap(frame)).row_count:
                self.gaps.append((tail.writer.header.writer_id, gap))
        elif frame.kind == KIND_CHUNK and self._is_new(frame, tail.writer):
            summary = summary_of(frame)
            # of several entities in one frame, the head tells the times of all together: not enough to look up one
            of_each = map(summary_of_chunk, decode_chunk(frame).split()) if summary.runs else [summary]
            for part, each in enumerate(of_each):
                self._add(
                    StoredFrame(
                        tail.path,
                        frame.offset,
                        frame.nbytes,
                        frame.sequence,
                        each,
                        tail.writer,
                        len(self.frames),
                        part if summary.runs else None,
                    )
                )

    def _writer(self, header: RecordingHeader) -> WriterState:
        known = self._writers.get(header.writer_id)
        if known is None:
            known = self._writers[header.writer_id] = WriterState(header)
            ordered = sorted(self._writers.values(), key=lambda each: (each.header.created_ns, each.header.writer_id))
            for rank, each in enumerate(ordered):
                each.rank = rank
        return known

    def _is_new(self, frame: RawFrame, writer: WriterState) -> bool:
        """Whether it was not found before: by its number, or, without one, by what it says."""
        if frame.sequence:
            body = frame.header.body_crc
            known = writer.sequences.get(frame.sequence)
            if known is None:
                writer.sequences[frame.sequence] = body
                return True
            if known == body or (frame.sequence, body) in writer.pieces:
                return False
            writer.pieces.add((frame.sequence, body))
            return True
        key = (summary_of(frame).entity_path, frame.header.body_crc)
        if key in self._repeated:
            return False
        self._repeated.add(key)
        return True

    def _add(self, stored: StoredFrame) -> None:
        summary = stored.summary
        self.frames.append(stored)
        groups = self.entities.setdefault(summary.entity_path, {})
        key = (*sorted(summary.components), "static" if summary.is_static else "")
        groups.setdefault(key, Group()).add(stored)
        for name, (kind, low, high) in summary.timelines.items():
            held = self.timelines.get(name)
            self.timelines[name] = (kind, low, high) if held is None else (kind, min(low, held[1]), max(high, held[2]))
        if "TextLog:text" in summary.components:
            self.texts.append(stored)

    def load(self, stored: StoredFrame) -> Chunk | None:
        """A chunk; ``None`` where it is damaged or its file is gone."""
        return next(self.load_each([stored]), None)

    def load_each(self, frames: Iterable[StoredFrame], *, is_kept: bool = True) -> Iterator[Chunk]:
        """Many chunks, those left out that are damaged or whose file is gone. A file is opened once for its run.

        Args:
            frames: Which.
            is_kept: Whether those that have a frame of their own are kept for the next question, too.
        """
        path, file = "", None
        try:
            for stored in frames:
                key = stored.path, stored.offset
                chunks = self._cache.get(key)
                if chunks is None:
                    try:
                        if file is None or stored.path != path:
                            if file is not None:
                                file.close()
                            path, file = stored.path, open(stored.path, "rb")  # noqa: SIM115
                        file.seek(stored.offset)
                        frame = parse_frame(file.read(stored.nbytes), stored.offset)
                        chunks = decode_chunk(frame).split()
                    except (FormatError, OSError) as error:
                        found = (stored.path, stored.offset, stored.nbytes, str(error))
                        if found not in self.damage:  # it is asked for again and again
                            self.damage.append(found)
                        continue
                    if is_kept or stored.part is not None:
                        self._keep(key, chunks)
                else:
                    self._cache.move_to_end(key)
                yield chunks[stored.part or 0]
        finally:
            if file is not None:
                file.close()

    def _keep(self, key: tuple[str, int], chunks: list[Chunk]) -> None:
        self._cache[key] = chunks
        self._cached_bytes += sum(chunk.nbytes for chunk in chunks)
        while self._cached_bytes > _CACHE_BYTES and len(self._cache) > 1:
            _, oldest = self._cache.popitem(last=False)
            self._cached_bytes -= sum(chunk.nbytes for chunk in oldest)

    def clears(self, path: str) -> Iterator[tuple[str, Chunk]]:
        """The chunks that may clear an entity, its own and those of the entities above it, each with its entity."""
        for place in (path, *_ancestors(path)):
            for key, group in self.entities.get(place, {}).items():
                if _CLEAR in key:
                    yield from ((place, chunk) for chunk in self.load_each(group.frames))

    def latest(self, timeline: str, time: int, entities: Iterable[str]) -> dict[tuple[str, str], Cell]:
        """What held of some entities at a time: by entity path and component, where it is."""
        wanted = set(entities) & self.entities.keys()
        above = {place for path in wanted for place in _ancestors(path)} - wanted
        candidates = [
            stored
            for path in (*wanted, *above)
            for key, group in self.entities.get(path, {}).items()
            if path in wanted or _CLEAR in key
            for stored in group.candidates(timeline, time)
        ]
        loaded = [
            Loaded(chunk, stored.writer.header.writer_id, stored.writer.rank)
            for stored in candidates
            if (chunk := self.load(stored)) is not None
        ]
        cells = latest_cells(loaded, timeline, time)
        return {key: cell for key, cell in cells.items() if key[0] in wanted}


def _ancestors(path: str) -> Iterator[str]:
    """All entities above one."""
    while path != "/":
        head, _, _ = path.rpartition("/")
        while head.endswith("\\") and not head.endswith("\\\\"):  # the slash belonged to a part
            head, _, _ = head.rpartition("/")
        path = head or "/"
        yield path

"""Reading: a recording opened again, from its files or bytes."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import IO, Any, NamedTuple

from asyncrr import query
from asyncrr.components import BatchValues
from asyncrr.contents import WriterContents, WriterInfo
from asyncrr.errors import FormatError, UsageError
from asyncrr.paths import entity_path_of
from asyncrr.query import ComponentColumn, Loaded, Row
from asyncrr.segments import (
    DamagedRange,
    Segment,
    Source,
    StoredChunk,
    StoredFrame,
    chunks_of,
    open_path,
    read_segments,
)
from asyncrr.wire.limits import MAX_INT64
from asyncrr.wire.segment_frames import RecordingHeader

__all__ = ["MissingRows", "RecordingData", "WriterInfo", "read_recording"]

_SUFFIX = ".arrd"


class MissingRows(NamedTuple):
    """Rows that were logged and are not here, as their writer told.

    Attributes:
        writer_id: Whose rows.
        first_row: The number of the first.
        last_row: The number of the last; others between the two may be here.
        row_count: How many are missing.
        reason: Why, in one word such as ``drop_oldest``.
        entity_paths: Of which entities, where that is known.
    """

    writer_id: str
    first_row: int
    last_row: int
    row_count: int
    reason: str
    entity_paths: tuple[str, ...]


class RecordingData:
    """A recording that was read. Chunks are decoded when they are needed, and kept.

    Attributes:
        application_id: Of the recording.
        recording_id: Of the recording.
        damage: What was skipped, and where. With an index, damage to a chunk shows when the chunk is needed.
    """

    def __init__(self, segments: Iterable[Segment], damage: Iterable[DamagedRange] = ()) -> None:
        """
        Args:
            segments: Of one recording, from any number of sources.
            damage: What was skipped while they were looked for.
        """
        writers: dict[str, WriterContents] = {}
        for index, segment in enumerate(segments):
            header = segment.header
            writer_id = header.writer_id if header is not None else f"unknown-{index}"
            writer = writers.setdefault(writer_id, WriterContents(writer_id))
            writer.add(segment)
        self._writers = sorted(writers.values(), key=lambda writer: (writer.created_ns, writer.writer_id))
        headers = [writer.header for writer in self._writers if writer.header is not None]
        self.application_id: str = headers[0].application_id if headers else ""
        self.recording_id: str = headers[0].recording_id if headers else ""
        self.damage: list[DamagedRange] = list(damage)
        self._chunks: dict[str, list[StoredChunk]] = {}
        fingerprints: set[tuple[str, int, int]] = set()
        for rank, writer in enumerate(self._writers):
            writer.settle()
            if holes := writer.holes():
                numbers = ", ".join(f"{low}" if low == high else f"{low} to {high}" for low, high in holes)
                reason = f"frames {numbers} of writer {writer.writer_id} are missing"
                self.damage.append(DamagedRange("", 0, 0, reason))
            for frame in writer.numbered():
                self._add(frame, writer, rank)
                if frame.summary.is_static:
                    fingerprints.add(frame.fingerprint)
        for rank, writer in enumerate(self._writers):
            for frame in writer.repeated:
                if frame.fingerprint not in fingerprints:
                    fingerprints.add(frame.fingerprint)
                    self._add(frame, writer, rank)

    def _add(self, frame: StoredFrame, writer: WriterContents, rank: int) -> None:
        for stored in chunks_of(frame):
            stored.writer_id = writer.writer_id
            stored.writer_rank = rank
            self._chunks.setdefault(stored.summary.entity_path, []).append(stored)

    @property
    def is_complete(self) -> bool:
        """Whether every writer closed in peace, nothing is damaged, and no row is missing."""
        return not self.damage and all(writer.is_ended and not writer.missing for writer in self._writers)

    def entity_paths(self) -> list[str]:
        """All entities that have rows, sorted."""
        return sorted(self._chunks)

    def timelines(self) -> dict[str, str]:
        """All timelines, sorted, each with its kind: ``sequence``, ``duration`` or ``timestamp``."""
        kinds = {
            name: kind
            for chunks in self._chunks.values()
            for stored in chunks
            for name, (kind, _, _) in stored.summary.timelines.items()
        }
        return dict(sorted(kinds.items()))

    def components(self, entity_path: str) -> list[str]:
        """The ids of all components that an entity has, sorted."""
        return sorted({id_ for stored in self._of(entity_path) for id_ in stored.summary.components})

    def row_count(self, entity_path: str) -> int:
        """How many rows an entity has."""
        return sum(stored.summary.row_count for stored in self._of(entity_path))

    def time_range(self, timeline: str) -> tuple[int, int] | None:
        """The least and the greatest time on a timeline, or ``None`` where no row is on it."""
        spans = [
            stored.summary.timelines[timeline][1:]
            for chunks in self._chunks.values()
            for stored in chunks
            if timeline in stored.summary.timelines
        ]
        return (min(low for low, _ in spans), max(high for _, high in spans)) if spans else None

    def writers(self) -> list[WriterInfo]:
        """Who wrote the recording, oldest first."""
        return [writer.info() for writer in self._writers]

    def gaps(self) -> list[MissingRows]:
        """Rows that were logged and are not here, as their writers told."""
        return [MissingRows(writer.writer_id, *gap[:5]) for writer in self._writers for gap in writer.missing]

    def frames(self) -> list[StoredFrame]:
        """The frames of all chunks, each once; for tools that copy recordings."""
        return list(dict.fromkeys(stored.frame for stored in self.stored_chunks()))

    def stored_chunks(self) -> Iterator[StoredChunk]:
        """All chunks, entity by entity; a frame of several entities comes up with each of them."""
        for chunks in self._chunks.values():
            yield from chunks

    def rows(self, entity_path: str, timeline: str | None = None) -> Iterator[Row]:
        """The rows of an entity, none if there is no such entity.

        Args:
            entity_path: Of the entity.
            timeline: Sort by it: static rows first, then by time; rows that are not on it are left out. ``None`` sorts
                by row id: writer by writer, oldest first, in the order of the calls.
        """
        return query.select_rows(self._load(self._of(entity_path)), timeline)

    def column(self, entity_path: str, component: str, timeline: str | None = None) -> ComponentColumn:
        """One component of an entity, over all rows that have it.

        Args:
            entity_path: Of the entity.
            component: Its id, such as ``Scalars:scalars``.
            timeline: As in :meth:`rows`; where it is ``None``, the times are the row numbers.

        Raises:
            UsageError: The entity has no such component.
        """
        chunks = [stored for stored in self._of(entity_path) if component in stored.summary.components]
        if not chunks:
            known = ", ".join(self.components(entity_path)) or "none"
            raise UsageError(f"{entity_path!r} has no component {component!r}: it has {known}")
        return query.select_column(self._load(chunks), component, timeline)

    def latest_at(self, timeline: str, time: int, entity_glob: str = "**") -> dict[str, dict[str, BatchValues]]:
        """What held at a time: for each entity and component the last row at or before it.

        Static rows override all others. A ``Clear`` hides what was logged before it, of its entity and, where it is
        recursive, of those below. Of two rows at one time, the later call counts.

        Args:
            timeline: On which.
            time: An int64, nanoseconds unless the timeline is a sequence.
            entity_glob: Which entities: ``camera/**`` for one and all below it, ``*`` for one part, or a path.
        """
        known = -1
        while known != len(self.damage):  # behind a chunk that turned out to be damaged an older one may count
            known = len(self.damage)
            loaded = list(self._load(self._candidates(timeline, time)))
        state = query.latest_at(loaded, timeline, time)
        return {path: state[path] for path in sorted(state) if query.glob_matches(entity_glob, path)}

    def _candidates(self, timeline: str, time: int) -> list[StoredChunk]:
        """Chunks of which some have the last rows at or before a time."""
        begun: list[tuple[StoredChunk, tuple[str, tuple[str, ...]], int]] = []
        floors: dict[tuple[str, tuple[str, ...]], int] = {}
        for stored in self.stored_chunks():
            summary = stored.summary
            key = summary.entity_path, summary.components
            if summary.is_static:
                begun.append((stored, key, MAX_INT64))
            elif timeline in summary.timelines and summary.timelines[timeline][1] <= time:
                _, low, high = summary.timelines[timeline]
                begun.append((stored, key, high))
                if not stored.frame.summary.runs:  # else another entity in the frame may be the one with that time
                    floors[key] = max(low, floors.get(key, low))
        return [stored for stored, key, high in begun if high >= floors.get(key, high)]

    def to_arrow(self, entity_glob: str = "**") -> Any:
        """All rows as a ``pyarrow.Table``, as :func:`asyncrr.tables.stream` lays it out.

        Raises:
            MissingExtraError: pyarrow is not installed.
        """
        from asyncrr.tables import to_arrow

        return to_arrow(self._matching(entity_glob))

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """All rows as an Arrow stream, for what takes one, such as DuckDB, laid out as by :meth:`to_arrow`.

        Raises:
            MissingExtraError: pyarrow is not installed.
        """
        from asyncrr.tables import stream

        return stream(lambda: self._matching("**")).__arrow_c_stream__(requested_schema)

    def to_pandas(self, entity_glob: str = "**") -> Any:
        """All rows as a ``pandas.DataFrame``, laid out as by :meth:`to_arrow`.

        Raises:
            MissingExtraError: pandas or pyarrow is not installed.
        """
        from asyncrr.tables import to_pandas

        return to_pandas(self._matching(entity_glob))

    def to_polars(self, entity_glob: str = "**") -> Any:
        """All rows as a ``polars.DataFrame``, laid out as by :meth:`to_arrow`.

        Raises:
            MissingExtraError: polars or pyarrow is not installed.
        """
        from asyncrr.tables import to_polars

        return to_polars(self._matching(entity_glob))

    def __repr__(self) -> str:
        rows = sum(stored.summary.row_count for stored in self.stored_chunks())
        state = "complete" if self.is_complete else "incomplete"
        return f"<RecordingData {self.recording_id!r}: {len(self._chunks)} entities, {rows} rows, {state}>"

    def _of(self, entity_path: str) -> list[StoredChunk]:
        found = self._chunks.get(entity_path)
        return found if found is not None else self._chunks.get(entity_path_of(entity_path), [])

    def _matching(self, entity_glob: str) -> list[Loaded]:
        paths = (path for path in self.entity_paths() if query.glob_matches(entity_glob, path))
        return list(self._load(stored for path in paths for stored in self._chunks[path]))

    def _load(self, chunks: Iterable[StoredChunk]) -> Iterator[Loaded]:
        """The chunks decoded; one that turns out to be damaged is noted and left out, from now on."""
        for stored in list(chunks):
            try:
                chunk = stored.load()
            except FormatError as error:
                frame = stored.frame
                self.damage.append(DamagedRange(frame.source.name, frame.offset, frame.nbytes, error.reason))
                for path in {summary.entity_path for summary in frame.summary.split()}:
                    self._chunks[path] = [each for each in self._chunks[path] if each.frame is not frame]
            else:
                yield Loaded(chunk, stored.writer_id, stored.writer_rank)


def read_recording(
    source: str | os.PathLike[str] | bytes | bytearray | memoryview | IO[bytes],
    *,
    recording_id: str | None = None,
    use_index: bool = True,
) -> RecordingData:
    """Open a recording again.

    Args:
        source: An ``.arrd`` file, a directory with segments of it at any depth, the bytes themselves, or a binary file
            object, which is read to its end. A file may grow meanwhile; what is there now is read.
        recording_id: Which one, where the source has several, as a file has that several runs of a program were saved
            to. ``None`` takes the only one.
        use_index: Trust the index of segments that have one, so that opening a file takes the same time whatever its
            size. ``False`` reads and verifies every byte.

    Raises:
        OSError: The source cannot be read.
        UsageError: The source has several recordings, or none with that id; the text tells which there are.
        FormatError: The source is no recording, or a later version of the format.
    """
    segments: list[Segment] = []
    damage: list[DamagedRange] = []
    for opened, is_alone in _sources(source):
        try:
            found, skipped = read_segments(opened, use_index)
        except FormatError as error:
            if is_alone:
                raise
            found, skipped = [], [DamagedRange(opened.name, error.offset or 0, len(opened.view), error.reason)]
        segments += found
        damage += skipped
    begun: dict[str, RecordingHeader] = {}
    for header in sorted([each.header for each in segments if each.header is not None], key=lambda one: one.created_ns):
        begun.setdefault(header.recording_id, header)
    if recording_id is not None and recording_id not in begun:
        raise UsageError(f"{_told_name(source)} has no recording {recording_id!r}, but {_told_recordings(begun)}")
    if recording_id is None and len(begun) > 1:
        raise UsageError(
            f"{_told_name(source)} holds {len(begun)} recordings, since each run of a program writes one of its own "
            "unless recording_id= joins them. Choose one by recording_id= (on the command line --recording): "
            f"{_told_recordings(begun)}"
        )
    if len(begun) > 1:
        segments = [each for each in segments if each.header is not None and each.header.recording_id == recording_id]
    return RecordingData(segments, damage)


_TOLD_RECORDINGS = 20


def _told_name(source: Any) -> str:
    return os.fspath(source) if isinstance(source, str | os.PathLike) else str(getattr(source, "name", "the source"))


def _told_recordings(begun: dict[str, RecordingHeader]) -> str:
    """Which there are, the oldest first."""
    told = [
        f"{id_!r} of {header.application_id!r}, begun {datetime.fromtimestamp(header.created_ns / 1e9, UTC):%F %T} UTC"
        for id_, header in begun.items()
    ]
    if len(told) > _TOLD_RECORDINGS:
        told[:-_TOLD_RECORDINGS] = [f"{len(told) - _TOLD_RECORDINGS} older ones"]
    return "; ".join(told) or "none at all"


def _sources(source: Any) -> Iterator[tuple[Source, bool]]:
    """What is to be read, each with whether it is all there is."""
    if isinstance(source, (bytes, bytearray, memoryview)):
        yield Source("", memoryview(bytes(source))), True
        return
    if hasattr(source, "read"):
        yield Source(str(getattr(source, "name", "")), memoryview(source.read())), True
        return
    if not os.path.isdir(source):
        yield open_path(source), True
        return
    names = sorted(
        os.path.join(folder, name) for folder, _, files in os.walk(source) for name in files if name.endswith(_SUFFIX)
    )
    if not names:
        raise FileNotFoundError(f"{os.fspath(source)}: no {_SUFFIX} file in this folder or below it")
    for name in names:
        try:
            opened = open_path(name)
        except FileNotFoundError:  # a spool's files go when they are delivered
            continue
        yield opened, False

"""Answers: what the page is told of a recording, as plain values and as frames."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Container, Iterable
from typing import Any

import numpy as np

from asyncrr.chunks import Chunk
from asyncrr.query import Loaded
from asyncrr.viewer.growing import Group, GrowingRecording, StoredFrame, WriterState
from asyncrr.viewer.neighbors import neighbor
from asyncrr.viewer.samples import sample_runs
from asyncrr.viewer.series import Series, decimated
from asyncrr.wire import PREAMBLE, ZSTD, encode_chunk, encode_header
from asyncrr.wire.framing import parse_frame
from asyncrr.wire.limits import MIN_INT64

__all__ = ["Answers"]

_SERIES_BYTES = 512 * 2**20
_MAX_SERIES = 4096
LARGE_BYTES = 2**16
"""From so many bytes on, a component of a row is not sent to a page that has it."""

_PAGE_BYTES = 4 * 2**20
_MAX_BREAKS = 2000


class Answers:
    """What the page asks of one recording. Not safe for several threads at once.

    Attributes:
        recording: Of which.
    """

    def __init__(self) -> None:
        self.recording: GrowingRecording = GrowingRecording()
        self._series: OrderedDict[tuple[str, str, str], Series] = OrderedDict()
        self._types: dict[tuple[str, str], tuple[str, str | None]] = {}

    def tree(self) -> dict[str, Any]:
        """Entities with their components, timelines, and what is missing."""
        recording = self.recording
        return {
            "epoch": recording.epoch,
            "cursor": len(recording.frames),
            "entities": {path: self._entity(path, groups) for path, groups in recording.entities.items()},
            "timelines": self.timelines(),
            "writers": [each.header.writer_id for each in recording.writers],
            "gaps": self.gaps(),
            "damage": [{"length": length, "reason": reason} for _, _, length, reason in recording.damage],
        }

    def timelines(self) -> dict[str, Any]:
        """Kind and range of each timeline."""
        return {
            name: {"kind": kind, "min": str(low), "max": str(high)}
            for name, (kind, low, high) in self.recording.timelines.items()
        }

    def gaps(self) -> list[dict[str, Any]]:
        """Rows that are missing."""
        return [
            {
                "writer": writer_id,
                "first": gap.first_row,
                "last": gap.last_row,
                "rows": gap.row_count,
                "reason": gap.reason,
                "entities": list(gap.entity_paths),
            }
            for writer_id, gap in self.recording.gaps
        ]

    def rows_of(self, path: str) -> int:
        """How many rows an entity has."""
        return sum(group.row_count for group in self.recording.entities[path].values())

    def _entity(self, path: str, groups: dict[tuple[str, ...], Group]) -> dict[str, Any]:
        components: dict[str, Any] = {}
        timelines: set[str] = set()
        for group in groups.values():
            first = group.frames[0]
            timelines.update(group.timelines)
            for id_ in first.summary.components:
                kind, type_ = self._type(path, id_, first)
                held = components.setdefault(id_, {"dtype": kind, "type": type_, "static": False})
                held["static"] |= first.summary.is_static
        return {"rows": self.rows_of(path), "components": components, "timelines": sorted(timelines)}

    def _type(self, path: str, id_: str, stored: StoredFrame) -> tuple[str, str | None]:
        known = self._types.get((path, id_))
        if known is None:
            chunk = self.recording.load(stored)
            if chunk is None:
                return "", None
            descriptor = chunk.columns[id_].descriptor
            known = self._types[path, id_] = (descriptor.dtype, descriptor.component_type)
        return known

    def series(
        self, entity: str, component: str, timeline: str, low: int | None, high: int | None, points: int
    ) -> dict[str, Any]:
        """One component over a range, decimated, and where clearing the entity breaks its lines."""
        groups = self.recording.entities.get(entity, {})
        if timeline not in self.recording.timelines or not any(component in each for each in groups):
            return _no_series()  # names that are made up are not remembered
        key = (entity, component, timeline)
        series = self._series.setdefault(key, Series(*key))
        self._series.move_to_end(key)
        series.refresh(self.recording)
        while len(self._series) > _MAX_SERIES or (len(self._series) > 1 and self._series_nbytes > _SERIES_BYTES):
            self._series.popitem(last=False)
        times, values = series.times, series.values
        if not len(times):
            return _no_series()
        base = int(times[0]) if low is None else low
        lines = []
        for line in range(values.shape[1]):
            found, numbers = decimated(
                times, values[:, line], base, int(times[-1]) if high is None else high, max(points, 4)
            )
            lines.append(
                {"x": (found - base).astype("<f8").tobytes(), "y": np.ascontiguousarray(numbers, "<f8").tobytes()}
            )
        breaks = self._breaks(entity, timeline)
        shown = breaks[breaks >= times[0]][-_MAX_BREAKS:]
        packed = (shown - base).astype("<f8").tobytes()
        return {"base": str(base), "total": len(times), "series": lines, "breaks": packed}

    @property
    def _series_nbytes(self) -> int:
        return sum(each.nbytes for each in self._series.values())

    def _breaks(self, entity: str, timeline: str) -> np.ndarray[Any, Any]:
        """When the entity was cleared, in order."""
        times = [np.empty(0, np.int64)]
        for place, chunk in self.recording.clears(entity):
            if timeline not in chunk.timelines:
                continue
            column = chunk.columns["Clear:is_recursive"]
            counts = [place == entity or any(column.batch(row)) for row in range(len(chunk))]
            times.append(chunk.timelines[timeline][1][np.array(counts, bool)])
        return np.unique(np.concatenate(times))

    def latest(self, timeline: str, time: int, entities: Iterable[str], kept: Container[tuple[str, int]] = ()) -> bytes:
        """What held at a time, as frames.

        Args:
            timeline: On which.
            time: When.
            entities: Of which.
            kept: Rows that the page has, by writer and number: they are told, but without what is large of them.
        """
        rows: dict[tuple[int, int], tuple[Loaded, list[str]]] = {}
        for (_, id_), cell in self.recording.latest(timeline, time, entities).items():
            rows.setdefault((id(cell.source.chunk), cell.row), (cell.source, []))[1].append(id_)
        writers = {each.header.writer_id: each for each in self.recording.writers}
        parts: list[bytes] = []
        current = ""
        for (_, row), (source, ids) in sorted(rows.items(), key=lambda item: item[1][0].writer_rank):
            if source.writer_id != current:
                current = source.writer_id
                parts.append(_start(writers[current]))
            one = source.chunk.slice(row, row + 1)
            is_kept = (current, int(one.row_numbers[0])) in kept
            columns = {id_: one.columns[id_] for id_ in ids if not is_kept or one.columns[id_].nbytes < LARGE_BYTES}
            told = Chunk(one.entity_path, one.row_numbers, one.timelines, columns, one.is_static)
            parts.append(bytes(encode_chunk(told, 0)))
        return b"".join(parts)

    def samples(self, entity: str, timeline: str, low: int | None, high: int, most_bytes: int) -> tuple[bytes, bool]:
        """The last samples of a stream of video within a range as frames, and whether earlier ones were left out."""
        first = MIN_INT64 if low is None else low
        runs, is_cut = sample_runs(self.recording, entity, timeline, first, high, most_bytes)
        parts: list[bytes] = []
        current: WriterState | None = None
        for stored, chunk in runs:
            if stored.writer is not current:
                current = stored.writer
                parts.append(_start(current))
            parts.append(bytes(encode_chunk(chunk, 0)))
        return b"".join(parts), is_cut

    def texts(self, after: int | None, limit: int) -> tuple[bytes, int, int]:
        """Chunks with text logs as frames, the next cursor, and how many older rows were left out.

        Args:
            after: The cursor up to which the page has everything; ``None`` where it has nothing.
            limit: The page's backlog: of more rows than these, only the chunks of the last ones are given.
        """
        texts = self.recording.texts
        begin = 0 if after is None else _place(texts, after)
        rows, first = 0, len(texts)
        while first > begin and rows < limit:
            first -= 1
            rows += texts[first].summary.row_count
        skipped = sum(each.summary.row_count for each in texts[begin:first])
        parts: list[bytes] = []
        size, current, cursor = 0, None, len(self.recording.frames)
        for stored in texts[first:]:
            if size > _PAGE_BYTES:
                cursor = stored.place
                break
            if stored.writer is not current:
                current = stored.writer
                parts.append(_start(current))
            frame = self._frame(stored)
            if frame is None:
                continue
            if parse_frame(frame).flags & ZSTD:  # browsers cannot undo it
                chunk = self.recording.load(stored)
                if chunk is None:
                    continue
                frame = bytes(encode_chunk(chunk, stored.sequence))
            parts.append(frame)
            size += len(frame)
        return b"".join(parts), cursor, skipped

    def _frame(self, stored: StoredFrame) -> bytes | None:
        """The frame with the rows of this entity alone; ``None`` where it is damaged or its file is gone."""
        if stored.part is not None:
            chunk = self.recording.load(stored)
            return None if chunk is None else bytes(encode_chunk(chunk, 0))
        try:
            return stored.read()
        except OSError:
            return None

    def neighbor(self, timeline: str, time: int, *, is_next: bool) -> str | None:
        """The nearest time behind or before a time at which something was logged."""
        found = neighbor(self.recording, timeline, time, is_next=is_next)
        return None if found is None else str(found)

    def density(self, timeline: str, low: int, high: int, buckets: int) -> dict[str, list[float]]:
        """About how many rows each entity has in equal parts of a range: a chunk's rows are spread over its time."""
        found: dict[str, list[float]] = {}
        width = max(high - low + 1, 1) / buckets  # times are whole numbers, and the last one belongs to the last part
        for path, groups in self.recording.entities.items():
            spans = [
                (*stored.summary.timelines[timeline][1:], stored.summary.row_count)
                for group in groups.values()
                for stored in group.frames
                if timeline in stored.summary.timelines
            ]
            if not spans:
                continue
            starts = np.array([(each[0] - low) / width for each in spans])
            ends = np.array([(each[1] - low) / width for each in spans])
            counts = np.array([each[2] for each in spans], np.float64)
            row = np.zeros(buckets)
            firsts = np.clip(np.floor(starts), -1, buckets).astype(int)
            lasts = np.clip(np.floor(ends), -1, buckets).astype(int)
            for first, last, start, end, count in zip(firsts, lasts, starts, ends, counts, strict=True):
                share = count / max(int(np.floor(end) - np.floor(start)) + 1, 1)
                if last >= 0 and first < buckets:
                    row[max(first, 0) : min(last, buckets - 1) + 1] += share
            found[path] = [round(value, 3) for value in row.tolist()]
        return found


def _no_series() -> dict[str, Any]:
    return {"base": "0", "total": 0, "series": [], "breaks": b""}


def _start(writer: WriterState) -> bytes:
    return PREAMBLE + bytes(encode_header(writer.header))


def _place(texts: list[StoredFrame], after: int) -> int:
    """The first of the chunks at or behind a place in the list of all."""
    low, high = 0, len(texts)
    while low < high:
        middle = (low + high) // 2
        if texts[middle].place < after:
            low = middle + 1
        else:
            high = middle
    return low

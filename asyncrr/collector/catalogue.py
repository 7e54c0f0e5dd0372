"""The catalogue: what recordings there are, cached in sqlite and rebuilt from the segments whenever it is gone."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections import deque
from collections.abc import Iterable
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import TypeAlias

from asyncrr.collector.scanning import scan_segment
from asyncrr.collector.segments import SegmentFacts, directory_name, segment_paths

__all__ = ["Catalogue", "RecordingFacts"]

_Row: TypeAlias = "tuple[object, ...]"

_VERSION = 1
_COLUMNS = (
    "path, size, mtime_ns, recording_id, application_id, writer_id, created_ns, "
    "end, last_sequence, frames, rows, dropped_rows, is_complete"
)
_CREATE = """
CREATE TABLE segments (
    path TEXT PRIMARY KEY, size INTEGER, mtime_ns INTEGER,
    recording_id TEXT, application_id TEXT, writer_id TEXT, created_ns INTEGER,
    end INTEGER, last_sequence INTEGER, frames INTEGER, rows INTEGER, dropped_rows INTEGER, is_complete INTEGER
) WITHOUT ROWID;
CREATE INDEX segments_by_recording ON segments (recording_id);
"""


@dataclass(frozen=True, slots=True)
class RecordingFacts:
    """What is known of a recording.

    Attributes:
        recording_id: Its id.
        application_id: Of its first writer.
        created_ns: When it was made, in nanoseconds since 1970 UTC.
        writer_ids: Who wrote it.
        nbytes: Of all its segments.
        row_count: Rows in it.
        dropped_row_count: Rows that gap marks name as missing.
        is_complete: Every writer ended in peace.
    """

    recording_id: str
    application_id: str
    created_ns: int
    writer_ids: tuple[str, ...]
    nbytes: int
    row_count: int
    dropped_row_count: int
    is_complete: bool


class Catalogue:
    """All segments below a directory. Every method may block; any thread may call them.

    Args:
        directory: Where recordings lie, each in a directory of its own.
    """

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self._path = os.path.join(directory, "catalogue.sqlite")
        self._lock = threading.Lock()
        self._base: sqlite3.Connection | None = None
        self._noted: deque[SegmentFacts] = deque()

    def open(self) -> None:
        """Open the cache, or begin a new one, and bring it up to date with the segments on disk."""
        with self._lock:
            try:
                self._base = self._opened()
            except sqlite3.DatabaseError:
                for suffix in ("", "-wal", "-shm"):
                    with suppress(FileNotFoundError):
                        os.unlink(self._path + suffix)
                self._base = self._opened()
            self._refresh(self._base)

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            if self._base is not None:
                self._base.close()
                self._base = None

    def note(self, facts: Iterable[SegmentFacts]) -> None:
        """Segments were ended; never blocks, since they are put into the cache with the next update."""
        self._noted.extend(facts)

    def update(self, facts: Iterable[SegmentFacts]) -> None:
        """Note segments that are being written, as they are now."""
        with self._lock:
            if self._base is not None:
                noted = list(self._noted)
                with self._base:
                    self._put(self._base, [row for each in [*noted, *facts] if (row := self._row(each, False))])
                for _ in noted:  # not before they are in the cache: it may have found no room
                    self._noted.popleft()

    def forget(self, recording_id: str) -> None:
        """A recording was removed."""
        with self._lock:
            if self._base is not None:
                with self._base:
                    self._base.execute("DELETE FROM segments WHERE recording_id = ?", (recording_id,))

    def recordings(self, recording_id: str | None = None) -> list[RecordingFacts]:
        """All recordings, the newest first, or the one asked for."""
        where = "" if recording_id is None else "WHERE recording_id = ?"
        query = f"""
            SELECT recording_id, min(application_id), min(created_ns), group_concat(DISTINCT writer_id),
                   sum(end), sum(rows), sum(dropped_rows)
            FROM segments {where} GROUP BY recording_id ORDER BY min(created_ns) DESC, recording_id
        """  # nosec B608
        # a writer that came again after a crash is judged by its last segment
        open_ends = f"""
            SELECT DISTINCT recording_id FROM (
                SELECT recording_id, is_complete, max(last_sequence * 2 + is_complete)
                FROM segments {where} GROUP BY recording_id, writer_id
            ) WHERE NOT is_complete
        """  # nosec B608
        arguments = () if recording_id is None else (recording_id,)
        with self._lock:
            if self._base is None:
                return []
            rows = self._base.execute(query, arguments).fetchall()
            incomplete = {row[0] for row in self._base.execute(open_ends, arguments)}
        return [
            RecordingFacts(
                id_, app, created, tuple(sorted(writers.split(","))), nbytes, count, drops, id_ not in incomplete
            )
            for id_, app, created, writers, nbytes, count, drops in rows
        ]

    def spans(self, recording_id: str) -> list[tuple[str, int]]:
        """The segments of a recording, each writer's in order, with the bytes up to the last whole frame."""
        with self._lock:
            if self._base is None:
                return []
            found = dict(
                self._base.execute("SELECT path, end FROM segments WHERE recording_id = ?", (recording_id,)).fetchall()
            )
        ordered = segment_paths(os.path.join(self._directory, directory_name(recording_id)))
        return [(path, found[name]) for path in ordered if (name := self._name(path)) in found]

    def _opened(self) -> sqlite3.Connection:
        base = sqlite3.connect(self._path, check_same_thread=False)
        try:
            base.execute("PRAGMA journal_mode = WAL")
            base.execute("PRAGMA synchronous = OFF")  # it can be rebuilt
            (version,) = base.execute("PRAGMA user_version").fetchone()
            if version != _VERSION:
                with base:
                    base.execute("DROP TABLE IF EXISTS segments")
                    for statement in _CREATE.split(";"):
                        base.execute(statement)
                    base.execute(f"PRAGMA user_version = {_VERSION}")
        except BaseException:
            base.close()
            raise
        return base

    def _refresh(self, base: sqlite3.Connection) -> None:
        """Scan the segments that changed since they were noted, and forget those that are gone."""
        with closing(base.execute("SELECT path, size, mtime_ns FROM segments")) as cursor:
            known = {path: (size, mtime_ns) for path, size, mtime_ns in cursor}
        present = set()
        changed = []
        for entry in os.scandir(self._directory):
            if not entry.is_dir(follow_symlinks=False):
                continue
            for path in segment_paths(entry.path):
                name = self._name(path)
                present.add(name)
                status = os.stat(path)
                if known.get(name) != (status.st_size, status.st_mtime_ns):
                    facts = scan_segment(path)
                    if facts is not None and directory_name(facts.header.recording_id) == entry.name:
                        changed.append(facts)
        with base:
            base.executemany("DELETE FROM segments WHERE path = ?", [(path,) for path in known if path not in present])
            self._put(base, [row for each in changed if (row := self._row(each, True)) is not None])

    def _put(self, base: sqlite3.Connection, rows: list[_Row]) -> None:
        places = ", ".join("?" * (_COLUMNS.count(",") + 1))
        base.executemany(f"INSERT OR REPLACE INTO segments ({_COLUMNS}) VALUES ({places})", rows)

    def _row(self, facts: SegmentFacts, is_scanned: bool) -> _Row | None:
        """A row, or ``None`` for a file that is gone; one that may have grown meanwhile is scanned again some day."""
        header = facts.header
        try:
            status = os.stat(facts.path)
        except FileNotFoundError:
            return None
        return (
            self._name(facts.path),
            status.st_size,
            status.st_mtime_ns if is_scanned or status.st_size == facts.end else 0,
            header.recording_id,
            header.application_id,
            header.writer_id,
            header.created_ns,
            facts.end,
            facts.last_sequence,
            facts.frames,
            facts.rows,
            facts.dropped_rows,
            facts.is_complete,
        )

    def _name(self, path: str) -> str:
        return os.path.relpath(path, self._directory)

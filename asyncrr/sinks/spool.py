"""A spool: a directory where rows wait for a collector as ordinary segments, and survive a kill of their process.

Each writer has files ``WRITER-NUMBER.arrd``, numbered from 0 and begun anew every 16 MiB, and holds ``WRITER.lock``
while it, or someone who pushes in its stead, is at work. A file goes when the collector has acknowledged all of it.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass

from asyncrr.locking import lock_file
from asyncrr.outbox import Outbox
from asyncrr.sinks.file import SegmentWriter
from asyncrr.sinks.targets import File
from asyncrr.wire import KIND_CHUNK, REPEATED, Frame, summary_of, with_flags

__all__ = ["SpoolFile", "SpoolLock", "SpoolWriter"]

_SEGMENT_BYTES = 16 * 2**20


@dataclass(slots=True)
class SpoolFile:
    """One segment of a spool.

    Attributes:
        path: Where.
        end: How many bytes of it are whole frames.
        last_sequence: The greatest sequence number in it.
        is_closed: Nothing is appended any more.
    """

    path: str
    end: int = 0
    last_sequence: int = 0
    is_closed: bool = False


class SpoolLock:
    """The right to one writer's files, held by one process at a time.

    Args:
        directory: The spool.
        writer_id: Whose files.

    Raises:
        BlockingIOError: Another process has it.
    """

    def __init__(self, directory: str, writer_id: str) -> None:
        self._descriptor = -1
        self._path = os.path.join(directory, f"{writer_id}.lock")
        while self._descriptor < 0:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o644)
            try:
                lock_file(descriptor)
                if _is_same(descriptor, self._path):  # else it was removed by the one who had it before
                    self._descriptor = descriptor
            except OSError as error:
                raise BlockingIOError(error.errno, "another process sends these rows", self._path) from None
            finally:
                if self._descriptor < 0:
                    os.close(descriptor)

    def release(self, is_done: bool = False) -> None:
        """Let go of it.

        Args:
            is_done: No file is left that needs it.
        """
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor < 0:
            return
        if is_done:
            with contextlib.suppress(OSError):
                os.unlink(self._path)
        os.close(descriptor)

    def __del__(self) -> None:
        if self._descriptor >= 0:  # of a recording that nobody closed
            self.release()


def _is_same(descriptor: int, path: str) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False


class SpoolWriter(SegmentWriter):
    """Writes one writer's segments.

    Args:
        directory: Made if it does not exist.
        segment_bytes: At this size a file is followed by another, which repeats the static rows.

    Attributes:
        files: What was written, oldest first; those that were removed are gone from it.
    """

    def __init__(self, directory: str, segment_bytes: int = _SEGMENT_BYTES) -> None:
        super().__init__(File(""), sync=False)
        self.files: list[SpoolFile] = []
        self._directory = directory
        self._segment_bytes = segment_bytes
        self._number = 0
        self._writer_id = ""
        self._file_lock: SpoolLock | None = None
        self._statics: dict[object, Frame] = {}
        self._first_count = 0
        self._is_between_files = False

    def open(self, outbox: Outbox) -> None:
        """Take the writer's lock and begin its first file, unless that is done."""
        if self.is_open:
            return
        self._writer_id = outbox.header.writer_id
        os.makedirs(self._directory, exist_ok=True)
        if self._file_lock is None:
            self._file_lock = SpoolLock(self._directory, self._writer_id)
        self._next_file()
        try:
            super().open(outbox)
        except BaseException:
            self._drop_file()
            raise
        self._first_count = len(self._first_frames)
        self.files[-1].end = self._offset

    def write(self, frames: list[Frame]) -> None:
        """Append those of `frames` that are not yet written."""
        if self._is_between_files or self._offset >= self._segment_bytes:
            self._rotate()
        super().write(frames)
        for frame in frames:
            if frame.kind == KIND_CHUNK and (summary := summary_of(frame)).is_static:
                self._statics[summary.entity_path, summary.components] = with_flags(frame, REPEATED)
        self.files[-1].last_sequence = self.written_sequence
        self.files[-1].end = self._offset

    def _rotate(self) -> None:
        if not self._is_between_files:
            self._is_between_files = True
            with contextlib.suppress(OSError):  # a trailer is a courtesy
                self._finish_file()
        self._is_torn = False
        self._next_file()
        try:
            self._offset = self._target.open()
            try:
                self._begin([*self._first_frames[: self._first_count], *self._statics.values()])
            except BaseException:
                self._target.close()
                raise
        except BaseException:
            self._drop_file()
            raise
        self._is_between_files = False
        self.files[-1].end = self._offset

    def _next_file(self) -> None:
        path = os.path.join(self._directory, f"{self._writer_id}-{self._number}.arrd")
        self._number += 1
        self._target = File(path)
        self.files.append(SpoolFile(path))

    def _drop_file(self) -> None:
        """Forget a file that could not be begun."""
        with contextlib.suppress(OSError):
            os.unlink(self.files.pop().path)

    def _finish_file(self) -> None:
        try:
            self._append([], [self._index.trailer(self._offset)])
        finally:
            self._target.close()
            self.files[-1].end = self._offset
            self.files[-1].is_closed = True

    def close(self) -> None:
        """Write the trailer and let go of the file; the lock stays."""
        if self.is_open:
            self.is_open = False
            if not self._is_between_files:
                with contextlib.suppress(OSError):  # rows are sent without a trailer too
                    self._finish_file()

    def release(self) -> None:
        """Let go of the lock."""
        if self._file_lock is not None:
            self._file_lock.release(is_done=not self.files)
            self._file_lock = None

    def forget(self) -> None:
        """In a forked child: close its copies without writing."""
        super().forget()
        if self._file_lock is not None:
            self._file_lock.release()

"""Sinks that write segments: to a file, to a binary stream, to standard output."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import copy
import errno
import os
import sys
import threading
from collections.abc import Callable
from typing import IO, Literal
from weakref import WeakValueDictionary

from asyncrr.disk import Disk, disk
from asyncrr.errors import SinkError, UsageError
from asyncrr.outbox import Outbox
from asyncrr.sinks.targets import File, Stream, Target
from asyncrr.wire import PREAMBLE, Frame, SegmentIndex, encode_header

__all__ = ["FileSink", "SegmentSink", "SegmentWriter", "StreamSink", "stdout_sink"]

_TAKE_BYTES = 8 * 2**20
_SLICE_BYTES = 512 * 1024
_GATHER_BYTES = 256 * 1024
_RETRY_SECONDS = 0.5
_REOPEN_SECONDS = 0.05


class SegmentWriter:
    """One segment being written: what a job in the disk's thread, or the process' end, does next to it.

    `written_sequence` moves only when the result of a write is known, under the lock that a write holds.
    """

    def __init__(self, target: Target, sync: bool) -> None:
        self.lock: threading.Lock = threading.Lock()
        self.written_sequence: int = -1
        self.is_open: bool = False
        self._target = target
        self._must_sync = sync
        self._is_distrusted = False
        self._is_torn = False
        self._first_frames: list[Frame] = []
        self._offset = 0
        self._index = SegmentIndex()

    def open(self, outbox: Outbox) -> None:
        """Open the target and begin, unless that is done."""
        if self.is_open:
            return
        self._offset = self._target.open()
        self.is_open = True
        self._first_frames = [encode_header(outbox.header), *outbox.preface]
        try:
            self._begin([])
            self._sync_or_distrust()
        except BaseException:
            self.is_open = False
            self._target.close()
            raise

    def _begin(self, frames: list[Frame]) -> None:
        """Write the segment's header, the static rows that make it stand alone, and `frames`."""
        self._index = SegmentIndex(self._offset)
        self._append([PREAMBLE], [*self._first_frames, *frames])

    def write(self, frames: list[Frame]) -> None:
        """Append those of `frames` that are not yet written."""
        todo = [frame for frame in frames if frame.sequence > self.written_sequence]
        if not todo:
            return
        if self._is_distrusted or self._target.is_shared:
            self._begin(todo)
            self._is_distrusted = False
        else:
            self._append([], todo)
        self._sync_or_distrust()
        self.written_sequence = todo[-1].sequence

    def _sync_or_distrust(self) -> None:
        """After a failed sync nobody knows what the disk has: what was not delivered goes to another segment."""
        if not self._must_sync:
            return
        try:
            self._target.sync()
        except BaseException:
            self._is_distrusted = True
            raise

    def close(self) -> None:
        """Write the trailer and let go."""
        if not self.is_open:
            return
        self.is_open = False
        try:
            if self._target.is_shared:
                self._begin([])
            self._append([], [self._index.trailer(self._offset)])
            if self._must_sync:
                self._target.sync()
        finally:
            self._target.close()

    def forget(self) -> None:
        """In a forked child: close its copy of the file without writing."""
        if self.is_open:
            self._target.close()

    def _append(self, parts: list[bytes], frames: list[Frame]) -> None:
        buffers = [*parts, *(buffer for frame in frames for buffer in frame.buffers)]
        self._mend()
        try:
            for piece in _pieces(buffers):
                self._target.write(piece)
        except BaseException:
            self._is_torn = True
            with contextlib.suppress(OSError):  # then the next write begins with it
                self._mend()
            raise
        self._offset += sum(map(len, parts))
        for frame in frames:
            self._index.add(frame, self._offset)
            self._offset += frame.nbytes

    def _mend(self) -> None:
        """After a failed write: cut back to the last whole frame."""
        if self._is_torn:
            self._target.cut(self._offset)
            self._is_torn = False


def _pieces(parts: list[bytes | memoryview]) -> list[bytes | memoryview]:
    """Small parts joined, big ones in slices: few system calls, and none that holds the disk for long."""
    pieces: list[bytes | memoryview] = []
    small: list[memoryview] = []
    small_bytes = 0
    for part in parts:
        view = memoryview(part)
        if view.nbytes < _GATHER_BYTES:
            small.append(view)
            small_bytes += view.nbytes
            if small_bytes < _GATHER_BYTES:
                continue
            view = memoryview(b"")
        if small:
            pieces.append(b"".join(small))
            small, small_bytes = [], 0
        pieces += [view[start : start + _SLICE_BYTES] for start in range(0, view.nbytes, _SLICE_BYTES)]
    if small:
        pieces.append(b"".join(small))
    return pieces


class SegmentSink:
    """Moves frames from an outbox to a segment through the disk's thread, one job at a time."""

    def __init__(self, name: str, segment: SegmentWriter, thread: Disk = disk) -> None:
        self.name = name
        self._segment = segment
        self._thread = thread
        self._outbox: Outbox | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_busy = False
        self._jobs_done = 0
        self._is_finished = False
        self._batch: list[Frame] = []

    @property
    def turn(self) -> int | None:
        """How many jobs of others the thread has done, while it has one of this sink; ``None`` while it has none."""
        return self._thread.done - self._jobs_done if self._is_busy else None

    def attach(self, outbox: Outbox) -> None:
        """Open the segment and begin to take from `outbox`, or go on where an earlier task or loop left off."""
        self._outbox = outbox
        self._loop = asyncio._get_running_loop()
        if self._loop is None:  # the process ends: `finish` opens the file
            return
        self._open(outbox)

    def _open(self, outbox: Outbox) -> None:
        if not self._is_to_wait():
            self._submit(lambda: self._segment.open(outbox), self._opened)
        elif self._loop is not None:
            self._loop.call_later(_REOPEN_SECONDS, self.wake)

    def _is_to_wait(self) -> bool:
        """Whether another sink is about to let go of what this one writes to."""
        return False

    def wake(self) -> None:
        """Write what there is, unless a write is under way: then its end goes on."""
        outbox = self._outbox
        if outbox is None or self._loop is None or self._is_busy or self._is_finished:
            return
        if not self._segment.is_open:
            if not outbox.is_closed and outbox.error is None:
                self._open(outbox)
            return
        if outbox.has_queued:
            self._batch = frames = outbox.take(_TAKE_BYTES)
            are_last = outbox.is_closing and not outbox.has_queued

            def work() -> None:
                self._segment.write(frames)
                if are_last:
                    self._segment.close()

            self._submit(work, self._written)
        elif outbox.is_closing:
            self._submit(self._segment.close, self._closed)

    def finish(self, timeout: float) -> None:
        """Write what is left and close, in the calling thread.

        Args:
            timeout: Seconds to wait for a write that is under way; after that the rest counts as not written.
        """
        outbox = self._outbox
        if outbox is None or self._is_finished:
            return
        if not self._segment.lock.acquire(timeout=timeout):
            return
        try:
            self._is_finished = True
            if not self._segment.is_open:
                if outbox.error is not None or outbox.is_closed:
                    return
                self._segment.open(outbox)
            outbox.rewind(self._segment.written_sequence)
            while frames := outbox.take(_TAKE_BYTES):
                self._segment.write(frames)
                outbox.delivered(frames[-1].sequence)
            self._segment.close()
            outbox.closed()
        except Exception as error:
            outbox.fail(_translated(self.name, error))
        finally:
            self._segment.lock.release()

    def _submit(self, work: Callable[[], None], then: Callable[[Exception | None], None]) -> None:
        self._is_busy = True
        loop = self._loop

        def job() -> None:
            act()
            self._jobs_done += 1

        def act() -> None:
            error: Exception | None = None
            with self._segment.lock:
                if self._is_finished:
                    return
                try:
                    work()
                except Exception as caught:  # also what a stranger's stream raises
                    error = caught
            try:
                assert loop is not None
                loop.call_soon_threadsafe(self._done, loop, then, error, context=contextvars.Context())
            except RuntimeError:
                return  # the loop is closed: whoever ends the process finishes the file

        self._thread.submit(job)

    def _done(
        self,
        loop: asyncio.AbstractEventLoop,
        then: Callable[[Exception | None], None],
        error: Exception | None,
    ) -> None:
        if loop is not self._loop:  # attached anew elsewhere, where the segment tells what was written
            return
        self._is_busy = False
        then(error)

    def _opened(self, error: Exception | None) -> None:
        assert self._outbox is not None
        if getattr(error, "errno", None) in (errno.EMFILE, errno.ENFILE):  # others will give descriptors back
            assert self._loop is not None
            assert error is not None
            self._outbox.trouble(_translated(self.name, error))
            self._loop.call_later(_REOPEN_SECONDS, self.wake)
            return
        if error is not None:
            self._outbox.fail(_translated(self.name, error))
            self._outbox.closed()
            return
        self._outbox.rewind(self._segment.written_sequence)
        if not self._outbox.is_open:
            self._outbox.opened()
        self.wake()

    def _written(self, error: Exception | None) -> None:
        outbox = self._outbox
        assert outbox is not None
        frames, self._batch = self._batch, []
        if self._segment.written_sequence >= frames[-1].sequence:  # though the trailer behind them may have failed
            self._handed_over(outbox, frames[-1].sequence)
        else:
            outbox.rewind(self._segment.written_sequence)
        if not self._segment.is_open:
            self._closed(error)
            return
        if error is None:
            self.wake()
            return
        outbox.trouble(_translated(self.name, error))
        assert self._loop is not None
        self._loop.call_later(_RETRY_SECONDS, self.wake)

    def _handed_over(self, outbox: Outbox, sequence: int) -> None:
        """Everything up to frame `sequence` is written."""
        outbox.delivered(sequence)

    def _closed(self, error: Exception | None) -> None:
        assert self._outbox is not None
        if error is not None:
            self._outbox.trouble(_translated(self.name, error))
        if self._thread is not disk:
            self._thread.stop()
        self._outbox.closed()


def _translated(name: str, error: Exception) -> SinkError:
    failure = SinkError(name, getattr(error, "strerror", None) or str(error) or repr(error))
    failure.errno = getattr(error, "errno", None)
    return failure


class FileSink(SegmentSink):
    """Writes an ``.arrd`` file that is readable at every prefix.

    An existing file is never truncated: a further segment is appended. A file has one writer at a time. A write that
    fails is cut back to the last whole frame and tried again twice a second.

    Args:
        path: The file; its directory must exist.
        durability: ``"process"``: delivered means written, which survives a kill of the process. ``"disk"``:
            delivered means fsynced, which survives a loss of power.

    Attributes:
        path: As given.
        place: Its absolute path.
        durability: As given.
    """

    def __init__(self, path: str | os.PathLike[str], durability: Literal["process", "disk"] = "process") -> None:
        if durability not in ("process", "disk"):
            raise UsageError(f"durability={durability!r}: choose 'process' or 'disk'")
        self.path: str = os.fspath(path)
        self.durability = durability
        self.place: str = os.path.abspath(self.path)
        self._is_in_line = False
        self._before: FileSink | None = None
        super().__init__(self.path, SegmentWriter(File(self.path), sync=durability == "disk"))

    def _is_to_wait(self) -> bool:
        if not self._is_in_line:
            self._is_in_line = True
            self._before, _latest[self.place] = _latest.get(self.place), self
        if self._before is not None and not self._before._is_letting_go:
            self._before = None
        return self._before is not None

    @property
    def _is_letting_go(self) -> bool:
        return self._outbox is not None and self._outbox.is_closing and not self._outbox.is_closed

    def forget(self) -> FileSink:
        """In a forked child: leave the parent's file alone; the child's rows go to a file of its own beside it."""
        self._segment.forget()
        _latest.clear()
        stem, suffix = os.path.splitext(self.path)
        return FileSink(f"{stem}-{os.getpid()}{suffix}", self.durability)


_latest: WeakValueDictionary[str, FileSink] = WeakValueDictionary()
"""Who came last to each file in this process."""


class StreamSink(SegmentSink):
    """Writes to a binary stream, such as a pipe or an open file, which stays open.

    Delivered means that the stream's ``write`` and ``flush`` have returned. They run in a thread of the sink's own,
    so a reader that stalls holds up nobody else.

    Args:
        stream: Has ``write`` and ``flush``.
        name: How it is called in reports.
    """

    def __init__(self, stream: IO[bytes], name: str = "stream") -> None:
        self._target = Stream(stream)
        super().__init__(name, SegmentWriter(self._target, sync=True), Disk(f"asyncrr-{name}"))

    def forget(self) -> StreamSink:
        """In a forked child: segments of its own on the same stream, as the parent's are from now on."""
        child = copy.copy(self)
        SegmentSink.__init__(child, self.name, SegmentWriter(self._target, sync=True), Disk(f"asyncrr-{self.name}"))
        return child


def stdout_sink() -> StreamSink:
    """A sink that writes to standard output."""
    return StreamSink(sys.stdout.buffer, "stdout")

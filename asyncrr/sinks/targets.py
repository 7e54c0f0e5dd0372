"""What segments are written to: a file, or a stream."""

from __future__ import annotations

import os
import time
from typing import IO, Protocol
from weakref import WeakSet

from asyncrr.locking import lock_file
from asyncrr.syncing import sync_directory, sync_file

__all__ = ["File", "Stream", "Target"]

_ALIGNMENT = 8
_LOCK_SECONDS = 0.2


class Target(Protocol):
    """Something that bytes can be appended to. Every method may block; all are called under one lock.

    Attributes:
        is_shared: Others may write between two writes: each of ours has to tell whose it is.
    """

    is_shared: bool

    def open(self) -> int:
        """Open it; returns where a segment may begin."""
        ...

    def write(self, data: bytes | memoryview) -> None:
        """Append all of `data`, or part of it if an exception is raised."""
        ...

    def sync(self) -> None:
        """Have what was written reach what this target promises."""
        ...

    def cut(self, offset: int) -> None:
        """Take back what was written from there on, if that can be done."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


class File:
    """A file of which this process is the only writer."""

    is_shared = False

    def __init__(self, path: str) -> None:
        self._path = path
        self._descriptor = -1
        self._is_name_synced = False

    def open(self) -> int:
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
        descriptor = os.open(self._path, flags, 0o644)
        try:
            _lock(descriptor, self._path)
            end = os.lseek(descriptor, 0, os.SEEK_END)
            padding = -end % _ALIGNMENT
            if padding:
                os.write(descriptor, bytes(padding))
        except BaseException:
            os.close(descriptor)
            raise
        self._descriptor = descriptor
        return end + padding

    def write(self, data: bytes | memoryview) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self._descriptor, view) :]

    def sync(self) -> None:
        sync_file(self._descriptor)
        if not self._is_name_synced:
            sync_directory(os.path.dirname(self._path))
            self._is_name_synced = True

    def cut(self, offset: int) -> None:
        os.ftruncate(self._descriptor, offset)
        os.lseek(self._descriptor, offset, os.SEEK_SET)

    def close(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        os.close(descriptor)

    def __del__(self) -> None:
        if self._descriptor >= 0:  # of a recording that nobody closed
            self.close()


class Stream:
    """A stream that belongs to the one who gave it, and after a fork to two processes."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self.is_shared = False
        _streams.add(self)

    def open(self) -> int:
        return 0

    def write(self, data: bytes | memoryview) -> None:
        view = memoryview(data)
        while view:
            written = self._stream.write(view)
            view = view[len(view) if written is None else written :]

    def sync(self) -> None:
        self._stream.flush()

    def cut(self, offset: int) -> None:
        """What a stream took cannot be taken back: readers find the next frame by its mark."""

    def close(self) -> None:
        """The one who gave the stream closes it."""


_streams: WeakSet[Stream] = WeakSet()


def _share() -> None:
    for stream in _streams:
        stream.is_shared = True


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_share)


def _lock(descriptor: int, path: str) -> None:
    """Take the file for this writer alone; one that is about to let go is waited for."""
    deadline = time.monotonic() + _LOCK_SECONDS
    while True:
        try:
            return lock_file(descriptor)
        except OSError as error:
            if time.monotonic() >= deadline:
                reason = "another writer has this file open: choose another path"
                raise BlockingIOError(error.errno, reason, path) from None
            time.sleep(0.01)

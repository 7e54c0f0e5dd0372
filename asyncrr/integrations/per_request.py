"""Recordings that last for one request, and are kept or dropped at its end."""

from __future__ import annotations

import os
import uuid
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from asyncrr.errors import UsageError
from asyncrr.notices import notice
from asyncrr.recording_stream import RecordingStream
from asyncrr.sinks.file import FileSink

if TYPE_CHECKING:
    from asyncrr.protocols import Sink

__all__ = ["KeptIn", "RequestRecordings"]

KeptIn: TypeAlias = "str | os.PathLike[str] | Callable[[RecordingStream], Sink]"


class RequestRecordings:
    """Opens and closes them, within bounds.

    Args:
        application_id: Of each.
        kept_in: A folder, in which each that is kept is a file named by its recording id, or a function that gives a
            sink for each.
        max_kept: How many files of this process the folder keeps, the oldest go first; ``None`` for all.
        max_open: How many are open at a time.
        max_bytes: What each may hold, in bytes; beyond, its oldest rows are dropped.

    Raises:
        UsageError: A bound is no positive number, or `kept_in` is missing.
    """

    def __init__(
        self, application_id: str, kept_in: KeptIn | None, *, max_kept: int | None, max_open: int, max_bytes: int
    ) -> None:
        if kept_in is None:
            raise UsageError("per_request=True needs kept_in: a folder, or a function that gives a sink")
        for name, bound in (("max_kept", max_kept), ("max_open", max_open), ("max_request_bytes", max_bytes)):
            if bound is not None and bound < 1:
                raise UsageError(f"{name}={bound!r}: give 1 or more")
        self._application_id = application_id
        self._sink_of = kept_in if callable(kept_in) else None
        self._folder = None if callable(kept_in) else os.path.abspath(os.fspath(kept_in))
        self._max_kept = max_kept
        self._max_open = max_open
        self._max_bytes = max_bytes
        self._open = 0
        self._kept: deque[str] = deque()

    def open(self) -> RecordingStream | None:
        """A new recording, which buffers; ``None`` where too many are open."""
        if self._open >= self._max_open:
            notice(f"{self._open} requests have a recording, max_open allows no more: some are not recorded")
            return None
        self._open += 1
        return RecordingStream(self._application_id, recording_id=uuid.uuid4(), max_queue_bytes=self._max_bytes)

    async def close(self, recording: RecordingStream, is_kept: bool) -> None:
        """Hand it to its sink, or let go of what it holds, and close it.

        Cancelling changes nothing but who waits.

        Raises:
            OSError: The file cannot be written.
            FlushError: Nor what it holds.
        """
        try:
            if is_kept:
                recording.set_sinks(self._sink(recording))
        finally:
            try:
                await recording.aclose()
            finally:
                self._open -= 1

    def _sink(self, recording: RecordingStream) -> Sink:
        if self._sink_of is not None:
            return self._sink_of(recording)
        assert self._folder is not None
        os.makedirs(self._folder, exist_ok=True)
        path = os.path.join(self._folder, f"{recording.recording_id}.arrd")
        self._kept.append(path)
        if self._max_kept is not None:
            while len(self._kept) > self._max_kept:
                try:
                    os.remove(self._kept.popleft())
                except FileNotFoundError:
                    continue  # somebody else has removed it
        return FileSink(path)

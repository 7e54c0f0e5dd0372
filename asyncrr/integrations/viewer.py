"""The viewer as a part of one's own ASGI application.

::

    app.mount("/recording", viewer_app(rec))            # an application of FastAPI or Starlette

The page asks only for what lies below the path that it is mounted at. It has no login of its own: whoever reaches
that path sees the recording, so put it behind the application's authentication. Requests that name another host than
this machine's loopback are refused unless the name is in `hosts`, which keeps pages of others from reading it.
The page's requests have no rows in the recording.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable
from typing import Any

from asyncrr.errors import FormatError, MissingExtraError
from asyncrr.integrations.asgi import App
from asyncrr.integrations.requests import get_request
from asyncrr.recording_stream import RecordingStream

try:
    from asyncrr.collector.access import Access, Guard
    from asyncrr.viewer.files import FileSource, make_files_app
except ImportError as _error:
    raise MissingExtraError("starlette", "server") from _error

__all__ = ["viewer_app"]


class _Unrecorded:
    """An ASGI application whose requests have no rows: a page that looks at them would ask again, and so on."""

    def __init__(self, app: Guard) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if (request := get_request()) is not None:
            request.is_sampled = False
        await self._app(scope, receive, send)


def viewer_app(source: RecordingStream | str | os.PathLike[str], *, hosts: Iterable[str] = ()) -> App:
    """The viewer's page and what it asks for, as an ASGI application to be mounted anywhere.

    Args:
        source: A recording, of which is shown, live, what is in the files that it writes to; or a file or folder.
        hosts: Names by which the service is called, beside those of this machine's loopback: ``["example.org"]``.

    Raises:
        MissingExtraError: The extra ``server`` is not installed.
        OSError: `source` is a path that cannot be read.
        FormatError: `source` is a file that is no recording.
    """
    files: Any = _FilesOf(source) if isinstance(source, RecordingStream) else FileSource(source)
    return _Unrecorded(Guard(make_files_app(files), Access(None, hosts)))


class _FilesOf:
    """The files that a recording writes to, and those that it was seen to write to before."""

    def __init__(self, recording: RecordingStream) -> None:
        self._recording = recording
        self._seen: dict[str, None] = {}

    def _paths(self) -> list[str]:
        sinks = (os.path.abspath(sink.name) for sink in self._recording.stats().sinks if "://" not in sink.name)
        self._seen |= dict.fromkeys(filter(os.path.isfile, sinks))
        return [path for path in self._seen if os.path.isfile(path)]

    async def spans(self, recording_id: str) -> list[tuple[str, int]]:
        """The files, and how many bytes each has."""
        return await asyncio.to_thread(self._spans) if recording_id == self._recording.recording_id else []

    def _spans(self) -> list[tuple[str, int]]:
        return [(path, os.path.getsize(path)) for path in self._paths()]

    def recordings(self) -> list[dict[str, object]]:
        """The recording, as a collector lists it; none where it was not written yet."""
        found: dict[str, object] = {}
        for path in self._paths():
            try:
                known = FileSource(path).recordings()
            except (FormatError, OSError):  # its header is yet to be written
                continue
            for each in known:
                if each["recording_id"] == self._recording.recording_id:
                    found = each if not found else _both(found, each)
        return [{**found, "is_live": not self._recording.is_closed}] if found else []


def _both(one: dict[str, Any], other: dict[str, Any]) -> dict[str, object]:
    """What is told of two files of a recording."""
    return {
        **one,
        "created_ns": min(one["created_ns"], other["created_ns"]),
        "writers": sorted({*one["writers"], *other["writers"]}),
        "bytes": one["bytes"] + other["bytes"],
        "rows": one["rows"] + other["rows"],
        "dropped_rows": one["dropped_rows"] + other["dropped_rows"],
        "is_complete": one["is_complete"] and other["is_complete"],
    }

"""Files as a source: what ``asyncrr view`` shows without a collector."""

from __future__ import annotations

import asyncio
import os
import time
from typing import NamedTuple

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from asyncrr.errors import FormatError
from asyncrr.segments import Segment, open_path, read_segments
from asyncrr.viewer.routes import page_routes, viewer_routes

__all__ = ["FileSource", "make_files_app"]

_SUFFIX = ".arrd"
_REREAD_SECONDS = 1.0


class _File(NamedTuple):
    path: str
    segments: list[Segment]


class _Read(NamedTuple):
    state: tuple[int, int]
    at: float
    segments: list[Segment]


class FileSource:
    """The recordings in a file, or below a folder; files may grow meanwhile.

    Args:
        place: The file or folder.
        may_come: Whether the file need not be there yet.

    Raises:
        OSError: It cannot be read.
        FormatError: It is a file that is no recording.
    """

    def __init__(self, place: str | os.PathLike[str], *, may_come: bool = False) -> None:
        self._place = os.path.abspath(os.fspath(place))
        self._read: dict[str, _Read] = {}
        if not may_come and not os.path.isdir(self._place):
            read_segments(open_path(self._place))

    def _paths(self) -> list[str]:
        if not os.path.isdir(self._place):
            return [self._place]
        return sorted(
            os.path.join(folder, name)
            for folder, _, names in os.walk(self._place)
            for name in names
            if name.endswith(_SUFFIX)
        )

    def _files(self) -> list[_File]:
        return [_File(path, segments) for path in self._paths() if (segments := self._segments(path))]

    def _segments(self, path: str) -> list[Segment]:
        """Those of a file, read again when it has changed, but not for every row that a running program adds."""
        try:
            found = os.stat(path)
            state, now = (found.st_size, found.st_mtime_ns), time.monotonic()
            known = self._read.get(path)
            if known is None or (known.state != state and now - known.at >= _REREAD_SECONDS):
                known = self._read[path] = _Read(state, now, read_segments(open_path(path))[0])
        except (FormatError, OSError):  # a folder may hold other things
            return []
        return known.segments

    async def spans(self, recording_id: str) -> list[tuple[str, int]]:
        """The files of a recording, and how many bytes each has."""
        return await asyncio.to_thread(self._spans, recording_id)

    def _spans(self, recording_id: str) -> list[tuple[str, int]]:
        return [
            (file.path, os.path.getsize(file.path))
            for file in self._files()
            if any(each.header is not None and each.header.recording_id == recording_id for each in file.segments)
        ]

    def recordings(self) -> list[dict[str, object]]:
        """All recordings, the newest first, as a collector lists them."""
        found: dict[str, dict[str, object]] = {}
        files = self._files()
        for header in (each.header for file in files for each in file.segments if each.header is not None):
            parts = [
                (file.path, each)
                for file in files
                for each in file.segments
                if each.header is not None and each.header.recording_id == header.recording_id
            ]
            found[header.recording_id] = {
                "recording_id": header.recording_id,
                "application_id": header.application_id,
                "created_ns": min(each.header.created_ns for _, each in parts if each.header is not None),
                "writers": sorted({each.header.writer_id for _, each in parts if each.header is not None}),
                "bytes": sum(os.path.getsize(path) for path in {path for path, _ in parts}),
                "rows": sum(frame.summary.row_count for _, each in parts for frame in each.frames),
                "dropped_rows": sum(gap.row_count for _, each in parts for _, gap in each.gaps),
                "is_complete": all(each.is_ended for _, each in parts),
                "is_live": False,
            }
        return sorted(found.values(), key=lambda each: str(each["created_ns"]), reverse=True)


def make_files_app(source: FileSource) -> Starlette:
    """The viewer over files, without a collector: its list says that no program can connect to it."""

    async def recordings(request: Request) -> Response:
        return JSONResponse({"recordings": await asyncio.to_thread(source.recordings), "is_read_only": True})

    async def recording(request: Request) -> Response:
        for each in await asyncio.to_thread(source.recordings):
            if each["recording_id"] == request.path_params["recording_id"]:
                return JSONResponse(each)
        raise HTTPException(404, "there is no such recording")

    return Starlette(
        routes=[
            Route("/api/recordings", recordings),
            *viewer_routes(source),
            Route("/api/recordings/{recording_id:path}", recording),
            *page_routes(),
        ]
    )

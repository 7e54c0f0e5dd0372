"""What the collector answers at its port: recorders' websockets, the HTTP API, and its page.

=============================== ==========================================================================
``/api/ingest``                 websocket of a recorder, see :mod:`asyncrr.wire.messages`
``GET /api/health``             who answers here: ``{"collector": id, "version": ..., "trouble": null}``
``POST /api/login``             body: the token; answers with a cookie that the page's requests carry
``GET /api/recordings``         ``{"recordings": [...]}``, the newest first
``GET /api/recordings/ID``      one of them
``GET /api/recordings/ID/data`` its segments one after the other, as ``read_recording`` takes them
``/api/live/ID`` and others     what the page asks for, see :mod:`asyncrr.viewer`
``GET /``                       the page
=============================== ==========================================================================

An ID is percent-encoded. A recording is ``{"recording_id", "application_id", "created_ns", "writers", "bytes",
"rows", "dropped_rows", "is_complete", "is_live"}``.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import IO

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute

from asyncrr.collector.access import COOKIE, Access, Guard
from asyncrr.collector.catalogue import RecordingFacts
from asyncrr.collector.sessions import Sessions
from asyncrr.collector.store import Store
from asyncrr.collector.threads import Threads
from asyncrr.sinks.websocket import INGEST_PATH
from asyncrr.viewer.routes import page_routes, viewer_routes

__all__ = ["make_app", "make_page_app"]

_PIECE_BYTES = 256 * 1024
_MAX_LOGIN_BYTES = 1024
_BODY_SECONDS = 10.0


def make_app(store: Store, sessions: Sessions, access: Access, version: str) -> Guard:
    """The collector's ASGI application.

    Args:
        store: What it has.
        sessions: Takes recorders.
        access: Who may talk to it.
        version: Of asyncrr.
    """

    async def health(request: Request) -> Response:
        trouble = store.trouble
        told = None if trouble is None else trouble.strerror or str(trouble)
        return JSONResponse({"collector": store.collector_id, "version": version, "trouble": told})

    async def login(request: Request) -> Response:
        token = (await _body(request, _MAX_LOGIN_BYTES)).decode("utf-8", "replace").strip()
        if not access.is_token(token):
            return PlainTextResponse("this is not the token", 401)
        response = Response(status_code=204)
        response.set_cookie(COOKIE, token, httponly=True, samesite="strict", secure=request.url.scheme == "https")
        return response

    async def recordings(request: Request) -> Response:
        return JSONResponse({"recordings": [_told(*each) for each in await store.recordings()]})

    async def recording(request: Request) -> Response:
        found = await store.recordings(request.path_params["recording_id"])
        if not found:
            raise HTTPException(404, "there is no such recording")
        return JSONResponse(_told(*found[0]))

    async def data(request: Request) -> Response:
        recording_id = request.path_params["recording_id"]
        spans = await store.spans(recording_id)
        if not spans:
            raise HTTPException(404, "there is no such recording")
        return StreamingResponse(_pieces(store.threads, spans), media_type="application/octet-stream")

    app = Starlette(
        routes=[
            Route("/api/health", health),
            Route("/api/login", login, methods=["POST"]),
            Route("/api/recordings", recordings),
            Route("/api/recordings/{recording_id:path}/data", data),
            *viewer_routes(store),
            Route("/api/recordings/{recording_id:path}", recording),
            WebSocketRoute(INGEST_PATH, sessions),
            *page_routes(),
        ]
    )
    return Guard(app, access)


def make_page_app(access: Access) -> Guard:
    """The page alone."""
    return Guard(Starlette(routes=page_routes()), access)


async def _body(request: Request, max_bytes: int) -> bytes:
    body = b""
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            async for piece in request.stream():
                body += piece
                if len(body) > max_bytes:
                    raise HTTPException(413, f"more than {max_bytes} bytes")
    except TimeoutError:
        raise HTTPException(408, f"the body took longer than {_BODY_SECONDS:g} s") from None
    return body


def _told(facts: RecordingFacts, is_live: bool) -> dict[str, object]:
    return {
        "recording_id": facts.recording_id,
        "application_id": facts.application_id,
        "created_ns": facts.created_ns,
        "writers": list(facts.writer_ids),
        "bytes": facts.nbytes,
        "rows": facts.row_count,
        "dropped_rows": facts.dropped_row_count,
        "is_complete": facts.is_complete,
        "is_live": is_live,
    }


async def _pieces(threads: Threads, spans: list[tuple[str, int]]) -> AsyncIterator[bytes]:
    """The given first bytes of files, read without holding up the loop."""
    for path, nbytes in spans:
        file: IO[bytes] = await threads.run(open, path, "rb")
        try:
            while nbytes > 0:
                piece = await threads.run(file.read, min(_PIECE_BYTES, nbytes))
                if not piece:
                    break
                nbytes -= len(piece)
                yield piece
        finally:
            file.close()

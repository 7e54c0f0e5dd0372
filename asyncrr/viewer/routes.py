"""Routes: the viewer's endpoints and its page, for a Starlette application."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Protocol, TypeVar

import msgpack
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from asyncrr.viewer.answers import Answers
from asyncrr.viewer.gaps import gap_spans

__all__ = ["SegmentSource", "page_routes", "viewer_routes"]

T = TypeVar("T")

_STATIC = os.path.join(os.path.dirname(__file__), "static")
_TICK_SECONDS = 0.1
_UNSUPPORTED = 1003
_KEPT = 16
_MAX_POINTS = 20_000
_MAX_ENTITIES = 100
_MAX_TEXTS = 100_000
_SAMPLES_BYTES = 16 * 2**20
_FRAMES = "application/octet-stream"
_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}


class SegmentSource(Protocol):
    """Where recordings lie."""

    async def spans(self, recording_id: str) -> list[tuple[str, int]]:
        """The files of a recording, and how many bytes of each can be read; none where there is no such recording."""
        ...


class _View:
    """One recording that is looked at, shared by all who do."""

    def __init__(self, source: SegmentSource, recording_id: str) -> None:
        self._source = source
        self._recording_id = recording_id
        self._lock = asyncio.Lock()
        self._refreshed = 0.0
        self.answers = Answers()

    async def refresh(self) -> None:
        """Take in what came since; once for all who ask within a tick.

        Raises:
            HTTPException: There is no such recording.
        """
        async with self._lock:
            if time.monotonic() - self._refreshed < _TICK_SECONDS / 2:
                return
            spans = await self._source.spans(self._recording_id)
            if not spans:
                raise HTTPException(404, "there is no such recording")
            await asyncio.to_thread(self.answers.recording.refresh, spans)
            self._refreshed = time.monotonic()

    async def ask(self, question: Callable[[], T]) -> T:
        """An answer, worked out in a thread."""
        async with self._lock:
            return await asyncio.to_thread(question)


class _Views:
    def __init__(self, source: SegmentSource) -> None:
        self._source = source
        self._views: OrderedDict[str, _View] = OrderedDict()

    async def open(self, recording_id: str) -> _View:
        view = self._views.get(recording_id)
        if view is None:
            view = _View(self._source, recording_id)
            await view.refresh()
            view = self._views.setdefault(recording_id, view)
            while len(self._views) > _KEPT:
                self._views.popitem(last=False)
        else:
            await view.refresh()
        if recording_id in self._views:
            self._views.move_to_end(recording_id)
        return view


def viewer_routes(source: SegmentSource) -> list[BaseRoute]:
    """The endpoints that :mod:`asyncrr.viewer` tells of.

    Args:
        source: Where recordings lie.
    """
    views = _Views(source)

    def answering(answer: Callable[[_View, Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            view = await views.open(request.path_params["recording_id"])
            try:
                return await answer(view, request)
            except (KeyError, ValueError, OverflowError) as error:
                raise HTTPException(400, f"a parameter is missing or wrong: {error}") from None

        return endpoint

    async def tree(view: _View, request: Request) -> Response:
        return JSONResponse(await view.ask(view.answers.tree))

    async def series(view: _View, request: Request) -> Response:
        given = request.query_params
        component, timeline, entities = given["component"], given["timeline"], given.getlist("entity")
        low, high = _number(given.get("from")), _number(given.get("to"))
        points = min(int(given.get("points", "1000")), _MAX_POINTS)
        if len(entities) > _MAX_ENTITIES:
            raise ValueError(f"entity: {len(entities)} are given, and {_MAX_ENTITIES} are told at once")
        # one by one, so that other questions come in between
        answers = [
            await view.ask(partial(view.answers.series, entity, component, timeline, low, high, points))
            for entity in entities
        ]
        return Response(msgpack.packb(answers), media_type="application/msgpack")

    async def latest(view: _View, request: Request) -> Response:
        given = request.query_params
        timeline, at, entities = given["timeline"], int(given["at"]), given.getlist("entity")
        kept = {(writer, int(row)) for writer, _, row in (each.partition(":") for each in given.getlist("kept"))}
        found = await view.ask(lambda: view.answers.latest(timeline, at, entities, kept))
        return Response(found, media_type=_FRAMES)

    async def samples(view: _View, request: Request) -> Response:
        given = request.query_params
        entity, timeline, at, low = given["entity"], given["timeline"], int(given["at"]), _number(given.get("from"))
        most_bytes = min(int(given.get("bytes", _SAMPLES_BYTES)), _SAMPLES_BYTES)
        found, is_cut = await view.ask(lambda: view.answers.samples(entity, timeline, low, at, most_bytes))
        return Response(found, media_type=_FRAMES, headers={"asyncrr-more": str(int(is_cut))})

    async def texts(view: _View, request: Request) -> Response:
        after = _number(request.query_params.get("after"))
        limit = min(int(request.query_params.get("limit", _MAX_TEXTS)), _MAX_TEXTS)
        found, cursor, skipped = await view.ask(lambda: view.answers.texts(after, limit))
        headers = {"asyncrr-cursor": str(cursor), "asyncrr-skipped": str(skipped)}
        return Response(found, media_type=_FRAMES, headers=headers)

    async def neighbor(view: _View, request: Request) -> Response:
        given = request.query_params
        timeline, at, direction = given["timeline"], int(given["at"]), given["direction"]
        if direction not in ("next", "previous"):
            raise ValueError(f"direction: {direction[:100]!r} is neither 'next' nor 'previous'")
        found = await view.ask(lambda: view.answers.neighbor(timeline, at, is_next=direction == "next"))
        return JSONResponse({"time": found})

    async def density(view: _View, request: Request) -> Response:
        given = request.query_params
        timeline, low, high = given["timeline"], int(given["from"]), int(given["to"])
        buckets = max(1, min(int(given.get("buckets", "200")), 1000))
        return JSONResponse(await view.ask(lambda: view.answers.density(timeline, low, high, buckets)))

    async def live(socket: WebSocket) -> None:
        await socket.accept()
        try:
            view = await views.open(socket.path_params["recording_id"])
            leaving = asyncio.ensure_future(_listen(socket))
            try:
                await _tell(view, socket, leaving)
                if not await leaving:
                    await socket.close(_UNSUPPORTED, "bytes mean nothing here")
            finally:
                leaving.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await leaving
        except HTTPException as error:
            await socket.close(4404, error.detail)
        except WebSocketDisconnect:
            pass

    async def gaps(view: _View, request: Request) -> Response:
        timeline = request.query_params["timeline"]
        return JSONResponse(await view.ask(lambda: gap_spans(view.answers.recording, timeline)))

    paths = {
        "tree": tree,
        "series": series,
        "latest": latest,
        "samples": samples,
        "texts": texts,
        "neighbor": neighbor,
        "density": density,
        "gaps": gaps,
    }
    return [
        *(Route(f"/api/recordings/{{recording_id:path}}/{name}", answering(each)) for name, each in paths.items()),
        WebSocketRoute("/api/live/{recording_id:path}", live),
    ]


async def _listen(socket: WebSocket) -> bool:
    """Wait until the page is gone; ``False`` where something sends bytes, which no page does."""
    while (message := await socket.receive())["type"] != "websocket.disconnect":
        if message.get("text") is None:
            return False
    return True


async def _tell(view: _View, socket: WebSocket, leaving: asyncio.Future[bool]) -> None:
    """The tree, then what changes, as long as somebody listens."""
    answers = view.answers
    known: tuple[int, ...] = ()
    cursor, gaps = -1, 0
    while not leaving.done():
        await view.refresh()
        recording = answers.recording
        shape = (*(len(groups) for groups in recording.entities.values()), len(recording.timelines))
        if shape != known:
            known, cursor, gaps = shape, len(recording.frames), len(recording.gaps)
            await socket.send_json({"tree": await view.ask(answers.tree)})
        elif (cursor, gaps) != (len(recording.frames), len(recording.gaps)):
            news = await view.ask(partial(_news, answers, cursor, len(recording.frames)))
            if gaps != len(recording.gaps):
                news["gaps"] = answers.gaps()
            cursor, gaps = news["cursor"], len(recording.gaps)
            await socket.send_json(news)
        await asyncio.wait([leaving], timeout=_TICK_SECONDS)


def _news(answers: Answers, before: int, cursor: int) -> dict[str, Any]:
    changed = {stored.summary.entity_path for stored in answers.recording.frames[before:cursor]}
    return {
        "cursor": cursor,
        "timelines": answers.timelines(),
        "changed": {path: answers.rows_of(path) for path in changed},
    }


def _number(text: str | None) -> int | None:
    return None if text is None else int(text)


def page_routes() -> list[BaseRoute]:
    """The page, as the build made it."""

    def asset(request: Request) -> Response:
        name = request.path_params.get("name") or "index.html"
        path = os.path.join(_STATIC, os.path.basename(name))
        if not os.path.isfile(path):
            if name == "index.html":
                return PlainTextResponse(
                    "asyncrr was installed without its page; in its source, `npm ci && npm run build` in "
                    "asyncrr/viewer/web makes it",
                    503,
                )
            raise HTTPException(404)
        headers = {"cache-control": "no-cache"}
        return FileResponse(path, media_type=_TYPES.get(os.path.splitext(path)[1]), headers=headers)

    return [Route("/", asset), Route("/assets/{name}", asset)]

"""aiohttp's server: the recording as part of the application, and active for every request.

::

    app = web.Application()
    setup(app, rec)

    async def handler(request: web.Request) -> web.Response:
        await rr.log("asked", 1)                    # as does request.app[RECORDING].log("asked", 1)
        return web.json_response({"request_id": request[REQUEST].request_id})

What a request logs about itself, and how the rows of its handler are tagged, stands in
:mod:`asyncrr.integrations.requests`. The duration ends when the handler has returned. The size of an answer that is
streamed without a ``Content-Length`` is not known, nor are those of a websocket's messages; the close code is the
client's.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from asyncrr.errors import MissingExtraError, UsageError
from asyncrr.integrations.owning import owned
from asyncrr.integrations.requests import NO_ROUTE, RequestFacts, RequestLog, RequestOptions, get_request
from asyncrr.recording_stream import RecordingStream

try:
    from aiohttp import web
except ImportError as _error:
    raise MissingExtraError("aiohttp", "aiohttp") from _error

if TYPE_CHECKING:
    from typing import Unpack

    from aiohttp.typedefs import Handler

__all__ = ["RECORDING", "REQUEST", "get_request", "setup"]

RECORDING = web.AppKey("asyncrr_recording", RecordingStream)
"""The recording in an application: ``app[RECORDING]``."""
REQUEST = web.RequestKey("asyncrr_request", RequestFacts)
"""What is known of a request, with its ids: ``request[REQUEST]``."""


def setup(app: web.Application, recording: RecordingStream, **options: Unpack[RequestOptions]) -> None:
    """Have the application own a recording, and log its requests to it.

    The recording is opened before all else in ``cleanup_ctx``, and closed after it. Doing so again with the same
    recording changes nothing.

    Args:
        app: The application, not yet started. Those below it are recorded along with it.
        recording: The recording.
        **options: See :class:`asyncrr.integrations.requests.RequestOptions`.

    Raises:
        UsageError: It has another recording, or an option has no meaning.
    """
    if RECORDING in app:
        if app[RECORDING] is recording:
            return
        raise UsageError(f"the application has a recording already, {app[RECORDING].recording_id}")
    log = RequestLog(recording, **options)
    app[RECORDING] = recording

    async def owning(_: web.Application) -> AsyncIterator[None]:
        async with owned(recording):
            yield

    @web.middleware
    async def recorded(request: web.Request, handler: Handler) -> web.StreamResponse:
        scope = log.scope(
            "WEBSOCKET" if _is_websocket(request) else request.method,
            request.headers.get("x-request-id"),
            request.headers.get("traceparent"),
        )
        async with scope as facts:
            facts.route = _route_of(request)
            request[REQUEST] = facts
            try:
                response = await handler(request)
            except web.HTTPException as answer:
                facts.error = type(answer).__name__
                _note(facts, request, answer)
                raise
            except Exception:
                facts.status = 500
                raise
            _note(facts, request, response)
            return response

    app.middlewares.insert(0, recorded)
    app.cleanup_ctx.insert(0, owning)


def _is_websocket(request: web.Request) -> bool:
    return request.headers.get("upgrade", "").lower() == "websocket"


def _route_of(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return NO_ROUTE if resource is None else resource.canonical


def _note(facts: RequestFacts, request: web.Request, response: web.StreamResponse) -> None:
    facts.status = response.status
    facts.request_bytes = request.content.total_bytes
    facts.response_bytes = response.content_length
    if isinstance(response, web.WebSocketResponse):
        facts.close_code = response.close_code

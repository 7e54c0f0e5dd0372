"""Any ASGI application: its lifespan owns the recording, the middleware gives it to every request.

::

    rec = rr.new_recording("shop")
    app = FastAPI(lifespan=lifespan(rec, inner))        # or Starlette(...)
    instrument(app, rec)                                # or app.add_middleware(RecordingMiddleware, recording=rec)

Then ``rr.log(...)`` works in endpoints, ``async`` or not, websockets, dependencies, background tasks and streaming
responses, whatever other middleware there is; what a request logs about itself, and how the rows of its handler are
tagged, stands in :mod:`asyncrr.integrations.requests`. An application that knows no middleware is wrapped:
``app = RecordingMiddleware(app, rec)``.

A context variable that is set in a lifespan does not reach handlers, for a server runs them in tasks of their own.
So the lifespan opens and closes, and the middleware makes active. It is a plain ASGI application, calls the next one
in the same task, and passes on every message untouched.

Several worker processes write one recording, each as a writer of its own: have them connect to a collector, or give
each a file of its own, as in ``rr.save(f"shop-{os.getpid()}.arrd")``.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, TypeAlias

from asyncrr.errors import UsageError
from asyncrr.integrations.owning import owned
from asyncrr.integrations.requests import NO_ROUTE, RequestFacts, RequestLog, RequestOptions, get_request
from asyncrr.integrations.routes import RouteTemplates
from asyncrr.notices import notice
from asyncrr.recording_stream import RecordingStream

if TYPE_CHECKING:
    from typing import Unpack

__all__ = ["Instrumentation", "RecordingMiddleware", "get_request", "instrument", "lifespan"]

Message: TypeAlias = "MutableMapping[str, Any]"
Receive: TypeAlias = "Callable[[], Awaitable[Message]]"
Send: TypeAlias = "Callable[[Message], Awaitable[None]]"
App: TypeAlias = "Callable[[Any, Any, Any], Awaitable[Any]]"
Lifespan: TypeAlias = "Callable[[Any], AbstractAsyncContextManager[Any]]"

_SCOPED_BY = "asyncrr.recordings"
_HTTP_ERROR = 500
_SWITCHED = 101
_FORBIDDEN = 403


def lifespan(recording: RecordingStream, inner: Lifespan | None = None) -> Lifespan:
    """A lifespan that owns the recording: started with the application, flushed and closed at its end.

    Args:
        recording: The recording; see :func:`asyncrr.integrations.owning.owned`.
        inner: The application's own lifespan. It runs inside, with the recording active, so that this is the place
            for ``await rr.connect(url)`` or ``await rr.save(path)``; what it yields is passed on.
    """

    @contextlib.asynccontextmanager
    async def owning(app: Any) -> AsyncIterator[Any]:
        async with contextlib.AsyncExitStack() as stack:
            await stack.enter_async_context(owned(recording))
            yield None if inner is None else await stack.enter_async_context(inner(app))

    return owning


class RecordingMiddleware:
    """ASGI middleware that makes a recording the active one for each request and logs a row about it.

    Args:
        app: The next application.
        recording: The recording; somebody else opens and closes it, see :func:`lifespan`.
        **options: See :class:`asyncrr.integrations.requests.RequestOptions`.

    Raises:
        UsageError: An option has no meaning.
    """

    def __init__(self, app: App, recording: RecordingStream, **options: Unpack[RequestOptions]) -> None:
        self.app = app
        self._log = RequestLog(recording, **options)
        self._templates: RouteTemplates | None = None

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one request, or whatever else comes."""
        scoped_by = scope.get(_SCOPED_BY, ())
        recording = self._log.recording
        if scope["type"] not in ("http", "websocket") or recording in scoped_by:
            await self.app(scope, receive, send)
            return
        scope[_SCOPED_BY] = (*scoped_by, recording)
        is_http = scope["type"] == "http"
        root, path = scope.get("app"), scope["path"].removeprefix(scope.get("root_path", ""))
        request_id, traceparent = _headers_of(scope)
        async with self._log.scope(scope["method"] if is_http else "WEBSOCKET", request_id, traceparent) as facts:
            notes = _Notes(facts, receive, send)
            try:
                if is_http:
                    await self.app(scope, notes.receive_http, notes.send_http)
                else:
                    await self.app(scope, notes.receive_websocket, notes.send_websocket)
            except Exception:
                if is_http and facts.status is None:
                    facts.status = _HTTP_ERROR
                raise
            finally:
                facts.route = self._route(root, scope, path)

    def _route(self, root: Any, scope: Message, path: str) -> str:
        """The template of the route that took the request; never its path."""
        try:
            if "path_template" in scope:  # Litestar's
                return str(scope["path_template"] or NO_ROUTE)
            if self._templates is None:
                known = next((app for app in (self.app, root, scope.get("app")) if hasattr(app, "routes")), None)
                if known is None:
                    return NO_ROUTE
                self._templates = RouteTemplates(known)
            return self._templates.template_of(scope, path) or NO_ROUTE
        except Exception as error:
            notice(f"the route of a request was not found: {error!r}")
            return NO_ROUTE


class _Notes:
    """Takes notes of the messages that pass."""

    __slots__ = ("_facts", "_receive", "_send")

    def __init__(self, facts: RequestFacts, receive: Receive, send: Send) -> None:
        facts.response_bytes = 0
        self._facts = facts
        self._receive = receive
        self._send = send

    async def receive_http(self) -> Message:
        message = await self._receive()
        self._facts.request_bytes += len(message.get("body", b""))
        return message

    async def send_http(self, message: Message) -> None:
        kind, facts = message["type"], self._facts
        if kind == "http.response.start":
            facts.status = message["status"]
        elif kind == "http.response.body":
            self._sent(len(message.get("body", b"")))
            if not message.get("more_body", False):
                await self._send(message)
                facts.answered()
                return
        elif kind == "http.response.pathsend":
            with contextlib.suppress(OSError):
                self._sent(os.stat(message["path"]).st_size)
        await self._send(message)

    async def receive_websocket(self) -> Message:
        message = await self._receive()
        self._facts.request_bytes += _payload_bytes(message)
        if message["type"] == "websocket.disconnect" and self._facts.close_code is None:
            self._facts.close_code = message.get("code", 1005)
        return message

    async def send_websocket(self, message: Message) -> None:
        kind, facts = message["type"], self._facts
        if kind == "websocket.accept":
            facts.status = _SWITCHED
        elif kind == "websocket.http.response.start":
            facts.status = message["status"]
        elif kind == "websocket.close":
            if facts.status is None:
                facts.status = _FORBIDDEN
            else:
                facts.close_code = message.get("code", 1000)
        self._sent(_payload_bytes(message))
        await self._send(message)

    def _sent(self, nbytes: int) -> None:
        self._facts.response_bytes = (self._facts.response_bytes or 0) + nbytes


def _payload_bytes(message: Message) -> int:
    text = message.get("text")
    return len(message.get("bytes") or b"") if text is None else len(text.encode("utf-8", "surrogatepass"))


def _headers_of(scope: Message) -> tuple[str | None, str | None]:
    """The request id and the traceparent, where they are given."""
    request_id = traceparent = None
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            request_id = value.decode("latin-1")
        elif name == b"traceparent":
            traceparent = value.decode("latin-1")
    return request_id, traceparent


class Instrumentation:
    """The middleware's place in an application.

    Attributes:
        app: The application.
    """

    def __init__(self, app: Any, middleware: Any) -> None:
        self.app = app
        self._middleware = middleware

    @property
    def is_active(self) -> bool:
        """Whether the middleware is in its place."""
        return any(each is self._middleware for each in self.app.user_middleware)

    def undo(self) -> None:
        """Take it out; requests that are under way end as they began. A second time it does nothing."""
        kept = [each for each in self.app.user_middleware if each is not self._middleware]
        if len(kept) < len(self.app.user_middleware):
            self.app.user_middleware[:] = kept
            _rebuild(self.app)


def instrument(app: Any, recording: RecordingStream, **options: Unpack[RequestOptions]) -> Instrumentation:
    """Add the middleware to an application of FastAPI or Starlette, outside of all that was added before.

    Doing so again changes nothing. It may be done, and undone, while the application serves.

    Args:
        app: The application.
        recording: The recording.
        **options: See :class:`asyncrr.integrations.requests.RequestOptions`.

    Returns:
        What undoes it.

    Raises:
        UsageError: It records its requests already, otherwise; or it is no such application.
    """
    starlette: Any = sys.modules.get("starlette.applications")
    if starlette is None or not isinstance(app, starlette.Starlette):
        raise UsageError(f"instrument takes an application of FastAPI or Starlette, not {app!r}: {_remedy(app)}")
    from starlette.middleware import Middleware

    for each in app.user_middleware:
        if each.cls is RecordingMiddleware:
            if each.kwargs == {"recording": recording, **options}:
                return Instrumentation(app, each)
            raise UsageError("the application records its requests already, otherwise: undo that first")
    RequestLog(recording, **options)  # tells now what is wrong, not when the first request comes
    middleware = Middleware(RecordingMiddleware, recording=recording, **options)
    app.user_middleware.insert(0, middleware)
    _rebuild(app)
    return Instrumentation(app, middleware)


def _rebuild(app: Any) -> None:
    if app.middleware_stack is not None:  # it serves already
        app.middleware_stack = app.build_middleware_stack()


def _remedy(app: object) -> str:
    package = type(app).__module__.partition(".")[0]
    if package == "aiohttp":
        return "use asyncrr.integrations.aiohttp.setup(app, recording)"
    if package == "litestar":
        return "pass plugins=[asyncrr.integrations.litestar.RecordingPlugin(recording)] to it"
    return "wrap it, as in RecordingMiddleware(app, recording)"

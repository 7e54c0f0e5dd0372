"""Litestar: a plugin that owns the recording, and gives it to every request.

::

    app = Litestar([endpoint], plugins=[RecordingPlugin(rec)])

The recording is active in handlers, dependencies, websockets, background tasks and streams, and is the dependency
``recording``. Requests that no route takes do not reach a middleware of Litestar's, and have no row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asyncrr.api import get_data_recording
from asyncrr.errors import MissingExtraError
from asyncrr.integrations.asgi import RecordingMiddleware, get_request, lifespan
from asyncrr.integrations.requests import RequestLog, RequestOptions
from asyncrr.recording_stream import RecordingStream

try:
    from litestar.di import Provide
    from litestar.exceptions import HTTPException, WebSocketException
    from litestar.middleware import DefineMiddleware
    from litestar.plugins import InitPlugin
except ImportError as _error:
    raise MissingExtraError("litestar", "litestar") from _error

if TYPE_CHECKING:
    from typing import Unpack

    from litestar.config.app import AppConfig
    from litestar.types import Scope

__all__ = ["RecordingPlugin", "get_request"]


class RecordingPlugin(InitPlugin):
    """Opens the recording with the application, closes it at its end, and makes it active for each request.

    Args:
        recording: The recording.
        dependency: The name of the dependency that gives the active recording; ``None`` for none.
        **options: See :class:`asyncrr.integrations.requests.RequestOptions`.

    Raises:
        UsageError: An option has no meaning.
    """

    def __init__(
        self, recording: RecordingStream, *, dependency: str | None = "recording", **options: Unpack[RequestOptions]
    ) -> None:
        RequestLog(recording, **options)  # tells now what is wrong
        self.recording = recording
        self._dependency = dependency
        self._options: dict[str, Any] = {**options}

    def on_app_init(self, app_config: AppConfig) -> AppConfig:
        """Take part in the application's configuration."""
        app_config.lifespan.insert(0, lifespan(self.recording))
        plain_asgi: Any = RecordingMiddleware
        middleware = DefineMiddleware(plain_asgi, recording=self.recording, **self._options)
        app_config.middleware.insert(0, middleware)
        app_config.after_exception.append(_note)
        if self._dependency is not None:
            app_config.dependencies.setdefault(self._dependency, Provide(self._active, sync_to_thread=False))
            app_config.signature_types.append(RecordingStream)
        return app_config

    def _active(self) -> RecordingStream:
        return get_data_recording() or self.recording


async def _note(error: Exception, _: Scope) -> None:
    """Litestar makes an answer of every exception of a handler, below all middleware."""
    facts = get_request()
    if facts is not None and not isinstance(error, HTTPException | WebSocketException):
        facts.swallowed = error

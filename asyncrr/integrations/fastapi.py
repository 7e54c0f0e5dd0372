"""FastAPI: the active recording as a dependency.

::

    app = FastAPI(lifespan=lifespan(rec))
    instrument(app, rec)

    @app.get("/items/{item_id}")
    async def item(item_id: int, recording: RecordingDep) -> int:
        await recording.log("asked", item_id)               # as does rr.log("asked", item_id)
        return item_id
"""

from __future__ import annotations

from typing import Annotated, TypeAlias

from asyncrr.api import get_data_recording
from asyncrr.errors import MissingExtraError, UsageError
from asyncrr.integrations.asgi import Instrumentation, RecordingMiddleware, get_request, instrument, lifespan
from asyncrr.integrations.requests import RequestFacts
from asyncrr.recording_stream import RecordingStream

try:
    from fastapi import Depends
except ImportError as _error:
    raise MissingExtraError("fastapi", "fastapi") from _error

__all__ = [
    "Instrumentation",
    "RecordingDep",
    "RecordingMiddleware",
    "RequestDep",
    "get_recording",
    "get_request",
    "get_request_facts",
    "instrument",
    "lifespan",
]


async def get_recording() -> RecordingStream:
    """The recording that is active for the request: what ``rr.log`` logs to.

    Raises:
        UsageError: There is none.
    """
    recording = get_data_recording()
    if recording is None:
        raise UsageError("no recording is active in this request: call instrument(app, recording) first")
    return recording


async def get_request_facts() -> RequestFacts:
    """The request's ids and what else is known of it.

    Raises:
        UsageError: The application is not instrumented.
    """
    facts = get_request()
    if facts is None:
        raise UsageError("nothing is known of this request: call instrument(app, recording) first")
    return facts


RecordingDep: TypeAlias = Annotated[RecordingStream, Depends(get_recording)]
"""Annotates a parameter that gets the recording: ``async def endpoint(recording: RecordingDep)``."""
RequestDep: TypeAlias = Annotated[RequestFacts, Depends(get_request_facts)]
"""Annotates a parameter that gets what is known of the request."""

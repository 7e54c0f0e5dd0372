"""What the tests of frameworks have: a recording in memory, and the servers that run in this loop."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import uvicorn

import asyncrr as rr

Serving = Callable[[Any], contextlib.AbstractAsyncContextManager[str]]


@pytest.fixture
def recording() -> rr.RecordingStream:
    return rr.new_recording("service", recording_id=uuid.uuid4())


class _Server(uvicorn.Server):
    def capture_signals(self) -> contextlib.AbstractContextManager[None]:  # type: ignore[override]
        return contextlib.nullcontext()  # they are pytest's


@pytest.fixture
def serving() -> Serving:
    """``async with serving(app) as url``: a real server on a free port, whose lifespan has begun."""

    @contextlib.asynccontextmanager
    async def serve(app: Any) -> AsyncIterator[str]:
        import asyncio
        import socket

        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen(512)
            server = _Server(uvicorn.Config(app, log_config=None, lifespan="on"))
            running = asyncio.create_task(server.serve([listener]))
            while not server.started:
                assert not running.done(), "the server did not start"
                await asyncio.sleep(0.005)
            try:
                yield f"http://127.0.0.1:{listener.getsockname()[1]}"
            finally:
                server.should_exit = True
                await running

    return serve

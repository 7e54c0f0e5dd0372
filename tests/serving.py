"""A real server that runs in the test's loop, and requests to it that are under way at once."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from inspect import signature
from typing import Any

import httpx
import uvicorn
from websockets.asyncio.client import connect

WITHOUT_PROXY: dict[str, Any] = {"proxy": None} if "proxy" in signature(connect.__init__).parameters else {}
"""A proxy of the environment is not used on the way to this machine; websockets knows of them from version 15 on."""


class _Server(uvicorn.Server):
    def capture_signals(self) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()  # they are pytest's


@contextlib.asynccontextmanager
async def serving(app: Any) -> AsyncIterator[str]:
    """Uvicorn on a free port, whose lifespan has begun, and ends with the block."""
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


class _ConnectionEach(httpx.AsyncBaseTransport):
    """A connection for each request: a pool looks through all that it has for every one."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        limits = httpx.Limits(max_keepalive_connections=0)
        transport = httpx.AsyncHTTPTransport(verify=False, trust_env=False, limits=limits)
        return await transport.handle_async_request(request)


def client_of(url: str) -> httpx.AsyncClient:
    """Opens as many connections as there are requests."""
    return httpx.AsyncClient(base_url=url, transport=_ConnectionEach(), timeout=30)


def inside(app: Any) -> httpx.AsyncClient:
    """Asks the application without a server; nothing comes out as an exception."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://service")


class Together:
    """Holds up those who come until all are there."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._all_there = asyncio.Event()

    async def wait(self) -> None:
        self._count -= 1
        if self._count <= 0:
            self._all_there.set()
        await self._all_there.wait()


async def at_once(count: int, ask: Callable[[int], Awaitable[Any]]) -> list[Any]:
    return list(await asyncio.gather(*[ask(number) for number in range(count)]))

"""FastAPI under a real server: every row of 200 requests at once is tagged as its request's, wherever it was logged."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
import websockets
from fastapi import BackgroundTasks, Depends, FastAPI, HTTPException, Request, WebSocket
from fastapi.responses import StreamingResponse
from requests_seen import ALL, check_nothing_is_mixed, check_the_traceback, headers_of, read, request_rows
from serving import WITHOUT_PROXY, Together, at_once, client_of, inside, serving
from starlette.middleware.base import BaseHTTPMiddleware

import asyncrr as rr
from asyncrr.integrations.fastapi import RecordingDep, RequestDep, instrument, lifespan


def make_app(rec: rr.RecordingStream, count: int) -> FastAPI:
    app = FastAPI(lifespan=lifespan(rec))
    together = Together(count)

    async def async_dependency(number: int) -> AsyncIterator[None]:
        rr.log("async_dependency", rr.Scalars(number))
        await together.wait()
        yield
        rr.log("async_dependency_end", rr.Scalars(number))

    def sync_dependency(number: int) -> Iterator[None]:
        rr.log("sync_dependency", rr.Scalars(number))
        yield
        rr.log("sync_dependency_end", rr.Scalars(number))

    def later(number: int) -> None:
        rr.log("sync_task", rr.Scalars(number))

    async def async_later(number: int) -> None:
        await asyncio.sleep(0)
        rr.log("async_task", rr.Scalars(number))

    dependencies = [Depends(async_dependency), Depends(sync_dependency)]

    @app.get("/async/{number}", dependencies=dependencies)
    async def async_endpoint(number: int, tasks: BackgroundTasks, recording: RecordingDep) -> int:
        await rr.log("endpoint", rr.Scalars(number))
        await asyncio.to_thread(rr.log, "thread", rr.Scalars(number))
        assert recording is rec
        tasks.add_task(later, number)
        tasks.add_task(async_later, number)
        return number

    @app.get("/sync/{number}", dependencies=dependencies)
    def sync_endpoint(number: int, tasks: BackgroundTasks, facts: RequestDep) -> str:
        rr.log("endpoint", rr.Scalars(number))
        rr.log("thread", rr.Scalars(number))
        tasks.add_task(later, number)
        tasks.add_task(async_later, number)
        return facts.request_id

    @app.get("/async_stream/{number}")
    async def async_stream(number: int) -> StreamingResponse:
        async def pieces() -> AsyncIterator[str]:
            for _ in range(3):
                rr.log("stream", rr.Scalars(number))
                await asyncio.sleep(0)
                yield f"{number};"

        return StreamingResponse(pieces())

    @app.get("/sync_stream/{number}")
    def sync_stream(number: int) -> StreamingResponse:
        def pieces() -> Iterator[str]:
            for _ in range(3):
                rr.log("stream", rr.Scalars(number))
                yield f"{number};"

        return StreamingResponse(pieces())

    @app.websocket("/ws/{room}")
    async def socket(websocket: WebSocket, room: str, recording: RecordingDep) -> None:
        await websocket.accept()
        number = int(await websocket.receive_text())
        recording.log("ws", rr.Scalars(number))
        await together.wait()
        rr.log("ws", rr.Scalars(number))
        await websocket.send_text(str(number))
        await websocket.close(4000)

    return app


class Inspecting(BaseHTTPMiddleware):
    """What users write, which runs the application in another task."""

    async def dispatch(self, request: Request, call_next: Any) -> Any:
        response = await call_next(request)
        response.headers["x-inspected"] = "yes"
        return response


def with_others(app: FastAPI, rec: rr.RecordingStream, others: str) -> None:
    if "inside" in others:
        app.add_middleware(Inspecting)
    instrument(app, rec)
    if "outside" in others:
        app.add_middleware(Inspecting)


async def ask_all(url: str, kind: str, count: int) -> list[httpx.Response]:
    async with client_of(url) as client:
        return await at_once(count, lambda number: client.get(f"/{kind}/{number}", headers=headers_of(number)))


@pytest.mark.parametrize("others", ["alone", "inside and outside"])
@pytest.mark.parametrize("kind", ["async", "sync"])
def test_nothing_mixes_in_endpoints_dependencies_and_background_tasks(
    recording: rr.RecordingStream, kind: str, others: str
) -> None:
    memory = recording.memory_recording()
    app = make_app(recording, ALL)
    with_others(app, recording, others)

    async def main() -> None:
        async with serving(app) as url:
            responses = await ask_all(url, kind, ALL)
        assert {response.status_code for response in responses} == {200}
        if others != "alone":
            assert responses[0].headers["x-inspected"] == "yes"

    asyncio.run(main())
    assert recording.is_closed
    data = read(memory)
    places = ["endpoint", "thread", "sync_task", "async_task"]
    places += [f"{one}_dependency{end}" for one in ("async", "sync") for end in ("", "_end")]
    for place in places:
        check_nothing_is_mixed(data, place, ALL)
    assert {facts["route"] for facts in request_rows(data).values()} == {f"/{kind}/{{number}}"}


@pytest.mark.parametrize(("kind", "others"), [("async_stream", "inside and outside"), ("sync_stream", "alone")])
def test_nothing_mixes_in_streaming_responses(recording: rr.RecordingStream, kind: str, others: str) -> None:
    memory = recording.memory_recording()
    app = make_app(recording, ALL)
    with_others(app, recording, others)

    async def main() -> None:
        async with serving(app) as url:
            responses = await ask_all(url, kind, ALL)
        assert [response.text for response in responses] == [f"{number};" * 3 for number in range(ALL)]

    asyncio.run(main())
    data = read(memory)
    check_nothing_is_mixed(data, "stream", ALL)
    assert data.row_count("stream") == 3 * ALL
    assert request_rows(data)["req-42"]["response_bytes"] == len("42;" * 3)


def test_nothing_mixes_between_websockets(recording: rr.RecordingStream) -> None:
    memory = recording.memory_recording()
    app = make_app(recording, ALL)
    with_others(app, recording, "inside and outside")

    async def main() -> None:
        async with serving(app) as url:

            async def ask(number: int) -> None:
                address = f"{url.replace('http', 'ws')}/ws/room{number}"
                async with websockets.connect(
                    address, additional_headers=headers_of(number), **WITHOUT_PROXY, open_timeout=30
                ) as socket:
                    await socket.send(str(number))
                    assert await socket.recv() == str(number)
                    with contextlib.suppress(websockets.ConnectionClosed):
                        await socket.recv()

            await at_once(ALL, ask)

    asyncio.run(main())
    data = read(memory)
    check_nothing_is_mixed(data, "ws", ALL)
    facts = request_rows(data)["req-7"]
    assert facts["path"] == r"requests/WEBSOCKET/ws/\{room\}"
    assert (facts["status"], facts["close_code"]) == (101, 4000)
    assert (facts["request_bytes"], facts["response_bytes"]) == (1, 1)


def test_without_instrument_a_dependency_says_what_is_missing() -> None:
    app = FastAPI()

    @app.get("/recording")
    async def with_recording(recording: RecordingDep) -> None: ...

    @app.get("/request")
    async def with_request(request: RequestDep) -> None: ...

    async def main() -> None:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as client:
            for path in ("/recording", "/request"):
                with pytest.raises(rr.UsageError, match="instrument"):
                    await client.get(path)

    asyncio.run(main())


def test_an_exception_that_nobody_handles_is_told(recording: rr.RecordingStream) -> None:
    memory = recording.memory_recording()
    app = FastAPI(lifespan=lifespan(recording))
    instrument(app, recording)

    @app.get("/broken")
    def broken() -> None:
        raise KeyError("gone")

    @app.get("/refused")
    async def refused() -> None:
        raise HTTPException(500)

    async def main() -> None:
        async with inside(app) as client:
            for path in ("/broken", "/refused"):
                assert (await client.get(path)).status_code == 500

    asyncio.run(main())
    first, second = request_rows(read(memory)).values()
    check_the_traceback(first, "requests/GET/broken")
    assert {"error", "TextLog:text"}.isdisjoint(second)

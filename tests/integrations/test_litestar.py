"""Litestar: the plugin owns the recording and makes it active in each of 200 requests at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import websockets
from litestar import Litestar, Request, WebSocket, get, websocket
from litestar.background_tasks import BackgroundTask
from litestar.di import NamedDependency, Provide
from litestar.exceptions import ServiceUnavailableException
from litestar.params import FromPath
from litestar.response import Response, Stream
from requests_seen import ALL, check_nothing_is_mixed, check_the_traceback, headers_of, read, request_rows
from serving import WITHOUT_PROXY, Together, at_once, client_of, serving

import asyncrr as rr
from asyncrr.integrations.litestar import RecordingPlugin

ActiveRecording = NamedDependency[rr.RecordingStream]
Number = FromPath[int]
Text = NamedDependency[str]


def make_app(rec: rr.RecordingStream, count: int, **settings: Any) -> Litestar:
    together = Together(count)

    async def async_dependency(number: Number) -> AsyncIterator[str]:
        rr.log("async_dependency", rr.Scalars(number))
        yield "a"
        rr.log("async_dependency_end", rr.Scalars(number))

    def sync_dependency(number: Number) -> Iterator[str]:
        rr.log("sync_dependency", rr.Scalars(number))
        yield "b"
        rr.log("sync_dependency_end", rr.Scalars(number))

    async def later(number: int) -> None:
        rr.log("task", rr.Scalars(number))

    @get(
        "/async/{number:int}",
        dependencies={
            "first": Provide(async_dependency),
            "second": Provide(sync_dependency),
        },
    )
    async def async_endpoint(number: Number, first: Text, second: Text, recording: ActiveRecording) -> Response[int]:
        assert recording is rec
        await rr.log("endpoint", rr.Scalars(number))
        await together.wait()
        await rr.log("endpoint", rr.Scalars(number))
        return Response(number, background=BackgroundTask(later, number))

    @get("/sync/{number:int}", sync_to_thread=True)
    def sync_endpoint(number: Number) -> int:
        rr.log("endpoint", rr.Scalars(number))
        return number

    @get("/stream/{number:int}")
    async def stream(number: Number) -> Stream:
        async def pieces() -> AsyncIterator[str]:
            for _ in range(3):
                rr.log("stream", rr.Scalars(number))
                await asyncio.sleep(0)
                yield f"{number};"

        return Stream(pieces())

    @websocket("/ws/{room:str}")
    async def socket(socket: WebSocket, room: FromPath[str]) -> None:
        await socket.accept()
        number = int(await socket.receive_text())
        rr.log("ws", rr.Scalars(number))
        await together.wait()
        rr.log("ws", rr.Scalars(number))
        await socket.send_text(str(number))
        await socket.close()

    return Litestar(
        [async_endpoint, sync_endpoint, stream, socket], plugins=[RecordingPlugin(rec)], openapi_config=None, **settings
    )


@pytest.mark.parametrize(
    ("kind", "places"),
    [
        ("async", ["endpoint", "task", "async_dependency", "async_dependency_end", "sync_dependency"]),
        ("sync", ["endpoint"]),
        ("stream", ["stream"]),
    ],
    ids=["async", "sync", "stream"],
)
def test_nothing_mixes_between_requests(recording: rr.RecordingStream, kind: str, places: list[str]) -> None:
    memory = recording.memory_recording()
    app = make_app(recording, ALL)

    async def main() -> None:
        async with serving(app) as url, client_of(url) as client:
            responses = await at_once(ALL, lambda number: client.get(f"/{kind}/{number}", headers=headers_of(number)))
        assert {response.status_code for response in responses} == {200}

    asyncio.run(main())
    assert recording.is_closed
    data = read(memory)
    for place in places:
        check_nothing_is_mixed(data, place, ALL)
    assert {facts["route"] for facts in request_rows(data).values()} == {f"/{kind}/{{number}}"}


def test_nothing_mixes_between_websockets(recording: rr.RecordingStream) -> None:
    memory = recording.memory_recording()
    app = make_app(recording, ALL)

    async def main() -> None:
        async with serving(app) as url:

            async def ask(number: int) -> None:
                address = f"{url.replace('http', 'ws')}/ws/room{number}"
                headers = headers_of(number)
                async with websockets.connect(
                    address, additional_headers=headers, **WITHOUT_PROXY, open_timeout=30
                ) as socket:
                    await socket.send(str(number))
                    assert await socket.recv() == str(number)

            await at_once(ALL, ask)

    asyncio.run(main())
    check_nothing_is_mixed(read(memory), "ws", ALL)


def test_the_plugin_owns_the_recording(recording: rr.RecordingStream, tmp_path: Path) -> None:
    async def on_startup() -> None:
        await recording.save(tmp_path / "run.arrd")

    app = make_app(recording, 1, on_startup=[on_startup])

    async def main() -> None:
        async with serving(app) as url, client_of(url) as client:
            assert (await client.get("/sync/1")).text == "1"

    asyncio.run(main())
    assert rr.read_recording(tmp_path / "run.arrd").is_complete


@get("/broken")
async def broken() -> None:
    raise KeyError("gone")


@get("/busy")
async def busy() -> None:
    raise ServiceUnavailableException


@websocket("/ws")
async def broken_socket(socket: WebSocket) -> None:
    await socket.accept()
    await broken.fn()


def handle(_: Request[Any, Any, Any], error: Exception) -> Response[str]:
    return Response(str(error), status_code=409)


@pytest.mark.parametrize(
    ("path", "handlers", "status"),
    [("/broken", {}, 500), ("/broken", {KeyError: handle}, 409), ("/busy", {}, 503)],
)
def test_an_exception_that_nobody_handles_is_told(
    recording: rr.RecordingStream, path: str, handlers: dict[Any, Any], status: int
) -> None:
    memory = recording.memory_recording()
    plugins = [RecordingPlugin(recording)]
    app = Litestar([broken, busy], plugins=plugins, exception_handlers=handlers, openapi_config=None)

    async def main() -> None:
        async with serving(app) as url, client_of(url) as client:
            assert (await client.get(path)).status_code == status

    asyncio.run(main())
    (facts,) = request_rows(read(memory)).values()
    assert facts["status"] == status
    if status == 500:
        check_the_traceback(facts, "requests/GET/broken")
    else:
        assert {"error", "TextLog:text"}.isdisjoint(facts)


def test_so_is_one_of_a_websocket(recording: rr.RecordingStream) -> None:
    memory = recording.memory_recording()
    app = Litestar([broken_socket], plugins=[RecordingPlugin(recording)], openapi_config=None)

    async def main() -> None:
        async with (
            serving(app) as url,
            websockets.connect(f"{url.replace('http', 'ws')}/ws", **WITHOUT_PROXY) as socket,
        ):
            with pytest.raises(websockets.ConnectionClosedError):
                await socket.recv()

    asyncio.run(main())
    (facts,) = request_rows(read(memory)).values()
    assert facts["close_code"] == 4500
    check_the_traceback(facts, "requests/WEBSOCKET/ws")


def test_options_are_checked_at_once(recording: rr.RecordingStream) -> None:
    with pytest.raises(rr.UsageError, match="sample=2"):
        RecordingPlugin(recording, sample=2)


def test_the_dependency_may_have_another_name_or_none(recording: rr.RecordingStream) -> None:
    for name in ("rec", None):
        app = Litestar(plugins=[RecordingPlugin(recording, dependency=name)], openapi_config=None)
        assert set(app.dependencies) == ({name} if name else set())

"""aiohttp's server: the recording as part of the application, and active in each of 200 requests at once."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from requests_seen import ALL, check_nothing_is_mixed, check_the_traceback, headers_of, read, request_rows
from serving import Together, at_once

import asyncrr as rr
from asyncrr.integrations.aiohttp import RECORDING, REQUEST, get_request, setup


@contextlib.asynccontextmanager
async def serving(app: web.Application) -> AsyncIterator[aiohttp.ClientSession]:
    """The application on a free port, and a client of it."""
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        port = runner.addresses[0][1]
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}", connector=connector) as client:
            yield client
    finally:
        await runner.cleanup()


def make_app(count: int = 1) -> web.Application:
    together = Together(count)

    async def item(request: web.Request) -> web.Response:
        number = int(request.match_info["number"])
        await rr.log("endpoint", rr.Scalars(number))
        await together.wait()
        await asyncio.to_thread(rr.log, "thread", rr.Scalars(number))
        assert get_request() is request[REQUEST]
        return web.json_response({"request_id": request[REQUEST].request_id})

    async def stream(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(3):
            await rr.log("stream", rr.Scalars(int(request.match_info["number"])))
            await asyncio.sleep(0)
            await response.write(b"12345")
        return response

    async def socket(request: web.Request) -> web.WebSocketResponse:
        response = web.WebSocketResponse()
        await response.prepare(request)
        number = int(await response.receive_str())
        await rr.log("ws", rr.Scalars(number))
        await together.wait()
        await rr.log("ws", rr.Scalars(number))
        await response.send_str(str(number))
        await response.receive()
        return response

    async def echo(request: web.Request) -> web.Response:
        return web.Response(body=await request.read(), status=201)

    async def missing(request: web.Request) -> web.Response:
        raise web.HTTPNotFound(text="nothing here")

    async def broken(request: web.Request) -> web.Response:
        raise KeyError("gone")

    app = web.Application()
    app.router.add_get("/items/{number}", item)
    app.router.add_get("/stream/{number}", stream)
    app.router.add_get("/ws/{room}", socket)
    app.router.add_post("/echo", echo)
    app.router.add_get("/missing", missing)
    app.router.add_get("/broken", broken)
    return app


@pytest.mark.parametrize(
    ("kind", "places"), [("items", ["endpoint", "thread"]), ("stream", ["stream"])], ids=["items", "stream"]
)
def test_nothing_mixes_between_requests(recording: rr.RecordingStream, kind: str, places: list[str]) -> None:
    memory = recording.memory_recording()
    app = make_app(ALL)
    setup(app, recording)

    async def main() -> None:
        async with serving(app) as client:

            async def ask(number: int) -> bytes:
                async with client.get(f"/{kind}/{number}", headers=headers_of(number)) as response:
                    assert response.status == 200
                    return await response.read()

            bodies = await at_once(ALL, ask)
        if kind == "items":
            assert bodies[7] == b'{"request_id": "req-7"}'

    asyncio.run(main())
    assert recording.is_closed
    data = read(memory)
    for place in places:
        check_nothing_is_mixed(data, place, ALL)
    assert ("response_bytes" in request_rows(data)["req-7"]) == (kind == "items")


def test_nothing_mixes_between_websockets(recording: rr.RecordingStream) -> None:
    memory = recording.memory_recording()
    app = make_app(ALL)
    setup(app, recording)

    async def main() -> None:
        async with serving(app) as client:

            async def ask(number: int) -> None:
                async with client.ws_connect(f"/ws/room{number}", headers=headers_of(number)) as socket:
                    await socket.send_str(str(number))
                    assert await socket.receive_str() == str(number)
                    await socket.close(code=4000)

            await at_once(ALL, ask)

    asyncio.run(main())
    data = read(memory)
    check_nothing_is_mixed(data, "ws", ALL)
    facts = request_rows(data)["req-7"]
    assert facts["path"] == r"requests/WEBSOCKET/ws/\{room\}"
    assert (facts["status"], facts["close_code"]) == (101, 4000)


def ask_one(app: web.Application, method: str, path: str, body: bytes | None = None) -> int:
    async def main() -> int:
        async with serving(app) as client, client.request(method, path, data=body, headers=headers_of(1)) as response:
            return response.status

    return asyncio.run(main())


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(
    ("method", "path", "route", "status", "error"),
    [
        ("POST", "/echo", "/echo", 201, None),
        ("GET", "/missing", "/missing", 404, "HTTPNotFound"),
        ("GET", "/broken", "/broken", 500, "KeyError"),
        ("GET", "/nowhere", "__no_route", 404, "HTTPNotFound"),
    ],
)
def test_a_request_has_one_row_at_its_routes_template(
    recording: rr.RecordingStream, method: str, path: str, route: str, status: int, error: str | None
) -> None:
    memory = recording.memory_recording()
    app = make_app()
    setup(app, recording)
    assert ask_one(app, method, path, b"12345" if method == "POST" else None) == status
    facts = request_rows(read(memory))["req-1"]
    assert (facts["method"], facts["route"], facts["status"]) == (method, route, status)
    assert facts.get("error") == error
    if status == 500:
        check_the_traceback(facts, "requests/GET/broken")
    else:
        assert "TextLog:text" not in facts
    if method == "POST":
        assert (facts["request_bytes"], facts["response_bytes"]) == (5, 5)


def test_the_application_owns_the_recording(recording: rr.RecordingStream, tmp_path: Path) -> None:
    async def context(app: web.Application) -> AsyncIterator[None]:
        await rr.save(tmp_path / "run.arrd")
        yield
        assert not recording.is_closed
        rr.log("end", 1)

    app = make_app()
    app.cleanup_ctx.append(context)
    setup(app, recording)
    assert app[RECORDING] is recording
    assert ask_one(app, "POST", "/echo") == 201
    assert recording.is_closed
    data = rr.read_recording(tmp_path / "run.arrd")
    assert data.is_complete
    assert data.entity_paths() == ["end", "requests/POST/echo"]


def test_applications_below_are_recorded_with_their_whole_route(recording: rr.RecordingStream) -> None:
    memory = recording.memory_recording()
    app = web.Application()
    app.add_subapp("/below", make_app())
    setup(app, recording)
    assert ask_one(app, "GET", "/below/items/1") == 200
    assert request_rows(read(memory))["req-1"]["route"] == "/below/items/{number}"


def test_setup_twice_is_once(recording: rr.RecordingStream) -> None:
    memory = recording.memory_recording()
    app = make_app()
    setup(app, recording)
    setup(app, recording)
    assert len(app.middlewares) == 1
    assert ask_one(app, "POST", "/echo") == 201
    assert len(request_rows(read(memory))) == 1
    with pytest.raises(rr.UsageError, match="has a recording already"):
        setup(app, rr.new_recording("other", recording_id=uuid.uuid4()))


def test_a_recording_for_each_request(recording: rr.RecordingStream, tmp_path: Path) -> None:
    recording.memory_recording()
    for path, status in (("/items/1", 200), ("/broken", 500)):
        assert list(tmp_path.iterdir()) == []
        app = make_app()
        setup(app, recording, per_request=True, kept_in=tmp_path)
        assert ask_one(app, "GET", path) == status
    (kept,) = tmp_path.iterdir()
    assert request_rows(rr.read_recording(kept))["req-1"]["error"] == "KeyError"

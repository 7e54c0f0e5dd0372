"""The ASGI middleware, lifespan and instrument: activation, the request's row, and what never breaks an app."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from requests_seen import check_the_traceback, headers_of, read, request_rows
from serving import inside, serving
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

import asyncrr as rr
from asyncrr.integrations.asgi import RecordingMiddleware, get_request, instrument, lifespan

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = f"00-{TRACE_ID}-00f067aa0ba902b7-01"


async def item(request: Request) -> Response:
    rr.log("asked", int(request.path_params["number"]))
    body = await request.body()
    return PlainTextResponse(body[::-1], status_code=201)


async def broken(request: Request) -> Response:
    raise KeyError("gone")


def make_app(**settings: Any) -> Starlette:
    routes = [
        Route("/items/{number:int}", item, methods=["GET", "POST"]),
        Route("/broken", broken),
        Route("/file", lambda _: FileResponse(__file__)),
    ]
    return Starlette(routes=routes, **settings)


def ask(app: Any, *requests: tuple[str, str], **arguments: Any) -> list[int]:
    async def main() -> list[int]:
        async with inside(app) as client:
            return [(await client.request(method, path, **arguments)).status_code for method, path in requests]

    return asyncio.run(main())


def test_a_request_has_one_row_at_its_routes_template(recording: rr.RecordingStream) -> None:
    memory = recording.memory_recording()
    app = make_app()
    instrument(app, recording)
    headers = {"traceparent": TRACEPARENT, "x-request-id": "abc"}
    assert ask(app, ("POST", "/items/7"), headers=headers, content=b"12345") == [201]
    data = read(memory)
    assert data.entity_paths() == ["asked", r"requests/POST/items/\{number\}"]
    (facts,) = request_rows(data).values()
    assert facts.pop("Scalars:scalars") > 0
    number = facts.pop("request")
    assert facts == {
        "path": r"requests/POST/items/\{number\}",
        "method": "POST",
        "route": "/items/{number}",
        "status": 201,
        "request_bytes": 5,
        "response_bytes": 5,
        "request_id": "abc",
        "trace_id": TRACE_ID,
        "trace": int(TRACE_ID[16:], 16) & (2**63 - 1),
    }
    (row,) = data.rows("asked")
    assert (row.times["request"], row.times["trace"]) == (number, facts["trace"])


def test_paths_without_a_route_and_odd_methods_make_no_new_entities(recording: rr.RecordingStream) -> None:
    memory = recording.memory_recording()
    app = make_app()
    instrument(app, recording)
    unknown = [("GET", f"/{uuid.uuid4().hex}") for _ in range(3)]
    odd = [(f"ODD{number}", "/items/1") for number in range(3)]
    assert ask(app, *unknown, *odd) == [404, 404, 404, 405, 405, 405]
    assert read(memory).entity_paths() == ["requests/GET/__no_route", r"requests/OTHER/items/\{number\}"]


def test_ids_that_are_missing_or_unsound_are_made(recording: rr.RecordingStream) -> None:
    memory = recording.memory_recording()
    app = make_app()
    instrument(app, recording)
    for headers in ({}, {"x-request-id": "x" * 129}, {"x-request-id": "\u00e4".encode("latin-1")}):
        ask(app, ("GET", "/items/1"), headers=headers)
    found = request_rows(read(memory))
    assert len(found) == 3
    assert all(len(uuid.UUID(request_id).bytes) == 16 for request_id in found)
    assert len({facts["trace_id"] for facts in found.values()}) == 3


def test_an_exception_passes_and_is_named(recording: rr.RecordingStream) -> None:
    memory = recording.memory_recording()
    app = make_app()
    instrument(app, recording)
    assert ask(app, ("GET", "/broken")) == [500]
    (facts,) = request_rows(read(memory)).values()
    assert (facts["status"], facts["route"]) == (500, "/broken")
    check_the_traceback(facts, "requests/GET/broken")


def test_an_exception_that_the_application_handles_is_not_told(recording: rr.RecordingStream) -> None:
    async def handle(_: Request, error: Exception) -> Response:
        return PlainTextResponse(str(error), status_code=503)

    memory = recording.memory_recording()
    app = make_app(exception_handlers={KeyError: handle})
    instrument(app, recording)
    assert ask(app, ("GET", "/broken")) == [503]
    (facts,) = request_rows(read(memory)).values()
    assert facts["status"] == 503
    assert {"error", "TextLog:text"}.isdisjoint(facts)


def test_the_trace_of_opentelemetry_comes_before_the_header(recording: rr.RecordingStream) -> None:
    trace = pytest.importorskip("opentelemetry.trace")
    memory = recording.memory_recording()
    app = make_app()
    instrument(app, recording)
    span = trace.NonRecordingSpan(trace.SpanContext(trace_id=0xABC, span_id=1, is_remote=False))

    async def traced(scope: Any, receive: Any, send: Any) -> None:
        with trace.use_span(span):
            await app(scope, receive, send)

    ask(traced, ("GET", "/items/1"), headers={"traceparent": TRACEPARENT})
    (facts,) = request_rows(read(memory)).values()
    assert facts["trace_id"] == f"{0xABC:032x}"


def test_files_that_the_server_sends_itself_have_a_size(recording: rr.RecordingStream) -> None:
    memory = recording.memory_recording()
    app = make_app()
    instrument(app, recording)

    async def main() -> None:
        messages: list[Any] = []

        async def send(message: Any) -> None:
            messages.append(message)

        async def receive() -> Any:
            return {"type": "http.request", "body": b"", "more_body": False}

        scope = {
            "type": "http",
            "method": "GET",
            "path": "/file",
            "headers": [],
            "extensions": {"http.response.pathsend": {}},
        }
        await app({**scope, "query_string": b"", "root_path": ""}, receive, send)
        assert messages[-1]["type"] == "http.response.pathsend"

    asyncio.run(main())
    (facts,) = request_rows(read(memory)).values()
    assert facts["response_bytes"] == Path(__file__).stat().st_size


def test_the_time_of_a_request_ends_with_it(recording: rr.RecordingStream) -> None:
    memory = recording.memory_recording()
    app = make_app()
    instrument(app, recording)

    async def main() -> None:
        async with inside(app) as client:
            await client.get("/items/1")
        assert rr.get_data_recording() is None
        assert get_request() is None
        recording.log("after", 1)

    asyncio.run(main())
    (row,) = read(memory).rows("after")
    assert set(row.times) == {"log_time"}


def test_get_request_tells_the_ids_to_hand_on(recording: rr.RecordingStream) -> None:
    recording.memory_recording()
    seen: list[Any] = []

    async def endpoint(request: Request) -> Response:
        seen.append(get_request())
        return PlainTextResponse("")

    app = Starlette(routes=[Route("/", endpoint)])
    instrument(app, recording)
    ask(app, ("GET", "/"), headers={"traceparent": TRACEPARENT, "x-request-id": "abc"})
    assert (seen[0].request_id, seen[0].trace_id, seen[0].route) == ("abc", TRACE_ID, "/")


def test_a_task_that_outlives_its_request_keeps_the_tags(recording: rr.RecordingStream) -> None:
    memory = recording.memory_recording()

    async def main() -> None:
        answered = asyncio.Event()
        tasks = []

        async def late() -> None:
            await answered.wait()
            rr.log("late", 1)

        async def endpoint(request: Request) -> Response:
            tasks.append(asyncio.create_task(late()))
            return PlainTextResponse("")

        app = Starlette(routes=[Route("/", endpoint)])
        instrument(app, recording)
        async with inside(app) as client:
            await client.get("/", headers=headers_of(3))
        answered.set()
        await tasks[0]

    asyncio.run(main())
    data = read(memory)
    (row,) = data.rows("late")
    assert row.times["request"] == request_rows(data)["req-3"]["request"]


# ---- wrapping, twice, below others


def test_an_application_without_routes_is_wrapped(recording: rr.RecordingStream) -> None:
    memory = recording.memory_recording()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        rr.log("asked", 1)
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    ask(RecordingMiddleware(app, recording, prefix="service/requests"), ("GET", "/secret/path"))
    data = read(memory)
    assert data.entity_paths() == ["asked", "service/requests/GET/__no_route"]
    assert next(iter(request_rows(data).values()))["status"] == 204


def test_a_wrapped_starlette_tells_its_routes(recording: rr.RecordingStream) -> None:
    memory = recording.memory_recording()
    ask(RecordingMiddleware(make_app(), recording), ("GET", "/items/1"))
    assert r"requests/GET/items/\{number\}" in read(memory).entity_paths()


def test_a_request_that_meets_the_middleware_twice_has_one_row(recording: rr.RecordingStream) -> None:
    memory = recording.memory_recording()
    app = make_app()
    instrument(app, recording)
    ask(RecordingMiddleware(app, recording), ("GET", "/items/1"))
    assert len(request_rows(read(memory))) == 1


def test_other_kinds_of_scopes_pass(recording: rr.RecordingStream) -> None:
    seen = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append((scope, rr.get_data_recording()))

    asyncio.run(RecordingMiddleware(app, recording)({"type": "other"}, None, None))  # type: ignore[arg-type]
    assert seen == [({"type": "other"}, None)]


# ---- instrument


def test_instrument_twice_is_once_and_undo_takes_it_out(recording: rr.RecordingStream) -> None:
    memory = recording.memory_recording()
    app = make_app()
    first = instrument(app, recording)
    second = instrument(app, recording)
    assert len(app.user_middleware) == 1
    ask(app, ("GET", "/items/1"))
    first.undo()
    assert not second.is_active
    second.undo()
    assert app.user_middleware == []
    ask(app, ("GET", "/items/2"))
    assert read(memory).row_count("asked") == 1
    assert instrument(app, recording).is_active


def test_instrument_in_another_way_says_so(recording: rr.RecordingStream) -> None:
    app = make_app()
    instrument(app, recording, sample=0.5)
    with pytest.raises(rr.UsageError, match="otherwise"):
        instrument(app, recording)
    with pytest.raises(rr.UsageError, match="otherwise"):
        instrument(app, rr.new_recording("other", recording_id=uuid.uuid4()), sample=0.5)


def test_instrument_comes_and_goes_while_the_application_serves(recording: rr.RecordingStream) -> None:
    memory = recording.memory_recording()
    app = make_app()

    async def main() -> None:
        async with inside(app) as client:
            await client.get("/items/1")
            done = instrument(app, recording)
            await client.get("/items/2")
            done.undo()
            await client.get("/items/3")

    asyncio.run(main())
    assert [row.components["Scalars:scalars"] for row in read(memory).rows("asked")] == [[2.0]]


class _OfAiohttp:
    __module__ = "aiohttp.web_app"


class _OfLitestar:
    __module__ = "litestar.app"


@pytest.mark.parametrize(
    ("app", "remedy"),
    [(object(), "RecordingMiddleware"), (_OfAiohttp(), r"aiohttp\.setup"), (_OfLitestar(), "RecordingPlugin")],
)
def test_instrument_names_the_remedy_for_other_applications(
    recording: rr.RecordingStream, app: object, remedy: str
) -> None:
    with pytest.raises(rr.UsageError, match=remedy):
        instrument(app, recording)


# ---- lifespan


def test_the_lifespan_opens_runs_the_inner_one_inside_and_closes(recording: rr.RecordingStream, tmp_path: Path) -> None:
    steps: list[object] = []

    @contextlib.asynccontextmanager
    async def inner(app: Starlette) -> AsyncIterator[dict[str, int]]:
        await rr.save(tmp_path / "run.arrd")
        steps.append(rr.get_data_recording() is recording)
        yield {"answer": 42}
        rr.log("end", 1)

    async def endpoint(request: Request) -> Response:
        steps.append(request.state.answer)
        rr.log("middle", 1)
        return PlainTextResponse("")

    app = Starlette(routes=[Route("/", endpoint)], lifespan=lifespan(recording, inner))
    instrument(app, recording)

    async def main() -> None:
        async with serving(app) as url, _client(url) as client:
            await client.get("/")

    asyncio.run(main())
    assert steps == [True, 42]
    assert recording.is_closed
    data = rr.read_recording(tmp_path / "run.arrd")
    assert data.is_complete
    assert data.entity_paths() == ["end", "middle", "requests/GET"]


def _client(url: str) -> Any:
    import httpx

    return httpx.AsyncClient(base_url=url, trust_env=False)


def test_a_recording_that_a_block_around_the_service_owns_stays_open(recording: rr.RecordingStream) -> None:
    memory = recording.memory_recording()

    async def main() -> None:
        async with recording:
            async with lifespan(recording)(None):
                pass
            assert not recording.is_closed
            await recording.log("after", 1)

    asyncio.run(main())
    assert read(memory).row_count("after") == 1


def test_an_error_in_the_inner_lifespan_is_the_one_that_comes_out(recording: rr.RecordingStream) -> None:
    @contextlib.asynccontextmanager
    async def inner(app: Any) -> AsyncIterator[None]:
        yield
        raise KeyError("mine")

    async def main() -> None:
        async with lifespan(recording, inner)(None):
            pass

    with pytest.raises(KeyError, match="mine"):
        asyncio.run(main())
    assert recording.is_closed


class _Stuck:
    """A sink that never takes anything."""

    name = "stuck"

    def attach(self, outbox: Any) -> None:
        outbox.opened()

    def wake(self) -> None: ...
    def finish(self, timeout: float) -> None: ...
    def forget(self) -> Any:
        return self


def test_what_cannot_be_delivered_is_a_warning_not_a_failed_shutdown(
    recording: rr.RecordingStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    closing = recording.aclose
    monkeypatch.setattr(recording, "aclose", lambda: closing(0.01))

    async def main() -> None:
        async with lifespan(recording)(None):
            await recording.set_sinks(_Stuck())
            recording.log("x", 1)

    with pytest.warns(rr.RecordingWarning, match="not handed over"):
        asyncio.run(main())


# ---- nothing of ours breaks the application


@pytest.mark.parametrize("broken", ["log", "__enter__", "__exit__"])
def test_trouble_with_the_recording_is_a_warning(
    recording: rr.RecordingStream, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(recording, broken, fail)
    app = make_app()
    instrument(app, recording)
    with pytest.warns(rr.RecordingWarning, match="not recorded.*ZeroDivisionError"):
        assert ask(app, ("GET", "/file")) == [200]


def test_a_failing_hook_is_a_warning(recording: rr.RecordingStream) -> None:
    memory = recording.memory_recording()
    app = make_app()

    def values(facts: Any) -> dict[str, int]:
        raise ZeroDivisionError

    instrument(app, recording, values=values)
    with pytest.warns(rr.RecordingWarning, match="ZeroDivisionError"):
        assert ask(app, ("GET", "/items/1")) == [201]
    assert len(request_rows(read(memory))) == 1


def test_a_hook_adds_values(recording: rr.RecordingStream) -> None:
    memory = recording.memory_recording()
    app = make_app()
    instrument(app, recording, values=lambda facts: {"is_slow": facts.duration > 60})
    ask(app, ("GET", "/items/1"))
    (facts,) = request_rows(read(memory)).values()
    assert not facts["is_slow"]


def test_routes_that_cannot_be_read_are_a_warning(recording: rr.RecordingStream) -> None:
    memory = recording.memory_recording()

    class Odd:
        routes = None

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            await make_app()(scope, receive, send)

    with pytest.warns(rr.RecordingWarning, match="route of a request"):
        assert ask(RecordingMiddleware(Odd(), recording), ("GET", "/items/1")) == [201]
    assert "requests/GET/__no_route" in read(memory).entity_paths()


def test_a_cancelled_request_has_a_row_and_stays_cancelled(recording: rr.RecordingStream) -> None:
    memory = recording.memory_recording()

    async def main() -> None:
        began = asyncio.Event()

        async def endpoint(request: Request) -> Response:
            began.set()
            await asyncio.Event().wait()
            raise AssertionError

        app = Starlette(routes=[Route("/", endpoint)])
        instrument(app, recording)
        async with inside(app) as client:
            asking = asyncio.create_task(client.get("/"))
            await began.wait()
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking

    asyncio.run(main())
    (facts,) = request_rows(read(memory)).values()
    assert facts["error"] == "CancelledError"
    assert "status" not in facts


# ---- websockets, message by message


async def websocket_facts(recording: rr.RecordingStream, sent: list[Any], received: list[Any]) -> dict[str, Any]:
    """What a websocket's row says after the application has sent and received these messages."""
    memory = recording.memory_recording()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        for message in sent:
            await send(message)
        for _ in received:
            await receive()

    waiting = iter(received)

    async def receive() -> Any:
        return next(waiting)

    async def send(message: Any) -> None:
        pass

    scope = {"type": "websocket", "path": "/", "headers": []}
    await RecordingMiddleware(app, recording)(scope, receive, send)
    (facts,) = request_rows(read(memory)).values()
    return facts


ACCEPT = {"type": "websocket.accept"}


@pytest.mark.parametrize(
    ("sent", "received", "expected"),
    [
        ([{"type": "websocket.close", "code": 1008}], [], {"status": 403}),
        ([{"type": "websocket.http.response.start", "status": 429}], [], {"status": 429}),
        ([ACCEPT, {"type": "websocket.close"}], [], {"status": 101, "close_code": 1000}),
        ([ACCEPT], [{"type": "websocket.disconnect", "code": 1001}], {"status": 101, "close_code": 1001}),
        ([ACCEPT], [{"type": "websocket.disconnect"}], {"status": 101, "close_code": 1005}),
        (
            [ACCEPT, {"type": "websocket.send", "text": "\u00e4"}, {"type": "websocket.send", "bytes": b"123"}],
            [{"type": "websocket.receive", "bytes": b"1234", "text": None}, {"type": "websocket.receive", "text": ""}],
            {"status": 101, "request_bytes": 4, "response_bytes": 5},
        ),
    ],
    ids=["refused", "denied", "closed", "left", "lost", "talked"],
)
def test_a_websocket_has_status_close_code_and_sizes(
    recording: rr.RecordingStream, sent: list[Any], received: list[Any], expected: dict[str, Any]
) -> None:
    facts = asyncio.run(websocket_facts(recording, sent, received))
    assert {name: facts.get(name) for name in expected} == expected
    assert ("close_code" in facts) == ("close_code" in expected)


def test_opentelemetry_without_a_span_leaves_it_to_the_header(recording: rr.RecordingStream) -> None:
    pytest.importorskip("opentelemetry.trace")
    memory = recording.memory_recording()
    ask(RecordingMiddleware(make_app(), recording), ("GET", "/items/1"), headers={"traceparent": TRACEPARENT})
    (facts,) = request_rows(read(memory)).values()
    assert facts["trace_id"] == TRACE_ID


def test_a_stream_that_its_client_leaves_has_a_row(recording: rr.RecordingStream) -> None:
    memory = recording.memory_recording()

    async def main() -> None:
        ended = asyncio.Event()

        async def pieces() -> AsyncIterator[bytes]:
            try:
                while True:
                    rr.log("piece", 1)
                    yield b"x" * 1000
                    await asyncio.sleep(0)
            finally:
                ended.set()

        async def endpoint(request: Request) -> Response:
            return StreamingResponse(pieces())

        app = Starlette(routes=[Route("/", endpoint)], lifespan=lifespan(recording))
        instrument(app, recording)
        async with serving(app) as url, _client(url) as client:
            async with client.stream("GET", "/") as response:
                await anext(response.aiter_raw())
            await ended.wait()

    asyncio.run(main())
    data = read(memory)
    (facts,) = request_rows(data).values()
    assert facts["status"] == 200
    assert facts["response_bytes"] >= 1000
    assert {row.times["request"] for row in data.rows("piece")} == {facts["request"]}

"""Templates of routes, found by the endpoint that the router has left in the scope."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from requests_seen import read, request_rows
from serving import inside
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Host, Match, Mount, Route, Router
from starlette.staticfiles import StaticFiles

import asyncrr as rr
from asyncrr.integrations.asgi import RecordingMiddleware, instrument
from asyncrr.integrations.routes import RouteTemplates


async def endpoint(request: Request) -> Response:
    return PlainTextResponse("")


async def other(request: Request) -> Response:
    return PlainTextResponse("")


class Unhashable:
    """An endpoint that is an application, and equal to others."""

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        return True

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await PlainTextResponse("")(scope, receive, send)


class Own(BaseRoute):
    """A route of a user's own kind, which no walk over routes knows."""

    path_format = "/own/{anything}"

    def matches(self, scope: Any) -> tuple[Match, Any]:
        is_mine = scope["path"].startswith("/own/")
        return (Match.FULL, {"endpoint": self, "route": self}) if is_mine else (Match.NONE, {})

    async def handle(self, scope: Any, receive: Any, send: Any) -> None:
        await PlainTextResponse("")(scope, receive, send)


def routes_of(app: Any, recording: rr.RecordingStream, *paths: str, **headers: str) -> list[str]:
    memory = recording.memory_recording()

    async def main() -> None:
        async with inside(app) as client:
            for path in paths:
                await client.get(path, headers=headers)

    asyncio.run(main())
    found = sorted(request_rows(read(memory)).values(), key=lambda facts: facts["request"])
    return [facts["route"] for facts in found]


@pytest.fixture
def app(recording: rr.RecordingStream) -> Starlette:
    inner = Router(routes=[Route("/{item:int}", endpoint), Route("/same", endpoint), Route("/app", Unhashable())])
    app = Starlette(
        routes=[
            Route("/", other),
            Mount("/tenants/{tenant}", routes=[Mount("/deep/{deep:path}/x", app=inner), Route("/", other)]),
            Mount("/static", StaticFiles(directory="."), name="static"),
            Host("api.example", Router(routes=[Route("/only/{here}", other)])),
            Own(),
        ]
    )
    instrument(app, recording)
    return app


def test_mounts_come_before_the_route(app: Starlette, recording: rr.RecordingStream) -> None:
    paths = ["/", "/tenants/7/deep/a/b/x/3", "/tenants/7/deep/c/x/same", "/tenants/7/deep/c/x/app", "/tenants/8/"]
    assert routes_of(app, recording, *paths) == [
        "/",
        "/tenants/{tenant}/deep/{deep}/x/{item}",
        "/tenants/{tenant}/deep/{deep}/x/same",
        "/tenants/{tenant}/deep/{deep}/x/app",
        "/tenants/{tenant}/",
    ]


def test_what_is_mounted_and_has_no_routes_is_one_template(app: Starlette, recording: rr.RecordingStream) -> None:
    paths = ["/static/secret/one", "/static/secret/two", "/tenants/7/deep/a/x/unknown"]
    assert routes_of(app, recording, *paths) == [
        "/static/{path}",
        "/static/{path}",
        "/tenants/{tenant}/deep/{deep}/x/{path}",
    ]


def test_routes_for_a_host_count(app: Starlette, recording: rr.RecordingStream) -> None:
    assert routes_of(app, recording, "/only/7", host="api.example") == ["/only/{here}"]


def test_a_route_that_no_walk_knows_tells_its_own_template(app: Starlette, recording: rr.RecordingStream) -> None:
    assert routes_of(app, recording, "/own/1", "/own/2") == ["/own/{anything}"] * 2


def test_a_route_that_came_later_is_found(app: Starlette, recording: rr.RecordingStream) -> None:
    async def later(request: Request) -> Response:
        return PlainTextResponse("")

    assert routes_of(app, recording, "/later/1") == ["__no_route"]
    app.router.routes.append(Route("/later/{number}", later))
    assert routes_of(app, recording, "/later/1") == ["/later/{number}"]


def test_routers_of_fastapi_are_found_with_all_their_prefixes(recording: rr.RecordingStream) -> None:
    async def item(item_id: int) -> int:
        return item_id

    inner, outer, below, app = APIRouter(prefix="/inner"), APIRouter(prefix="/outer"), FastAPI(), FastAPI()
    inner.add_api_route("/items/{item_id}", item)
    outer.include_router(inner)
    app.include_router(outer, prefix="/v1")
    app.include_router(outer, prefix="/v2")
    below.include_router(inner)
    app.mount("/below/{name}", below)
    instrument(app, recording)
    assert routes_of(
        app, recording, "/v1/outer/inner/items/1", "/v2/outer/inner/items/2", "/below/x/inner/items/3"
    ) == [
        "/v1/outer/inner/items/{item_id}",
        "/v2/outer/inner/items/{item_id}",
        "/below/{name}/inner/items/{item_id}",
    ]


def test_the_path_that_an_application_is_mounted_at_does_not_count(recording: rr.RecordingStream) -> None:
    below = Starlette(routes=[Route("/{number}", endpoint), Route("/a/{number}", endpoint)])
    app = Starlette(routes=[Mount("/below/{name}", RecordingMiddleware(below, recording))])
    assert routes_of(app, recording, "/below/x/7", "/below/x/a/7") == ["/{number}", "/a/{number}"]


def test_endpoints_that_are_new_every_time_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("asyncrr.integrations.routes._MAX_ENDPOINTS", 5)
    app = Starlette(routes=[Route("/{number}", endpoint)])
    templates = RouteTemplates(app)
    for _ in range(20):
        assert templates.template_of({"endpoint": object()}, "/7") is None
    assert len(templates._endpoints) == 5
    assert templates.template_of({"endpoint": endpoint}, "/7") == "/{number}"

"""The viewer, mounted in a user's application."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets
from serving import WITHOUT_PROXY, client_of, serving
from starlette.applications import Starlette
from starlette.routing import Mount
from viewer.browsing import CHROMIUM, PAGE, chromium

import asyncrr as rr
from asyncrr.integrations.asgi import instrument, lifespan
from asyncrr.integrations.viewer import viewer_app


@pytest.fixture
def app(recording: rr.RecordingStream) -> Starlette:
    app = Starlette(routes=[Mount("/deep/recording", viewer_app(recording))], lifespan=lifespan(recording))
    instrument(app, recording)
    return app


def ask(app: Any, *paths: str, host: str = "localhost") -> list[httpx.Response]:
    async def main() -> list[httpx.Response]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=f"http://{host}") as client:
            return [await client.get(path) for path in paths]

    return asyncio.run(main())


def test_a_recording_is_told_of_as_soon_as_it_is_in_a_file(
    app: Starlette, recording: rr.RecordingStream, tmp_path: Path
) -> None:
    (before,) = ask(app, "/deep/recording/api/recordings")
    assert before.json() == {"recordings": [], "is_read_only": True}
    recording.save(tmp_path / "first.arrd")
    recording.log("x", 1)
    recording.flush()
    assert len(ask(app, "/deep/recording/api/recordings")[0].json()["recordings"]) == 1
    recording.save(tmp_path / "second.arrd")
    recording.log("y", 1)
    recording.flush()
    below = f"/deep/recording/api/recordings/{recording.recording_id}"
    listed, tree, other = ask(app, "/deep/recording/api/recordings", f"{below}/tree", f"{below}x/tree")
    ((facts),) = listed.json()["recordings"]
    assert (facts["recording_id"], facts["rows"], facts["is_live"]) == (recording.recording_id, 2, True)
    assert {"x", "y"} == set(tree.json()["entities"])
    assert other.status_code == 404


def test_a_folder_may_be_looked_at(recording: rr.RecordingStream, tmp_path: Path) -> None:
    recording.save(tmp_path / "run.arrd")
    recording.log("x", 1)
    recording.close()
    (listed,) = ask(viewer_app(tmp_path), "/api/recordings")
    assert [each["recording_id"] for each in listed.json()["recordings"]] == [recording.recording_id]
    with pytest.raises(FileNotFoundError):
        viewer_app(tmp_path / "nothing.arrd")


@pytest.mark.parametrize(("host", "status"), [("localhost", 200), ("evil.invalid", 403), ("shop.example", 200)])
def test_only_known_hosts_are_answered(recording: rr.RecordingStream, host: str, status: int) -> None:
    (answer,) = ask(viewer_app(recording, hosts=["shop.example"]), "/api/recordings", host=host)
    assert answer.status_code == status


def test_what_is_logged_is_told_live(app: Starlette, recording: rr.RecordingStream, tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(app) as url:
            await recording.save(tmp_path / "run.arrd")
            await recording.log("x", rr.Scalars(1))
            await recording.flush()
            address = f"{url.replace('http', 'ws')}/deep/recording/api/live/{recording.recording_id}"
            async with websockets.connect(address, **WITHOUT_PROXY) as socket:
                paths = set(json.loads(await socket.recv())["tree"]["entities"])
                assert "x" in paths
                await recording.log("later", rr.Scalars(1))
                while "later" not in paths:
                    told = json.loads(await socket.recv())
                    paths |= set(told.get("tree", {}).get("entities", ()))

    asyncio.run(main())


@pytest.fixture
def browser() -> Iterator[Any]:
    """Chromium, where all that it needs is there."""
    is_there = find_spec("playwright") is not None and CHROMIUM is not None and PAGE.exists()
    if not is_there:
        assert os.environ.get("CI") is None, "playwright, chromium or the built page is missing, though it can be had"
        pytest.skip("playwright, chromium or the built page is missing")
    with chromium() as browser:
        yield browser


def test_the_page_works_below_a_path(
    browser: Any, app: Starlette, recording: rr.RecordingStream, tmp_path: Path
) -> None:
    """It shows an entity, live, and asks nothing outside of its path."""
    asked: list[str] = []
    faults: list[str] = []
    served, ended = threading.Event(), asyncio.Event()
    place: dict[str, Any] = {}

    async def main() -> None:
        async with serving(app) as url, client_of(url):
            await recording.save(tmp_path / "run.arrd")
            await recording.log("some/entity", rr.Scalars(1))
            await recording.flush()
            place.update(url=url, loop=asyncio.get_running_loop())
            served.set()
            await ended.wait()

    service = threading.Thread(target=asyncio.run, args=(main(),))
    service.start()
    try:
        assert served.wait(20)
        page = browser.new_page()
        page.set_default_timeout(15_000)
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto(f"{place['url']}/deep/recording/#recording={recording.recording_id}")
        page.locator(".tree .node", has_text="entity").wait_for()
        asyncio.run_coroutine_threadsafe(_log(recording), place["loop"]).result(10)
        page.locator(".tree .node", has_text="afterwards").wait_for()
        page.close()
    finally:
        place["loop"].call_soon_threadsafe(ended.set)
        service.join(20)
    assert faults == []
    assert len(asked) > 3
    assert [url for url in asked if not url.startswith(f"{place['url']}/deep/recording/")] == []


async def _log(recording: rr.RecordingStream) -> None:
    await recording.log("afterwards", rr.Scalars(2))


def test_without_the_extra_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("asyncrr.integrations.viewer", "asyncrr.viewer.files"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, "starlette.applications", None)
    with pytest.raises(rr.errors.MissingExtraError, match=r"pip install 'asyncrr\[server\]'"):
        import asyncrr.integrations.viewer  # noqa: F401

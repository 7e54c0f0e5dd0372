"""The server around a collector: how it starts, what it does not wait for, how a browser gets in."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest
from collectors import collecting
from recorder import frame, header, recorder

from asyncrr.collector import connections

TOKEN = "a secret that nobody guesses"


def test_a_browser_exchanges_the_token_for_a_cookie(tmp_path: Path) -> None:
    async def main() -> None:
        async with (
            collecting(tmp_path, token=TOKEN) as collector,
            httpx.AsyncClient(trust_env=False, base_url=collector.page) as browser,
        ):
            assert (await browser.get("/")).status_code == 200
            assert (await browser.get("/api/recordings")).status_code == 401
            assert (await browser.get(f"/api/recordings?token={TOKEN}")).status_code == 401
            assert (await browser.post("/api/login", content="wrong")).status_code == 401
            assert (await browser.post("/api/login", content="x" * 100_000)).status_code == 413
            answer = await browser.post("/api/login", content=TOKEN)
            assert answer.status_code == 204
            cookie = answer.headers["set-cookie"].lower()
            assert "httponly" in cookie
            assert "samesite=strict" in cookie
            assert (await browser.get("/api/recordings")).status_code == 200

    asyncio.run(main())


@pytest.mark.parametrize("path", ["/", "/page.js", "/api/health", "/api/recordings", "/api/recordings/x", "/nowhere"])
@pytest.mark.parametrize("headers", [{}, {"host": "evil.example"}])
def test_every_answer_has_the_security_headers(tmp_path: Path, path: str, headers: dict[str, str]) -> None:
    async def main() -> None:
        async with (
            collecting(tmp_path) as collector,
            httpx.AsyncClient(trust_env=False, base_url=collector.page) as client,
        ):
            answer = (await client.get(path, headers=headers)).headers
            assert "default-src 'none'" in answer["content-security-policy"]
            assert answer["x-content-type-options"] == "nosniff"
            assert answer["referrer-policy"] == "no-referrer"
            assert "access-control-allow-origin" not in answer

    asyncio.run(main())


def test_a_connection_without_a_request_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "_REQUEST_SECONDS", 0.05)

    async def main() -> None:
        async with collecting(tmp_path) as collector, recorder(collector) as client:
            await client.greet(header())
            reader, writer = await asyncio.open_connection("127.0.0.1", collector.port)
            writer.write(b"GET / HTTP/1.1\r\nHost:")
            assert await reader.read() == b""
            writer.close()
            await client.send(frame(1))  # one that became a websocket before stays
            await client.acknowledged(1)

    asyncio.run(main())

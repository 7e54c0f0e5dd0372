"""Who may talk to a collector."""

from __future__ import annotations

import asyncio
import http.client
import logging
import stat
import sys
from pathlib import Path

import pytest
from collectors import collecting
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from asyncrr.collector.access import Access, kept_token
from asyncrr.collector.server import Collector
from asyncrr.errors import UsageError
from asyncrr.sinks.websocket import INGEST_PATH

TOKEN = "a-token-that-nobody-guesses"

FOREIGN_HOSTS = [
    "",
    "evil.example",
    "evil.example:9878",
    "localhost.evil.example",
    "127.0.0.1.nip.io:9878",
    "localhost@evil.example",
    "localhost:80@evil.example",
    "[::1].evil.example",
    "127.0.0.1@evil.example",
]
FOREIGN_ORIGINS = [
    "null",
    "",
    "http://evil.example",
    "http://localhost:1",
    "http://127.0.0.1",
    "https://localhost.evil.example",
    "file://",
]


def asked(
    port: int, method: str, path: str, headers: dict[str, str], body: str | None = None
) -> tuple[int, dict[str, str], str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.putrequest(method, path, skip_host=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        if body is not None:
            connection.putheader("content-length", str(len(body)))
        connection.endheaders(None if body is None else body.encode())
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read().decode()
    finally:
        connection.close()


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:9878", "127.0.0.1:9878", "[::1]", "[::1]:9878", "box.lan:1"])
def test_known_names_are_served(host: str) -> None:
    assert Access(None, ["Box.lan"]).refusal("/api/recordings", {"host": host}) is None
    same = {"host": host, "origin": f"http://{host}"}
    assert Access(None, ["box.lan"]).refusal("/api/recordings", same) is None


@pytest.mark.parametrize("host", FOREIGN_HOSTS)
def test_other_names_are_refused(host: str) -> None:
    refusal = Access(None).refusal("/", {"host": host})
    assert refusal is not None
    assert refusal[0] == 403


@pytest.mark.parametrize("origin", FOREIGN_ORIGINS)
def test_pages_from_elsewhere_are_refused(origin: str) -> None:
    refusal = Access(None).refusal("/api/recordings", {"host": "localhost:9878", "origin": origin})
    assert refusal is not None
    assert refusal[0] == 403


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": ""},
        {"authorization": "Bearer"},
        {"authorization": "Bearer wrong"},
        {"authorization": f"Basic {TOKEN}"},
        {"authorization": f"Bearer {TOKEN}x"},
        {"authorization": "Bearer \xff\xfe"},
        {"cookie": "asyncrr_token="},
        {"cookie": '\x00=;;="asyncrr_token'},
        {"cookie": f"other={TOKEN}"},
    ],
)
def test_without_the_token_nothing_is_told(headers: dict[str, str]) -> None:
    refusal = Access(TOKEN).refusal("/api/recordings", {"host": "localhost", **headers})
    assert refusal is not None
    assert refusal[0] == 401
    assert TOKEN not in refusal[1]


@pytest.mark.parametrize("headers", [{"authorization": f"bearer {TOKEN}"}, {"cookie": f"a=b; asyncrr_token={TOKEN}"}])
def test_the_token_comes_by_header_or_cookie(headers: dict[str, str]) -> None:
    assert Access(TOKEN).refusal("/api/recordings", {"host": "localhost", **headers}) is None


def test_the_token_is_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[bytes, bytes]] = []

    def compared(left: bytes, right: bytes) -> bool:
        calls.append((left, right))
        return False

    monkeypatch.setattr("hmac.compare_digest", compared)
    assert not Access(TOKEN).is_token(TOKEN)
    assert calls == [(TOKEN.encode(), TOKEN.encode())]


def test_the_token_is_in_no_repr(tmp_path: Path) -> None:
    assert TOKEN not in repr(Access(TOKEN)) + repr(Collector(tmp_path, token=TOKEN))


@pytest.mark.skipif(sys.platform == "win32", reason="there are no modes")
def test_a_kept_token_is_its_owners_alone(tmp_path: Path) -> None:
    token = kept_token(str(tmp_path))
    assert len(token) >= 32
    assert kept_token(str(tmp_path)) == token
    assert stat.S_IMODE((tmp_path / ".token").stat().st_mode) == 0o600


def test_an_empty_token_is_none(tmp_path: Path) -> None:
    (tmp_path / ".token").write_text("\n")
    with pytest.raises(UsageError, match="is empty: remove it"):
        kept_token(str(tmp_path))
    with pytest.raises(UsageError, match="token=' ': give one that nobody guesses"):
        Collector(tmp_path, host="0.0.0.0", token=" ", is_insecure=True)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "box.lan", ""])
def test_an_address_that_others_reach_needs_tls(tmp_path: Path, host: str) -> None:
    with pytest.raises(UsageError, match="certificate"):
        Collector(tmp_path, host=host)


def test_an_address_that_others_reach_gets_a_token(tmp_path: Path) -> None:
    async def main() -> int:
        async with collecting(tmp_path, host="0.0.0.0", is_insecure=True) as collector:
            assert collector.token == kept_token(str(tmp_path))
            path = "/api/recordings"
            return (await asyncio.to_thread(asked, collector.port, "GET", path, {"host": "localhost"}))[0]

    assert asyncio.run(main()) == 401


def test_http_answers_are_guarded(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    async def main() -> None:
        async with collecting(tmp_path, token=TOKEN) as collector:
            host = f"localhost:{collector.port}"

            async def ask(
                path: str, method: str = "GET", body: str | None = None, **headers: str
            ) -> tuple[int, dict[str, str], str]:
                given = {"host": host} | headers
                answer = await asyncio.to_thread(asked, collector.port, method, path, given, body)
                assert answer[1]["x-content-type-options"] == "nosniff"
                assert "default-src 'none'" in answer[1]["content-security-policy"]
                assert "access-control-allow-origin" not in answer[1]
                assert "server" not in answer[1]
                return answer

            bearer = {"authorization": f"Bearer {TOKEN}"}
            assert (await ask("/"))[0] == 200
            assert (await ask("/api/health"))[0] == 200
            assert (await ask("/api/recordings"))[0] == 401
            assert (await ask(f"/api/recordings?token={TOKEN}"))[0] == 401
            assert (await ask("/api/recordings", **bearer))[0] == 200
            assert (await ask("/api/recordings", host="evil.example", **bearer))[0] == 403
            assert (await ask("/api/recordings", origin="null", **bearer))[0] == 403
            assert (await ask("/api/recordings", "OPTIONS", origin="http://evil.example"))[0] == 403
            assert (await ask("/api/recordings", "DELETE", **bearer))[0] == 405
            assert (await ask("/nothing", **bearer))[0] == 404
            assert (await ask("/../../etc/passwd", **bearer))[0] == 404
            assert (await ask("/api/login", "POST", "wrong"))[0] == 401
            assert (await ask("/api/login", "POST", "x" * 5000))[0] == 413
            status, headers, body = await ask("/api/login", "POST", TOKEN)
            assert (status, body) == (204, "")
            cookie = headers["set-cookie"]
            assert "httponly" in cookie.lower()
            assert "samesite=strict" in cookie.lower()
            assert (await ask("/api/recordings", cookie=cookie.partition(";")[0]))[0] == 200

    asyncio.run(main())
    assert TOKEN not in caplog.text.replace(f"token={TOKEN}", "")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": "Bearer wrong"}, 401),
        ({"Authorization": f"Bearer {TOKEN}", "Origin": "http://evil.example"}, 403),
        ({"Authorization": f"Bearer {TOKEN}", "Origin": "null"}, 403),
    ],
)
def test_websockets_are_guarded(tmp_path: Path, headers: dict[str, str], status: int) -> None:
    async def main() -> None:
        async with collecting(tmp_path, token=TOKEN) as collector:
            with pytest.raises(InvalidStatus) as caught:
                await connect(collector.url + INGEST_PATH, additional_headers=headers, proxy=None)
            assert caught.value.response.status_code == status
            assert caught.value.response.headers["x-content-type-options"] == "nosniff"

    asyncio.run(main())


def test_a_websocket_by_another_name_is_refused(tmp_path: Path) -> None:
    async def main() -> None:
        async with collecting(tmp_path) as collector:
            with pytest.raises(InvalidStatus) as caught:
                await connect(f"ws://evil.example:{collector.port}{INGEST_PATH}", host="127.0.0.1", proxy=None)
            assert caught.value.response.status_code == 403

    asyncio.run(main())

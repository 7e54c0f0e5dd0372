"""Collectors and viewer pages that a program starts itself."""

from __future__ import annotations

import asyncio
import socket
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from collectors import collector_process, free_port, stored_values

import asyncrr as rr
from asyncrr.collector import hosting
from asyncrr.errors import ConnectError


def fetched(url: str) -> bytes:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=5) as answer:
        return bytes(answer.read())


def is_served(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def test_a_plain_script_hosts_a_collector(tmp_path: Path) -> None:
    collector = hosting.host(0, str(tmp_path))
    try:
        assert hosting.host(collector.port) is collector
        recording = rr.new_recording("tests", recording_id="plain")
        recording.connect(collector.url)
        recording.log("x", rr.Scalars(1))
        recording.close()
        assert stored_values(tmp_path, "plain") == [1]
    finally:
        collector.close()
    assert not is_served(collector.port)
    collector.close()


def test_a_running_loop_hosts_a_collector(tmp_path: Path) -> None:
    async def main() -> None:
        collector = hosting.host(0, str(tmp_path))
        try:
            async with rr.new_recording("tests", recording_id="loop") as recording:
                await recording.connect(collector.url)
                await recording.log("x", rr.Scalars(1))
        finally:
            collector.close()

    asyncio.run(main())
    assert stored_values(tmp_path, "loop") == [1]


def test_the_viewer_is_served_alone() -> None:
    server = rr.start_web_viewer_server()
    try:
        assert b"<html" in fetched(server.url).lower()
        with pytest.raises(urllib.error.HTTPError, match="404"):
            fetched(f"{server.url}/api/recordings")
        with pytest.raises(OSError, match=str(server.port)):
            rr.start_web_viewer_server(server.port)
    finally:
        server.close()
    assert not is_served(server.port)


def test_a_collector_that_is_there_is_used(tmp_path: Path) -> None:
    with collector_process(tmp_path) as process:
        assert hosting.spawn(process.port).process is None


def test_another_program_at_the_port_is_told() -> None:
    server = rr.start_web_viewer_server()
    try:
        with pytest.raises(ConnectError, match="another program"):
            hosting.spawn(server.port)
    finally:
        server.close()


def test_a_spawned_collector_takes_rows() -> None:
    port = free_port()
    spawned = hosting.spawn(port)
    assert spawned.process is not None
    try:
        recording = rr.new_recording("tests", recording_id="spawned")
        recording.connect(spawned.url, timeout=10)
        recording.log("x", rr.Scalars(1))
        recording.flush(timeout=20)
        recording.close()
        assert b"spawned" in fetched(f"{spawned.page}/api/recordings")
    finally:
        spawned.process.kill()
        spawned.process.wait(10)

"""Collectors and viewer pages that a program starts itself."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import threading
import time
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


def test_a_file_is_shown_before_it_is_there_and_by_one_server(tmp_path: Path) -> None:
    path = str(tmp_path / "later.arrd")
    server = hosting.show_file(path)
    assert hosting.show_file(path) is server
    assert json.loads(fetched(f"{server.url}/api/recordings"))["recordings"] == []
    recording = rr.new_recording("tests", recording_id="later")
    recording.save(path)
    recording.log("x", rr.Scalars(1))
    recording.flush()
    (found,) = json.loads(fetched(f"{server.url}/api/recordings"))["recordings"]
    assert found["recording_id"] == "later"
    recording.close()
    server.close()
    assert not is_served(server.port)
    again = hosting.show_file(path)
    assert again is not server
    again.close()


def test_only_some_pages_may_be_shown_in_frames(tmp_path: Path) -> None:
    hosted = hosting.host(0, str(tmp_path / "hosted"))
    assert hosting.is_framed(hosted.page)
    hosted.close()
    assert not hosting.is_framed(hosted.page), "nobody answers"
    with collector_process(tmp_path / "kept") as collector:
        assert not hosting.is_framed(hosting.page_at(collector.url))


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


def test_a_program_that_answers_anything_else_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            for _ in range(2):
                connection, _ = listener.accept()
                with connection:
                    connection.recv(4096)
                    connection.sendall(b"220 mail.example ESMTP\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        port = listener.getsockname()[1]
        with pytest.raises(ConnectError, match="another program"):
            hosting.spawn(port)
        assert not hosting.is_framed(f"http://127.0.0.1:{port}")
        thread.join()


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
        assert hosting.is_framed(spawned.page), "a notebook that spawned it shows it below a cell"
    finally:
        spawned.process.kill()
        spawned.process.wait(10)


ENDS = {
    "a plain script": "rr.serve(recording=rec)\nlog()",
    "a plain script that closes": "server = rr.serve(recording=rec)\nlog()\nrec.close()\nserver.close()",
    "a plain script that raises": "rr.serve(recording=rec)\nlog()\nsys.exit(3)",
    "a loop that ends after a flush": """
async def main():
    rec.serve()
    log()
    await rec.flush()

asyncio.run(main())
""",
    "a loop that ends at once": """
async def main():
    rec.serve()
    log()

asyncio.run(main())
""",
    "a browser that stays": """
import atexit, http.client
server = rr.serve(recording=rec)
log()
browser = http.client.HTTPConnection("127.0.0.1", server.port)
atexit.register(browser.close)
browser.request("GET", "/api/health")
browser.getresponse().read()
""",
    "the page alone": "rr.start_web_viewer_server()",
}


@pytest.mark.parametrize("end", ENDS)
def test_a_hosted_collector_ends_with_its_process_without_a_word(tmp_path: Path, end: str) -> None:
    script = f"""
import asyncio, logging, sys, tempfile
import asyncrr as rr

logging.getLogger("asyncio").setLevel(logging.ERROR)  # not that this machine is slow
tempfile.tempdir = {str(tmp_path)!r}
rec = rr.new_recording("ends", recording_id="ends")

def log():
    for number in range(50):
        rec.log("x", rr.Scalars(number))

{ENDS[end]}
"""
    start = time.monotonic()
    command = [sys.executable, "-X", "dev", "-W", "error", "-c", script]
    environment = {**os.environ, "PYTHONPATH": str(Path(rr.__file__).parent.parent)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=40, check=False)
    assert (done.returncode, done.stderr) == (3 if "raises" in end else 0, "")
    assert time.monotonic() - start < 15
    if "page" not in end:
        (directory,) = tmp_path.glob("asyncrr-*")
        assert stored_values(directory, "ends") == list(range(50))

"""The viewer's endpoints, as a program asks them."""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgpack
import numpy as np
import pytest
from collectors import CollectorProcess, collector_process
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

import asyncrr as rr


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[CollectorProcess]:
    """A collector in a process of its own."""
    with collector_process(tmp_path / "kept") as found:
        yield found


def log(collector: CollectorProcess, first: int, last: int) -> dict[str, int]:
    """Rows ``first`` to ``last`` of the recording ``routes``, acknowledged; what was dropped."""

    async def run() -> dict[str, int]:
        async with rr.new_recording("routes", recording_id="routes") as rec:
            await rec.connect(collector.url)
            for step in range(first, last):
                await rec.log("logs", rr.TextLog(f"line {step} " + 200 * "x"), time={"step": step})
                if step % 10 == 0:
                    await rec.flush()
            await rec.flush()
        return dict(rec.stats().dropped)

    return asyncio.run(run())


def ask(collector: CollectorProcess, path: str) -> tuple[int, bytes]:
    """Status and body of an answer."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{collector.port}/api/{path}", timeout=20) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def test_a_viewer_that_does_not_read_holds_up_nobody(collector: CollectorProcess) -> None:
    log(collector, 0, 10)
    address = f"{collector.url}/api/live/routes"
    with connect(address, max_queue=1, proxy=None) as slow, connect(address, proxy=None) as quick:
        assert json.loads(quick.recv(10))["tree"]["entities"]["logs"]["rows"] == 10
        assert log(collector, 10, 400) == {}
        rows = 0
        while rows < 400:
            told = json.loads(quick.recv(10))
            rows = told["tree"]["entities"]["logs"]["rows"] if "tree" in told else told["changed"]["logs"]
        messages: list[Any] = [json.loads(slow.recv(10))]
        while not ("changed" in messages[-1] and messages[-1]["changed"]["logs"] == 400):
            messages.append(json.loads(slow.recv(10)))
        assert "tree" in messages[0]


def test_of_what_is_not_there_it_says_so(collector: CollectorProcess) -> None:
    log(collector, 0, 5)
    assert ask(collector, "recordings/nothing/tree")[0] == 404
    assert ask(collector, "recordings/routes/latest?timeline=step")[0] == 400
    assert ask(collector, "recordings/routes/latest?timeline=step&at=soon")[0] == 400
    endless = "9" * 400
    assert ask(collector, f"recordings/routes/density?timeline=step&from=0&to={endless}")[0] == 400
    assert ask(collector, "recordings/routes/latest?timeline=none&at=3&entity=logs") == (200, b"")
    assert json.loads(ask(collector, "recordings/routes/gaps?timeline=step")[1]) == []
    many = "&entity=logs" * 101
    assert ask(collector, f"recordings/routes/series?timeline=step&component=x{many}")[0] == 400
    assert ask(collector, "recordings/routes/neighbor?timeline=step&at=2")[0] == 400
    assert ask(collector, "recordings/routes/neighbor?timeline=step&at=2&direction=up")[0] == 400
    with connect(f"{collector.url}/api/live/nothing", proxy=None) as socket, pytest.raises(ConnectionClosed) as closed:
        socket.recv(10)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4404


def test_whoever_sends_bytes_to_a_page_is_told_that_they_mean_nothing(collector: CollectorProcess) -> None:
    log(collector, 0, 5)
    with connect(f"{collector.url}/api/live/routes", proxy=None) as socket, pytest.raises(ConnectionClosed) as closed:
        assert "tree" in json.loads(socket.recv(10))
        socket.send("a word is passed over")
        socket.send(b"bytes")
        while True:
            socket.recv(10)
    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1003, "bytes mean nothing here")
    assert ask(collector, "recordings/routes/tree")[0] == 200


def test_the_time_goes_from_row_to_row(collector: CollectorProcess) -> None:
    log(collector, 0, 25)

    def beside(at: int, direction: str) -> object:
        status, body = ask(collector, f"recordings/routes/neighbor?timeline=step&at={at}&direction={direction}")
        assert status == 200
        return json.loads(body)["time"]

    assert [beside(at, "next") for at in (-5, 0, 23, 24)] == ["0", "1", "24", None]
    assert [beside(at, "previous") for at in (99, 24, 1, 0)] == ["24", "23", "0", None]


def test_numbers_of_several_entities_are_told_together(collector: CollectorProcess) -> None:
    async def run() -> None:
        async with rr.new_recording("numbers", recording_id="numbers") as rec:
            await rec.connect(collector.url)
            for step in range(5):
                await rec.log("twice/a", rr.Scalars(2 * step), time={"step": step})
                await rec.log("b", rr.Scalars(step), time={"step": step})
            await rec.flush()

    asyncio.run(run())
    names = "&entity=b&entity=nothing&entity=twice/a"
    status, body = ask(collector, f"recordings/numbers/series?timeline=step&component=Scalars:scalars{names}")
    assert status == 200
    found = [[np.frombuffer(line["y"]).tolist() for line in each["series"]] for each in msgpack.unpackb(body)]
    assert found == [[[0, 1, 2, 3, 4]], [], [[0, 2, 4, 6, 8]]]
    assert msgpack.unpackb(ask(collector, "recordings/numbers/series?timeline=step&component=x")[1]) == []

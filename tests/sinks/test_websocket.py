"""The sink that sends to a collector, beside collectors that behave and those that do not."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from collectors import collecting, free_port, stored, stored_values
from websockets.asyncio.server import ServerConnection, serve

import asyncrr as rr
from asyncrr.errors import AuthError, ConnectError, ProtocolError, UsageError
from asyncrr.wire import Error, Welcome, encode_message


@asynccontextmanager
async def fake(answer: bytes | None, close_code: int = 1000) -> AsyncIterator[tuple[str, list[int]]]:
    """A server that answers a hello, takes one message, and closes; and how often somebody came."""
    visits: list[int] = []

    async def talk(connection: ServerConnection) -> None:
        visits.append(1)
        await connection.recv()
        if answer is not None:
            await connection.send(answer)
        if close_code != 1000:
            await connection.recv()
        await connection.close(close_code)

    async with serve(talk, "127.0.0.1", 0, compression=None) as server:
        yield f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}", visits


@pytest.mark.parametrize("url", ["", "http://x", "ws://", "ws://user:secret@x", "ws://x?token=secret"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        rr.WebSocketSink(url)
    assert "secret" not in str(caught.value)


def test_the_token_is_in_no_repr() -> None:
    assert "secret" not in repr(rr.WebSocketSink("ws://x", token="secret"))


@pytest.mark.parametrize("token", [None, "wrong"])
def test_a_wrong_token_is_refused_once(tmp_path: Path, token: str | None) -> None:
    async def main() -> None:
        async with collecting(tmp_path, token="right") as collector:
            recording = rr.new_recording("tests", recording_id="auth")
            with pytest.raises(AuthError, match="token"):
                await recording.connect(collector.url, token=token)
            assert recording.status == "failed"
            with pytest.raises(rr.FlushError, match=r"^not flushed: .*token") as caught:
                await recording.flush()
            assert caught.value.pending == {}
            await recording.aclose()  # no row is lost

    asyncio.run(main())


def test_leaving_a_block_by_a_refusal_tells_nothing_more(tmp_path: Path) -> None:
    async def main() -> None:
        async with collecting(tmp_path, token="right") as collector:
            with pytest.raises(AuthError, match="token"):
                async with rr.new_recording("tests", recording_id="auth") as recording:
                    await recording.connect(collector.url, token="wrong")

    asyncio.run(main())


def test_rows_that_a_refusal_loses_are_told_with_it(tmp_path: Path) -> None:
    async def main() -> None:
        async with collecting(tmp_path, token="right") as collector:
            recording = rr.new_recording("tests", recording_id="auth")
            recording.connect(collector.url, token="wrong")
            recording.log("x", 1.0)
            with pytest.raises(rr.FlushError, match=r"^not handed over: 1 rows for ws://.*token"):
                await recording.aclose()

    asyncio.run(main())


async def given_up(recording: rr.RecordingStream) -> None:
    """Wait for the end of the sink's task: nothing is left that could try again."""
    (lane,) = recording._writer.lanes
    assert isinstance(lane.sink, rr.WebSocketSink)
    assert lane.sink._task is not None
    await asyncio.wait_for(lane.sink._task, 5)


def test_another_version_is_refused_once() -> None:
    async def main() -> None:
        async with fake(encode_message(Error("version", "protocol 9"))) as (url, visits):
            recording = rr.new_recording("tests", recording_id="version")
            with pytest.raises(ProtocolError, match="protocol 9"):
                await recording.connect(url)
            await given_up(recording)
            assert len(visits) == 1
            with suppress(rr.FlushError):
                await recording.aclose()

    asyncio.run(main())


def test_a_frame_that_is_too_large_fails_once() -> None:
    async def main() -> None:
        async with fake(encode_message(Welcome(0, "fake")), 1009) as (url, visits):
            recording = rr.new_recording("tests", recording_id="large")
            await recording.connect(url)
            await recording.log("x", rr.Scalars(1))
            with pytest.raises((rr.FlushError, ProtocolError), match="larger than"):
                await recording.flush(timeout=5)
            await given_up(recording)
            assert len(visits) == 1
            with suppress(rr.FlushError):
                await recording.aclose()

    asyncio.run(main())


def test_connect_gives_up_waiting_and_goes_on_trying(tmp_path: Path) -> None:
    async def main() -> None:
        port = free_port()
        recording = rr.new_recording("tests", recording_id="late")
        await recording.log("x", rr.Scalars(0))
        with pytest.raises(ConnectError):
            await recording.connect(f"ws://127.0.0.1:{port}", timeout=0.2)
        async with collecting(tmp_path, port=port):
            await recording.flush(timeout=5)
            await recording.aclose()

    asyncio.run(main())
    assert stored_values(tmp_path, "late") == [0]
    assert rr.read_recording(stored(tmp_path, "late")).is_complete


@pytest.mark.filterwarnings("ignore::asyncrr.errors.RecordingWarning")
def test_closing_without_a_collector_is_bounded_and_counted() -> None:
    async def main() -> None:
        recording = rr.new_recording("tests", recording_id="dead")
        recording.connect(f"ws://127.0.0.1:{free_port()}")
        await recording.log("x", rr.Scalars(0))
        start = time.monotonic()
        with suppress(rr.FlushError):
            await recording.aclose(timeout=0.3)
        assert time.monotonic() - start < 2
        assert sum(recording.stats().dropped.values()) == 1

    asyncio.run(main())


def test_a_cancelled_task_goes_on(tmp_path: Path) -> None:
    async def main() -> None:
        recording = rr.new_recording("tests", recording_id="cancelled")
        async with collecting(tmp_path) as collector, recording:
            await recording.connect(collector.url)
            for number in range(5):
                await recording.log("x", rr.Scalars(number))
                for task in asyncio.all_tasks():
                    if task.get_name().startswith("asyncrr connection to"):
                        task.cancel()
                await recording.flush(timeout=5)

    asyncio.run(main())
    assert stored_values(tmp_path, "cancelled") == [0, 1, 2, 3, 4]


def test_disconnecting_ends_the_session(tmp_path: Path) -> None:
    async def main() -> None:
        async with collecting(tmp_path) as collector:
            recording = rr.new_recording("tests", recording_id="ended")
            await recording.connect(collector.url)
            await recording.log("x", rr.Scalars(0))
            await recording.disconnect()
            assert rr.read_recording(stored(tmp_path, "ended")).is_complete
            await recording.aclose()

    asyncio.run(main())

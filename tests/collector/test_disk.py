"""What the collector does when the disk is full or fails: nothing that is not stored is acknowledged."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import threading
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from collectors import collecting, stored, stored_values
from recorder import frame, header, recorder

import asyncrr as rr
from asyncrr.collector import commit, segments
from asyncrr.collector.scanning import scan_segment
from asyncrr.wire import Ack, End, Ended, Expected


@pytest.fixture(autouse=True)
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commit, "_RETRY_SECONDS", 0.02)


class Disk:
    """Takes the place of the system's calls and fails on command."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.room: int | None = None
        self.write_error = errno.ENOSPC
        self.failing_syncs = 0
        self.failed = asyncio.Event()
        self._sync = segments.sync_file
        monkeypatch.setattr(segments, "write_some", self.write)
        monkeypatch.setattr(segments, "sync_file", self.sync)

    def write(self, descriptor: int, data: bytes | memoryview) -> int:
        if self.room is None:
            return os.write(descriptor, data)
        written = os.write(descriptor, data[: self.room])
        self.room -= written
        if not written:
            error = self.write_error
            if error == errno.EIO:
                self.room = None  # another segment will do
            raise OSError(error, os.strerror(error))
        return written

    def sync(self, descriptor: int) -> None:
        if self.failing_syncs:
            self.failing_syncs -= 1
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        self._sync(descriptor)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


async def until(claim: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not claim():
            await asyncio.sleep(0.005)


@pytest.mark.parametrize("room", [0, 10, 700, 1000])
def test_a_full_disk_holds_rows_up_and_loses_none(tmp_path: Path, disk: Disk, room: int) -> None:
    async def main() -> None:
        async with collecting(tmp_path) as collector, recorder(collector) as client:
            await client.greet(header("r"))
            disk.room = room
            frames = [frame(number) for number in range(1, 11)]
            await client.send(*frames)
            await until(lambda: collector._store.trouble is not None)
            acknowledged = 0
            for path in stored(tmp_path, "r").glob("*.arrd"):
                assert not rr.read_recording(path).damage  # cut back to the last whole frame
            disk.room = None
            while acknowledged < 10:
                answer = await client.hear()
                assert isinstance(answer, Ack)
                acknowledged = answer.durable
                assert acknowledged <= len(stored_values(tmp_path, "r"))
            await until(lambda: collector._store.trouble is None)
            await client.send(End(10))
            assert await client.hear() == Ended()
        assert stored_values(tmp_path, "r") == list(range(10))
        data = rr.read_recording(stored(tmp_path, "r"))
        assert (data.damage, data.is_complete) == ([], True)

    asyncio.run(main())


def test_a_full_disk_does_not_stop_other_writers_for_good(tmp_path: Path, disk: Disk) -> None:
    async def main() -> None:
        async with collecting(tmp_path) as collector, recorder(collector) as one, recorder(collector) as two:
            await one.greet(header("one"))
            await two.greet(header("two"))
            disk.room = 0
            await one.send(frame(1))
            await two.send(frame(1))
            await until(lambda: collector._store.trouble is not None)
            disk.room = None
            await one.acknowledged(1)
            await two.acknowledged(1)

    asyncio.run(main())


def test_after_a_failed_write_the_rest_is_asked_for_again(tmp_path: Path, disk: Disk) -> None:
    async def main() -> None:
        async with collecting(tmp_path) as collector, recorder(collector) as client:
            await client.greet(header("r"))
            await client.send(frame(1))
            await client.acknowledged(1)
            disk.write_error, disk.room = errno.EIO, 400
            await client.send(*[frame(number) for number in range(2, 11)])
            said = []
            while not said or not isinstance(said[-1], Expected):
                said.append(await client.hear())
            again = said[-1].sequence
            assert 2 <= again <= 10
            await client.send(*[frame(number) for number in range(again, 11)])
            await client.acknowledged(10)
        assert len(list(stored(tmp_path, "r").glob("*.arrd"))) == 2
        assert stored_values(tmp_path, "r") == list(range(10))

    asyncio.run(main())


def test_a_failed_sync_is_final_for_its_segment(tmp_path: Path, disk: Disk) -> None:
    async def main() -> None:
        async with collecting(tmp_path) as collector, recorder(collector) as client:
            await client.greet(header("r"))
            await client.send(frame(1))
            await client.acknowledged(1)
            disk.failing_syncs = 1
            await client.send(frame(2), frame(3))
            assert await client.hear() == Expected(2)
            await client.send(frame(2), frame(3))
            await client.acknowledged(3)
        first, second = sorted(stored(tmp_path, "r").glob("*.arrd"))
        facts = [scan_segment(str(path)) for path in (first, second)]
        assert [each.last_sequence for each in facts if each is not None] == [1, 3]
        assert stored_values(tmp_path, "r") == [0, 1, 2]

    asyncio.run(main())


@pytest.mark.parametrize("tail", [b"", b"torn", bytes(frame(3))[:-8], bytes(frame(3))[:30], b"\0" * 64])
def test_a_torn_segment_is_left_alone_and_another_one_goes_on(tmp_path: Path, tail: bytes) -> None:
    async def main() -> None:
        whose = header("r")
        async with collecting(tmp_path) as collector, recorder(collector) as client:
            await client.greet(whose)
            await client.send(frame(1), frame(2))
            await client.acknowledged(2)
        (path,) = stored(tmp_path, "r").glob("*.arrd")
        with path.open("ab") as file:
            file.write(tail)
        before = path.read_bytes()
        async with collecting(tmp_path) as collector, recorder(collector) as client:
            assert (await client.greet(whose, 1)).durable == 2
            await client.send(frame(3))
            await client.acknowledged(3)
        assert path.read_bytes() == before
        assert stored_values(tmp_path, "r") == [0, 1, 2]

    asyncio.run(main())


def test_the_file_of_a_writer_that_went_away_is_let_go(tmp_path: Path) -> None:
    async def main() -> None:
        whose = header("r")
        async with collecting(tmp_path) as collector:
            store = collector._store
            store._idle_seconds = 0.01
            async with recorder(collector) as client:
                await client.greet(whose)
                await client.send(frame(1))
                await client.acknowledged(1)
                assert store._ledgers
            await until(lambda: not store._ledgers)
            async with recorder(collector) as client:
                assert (await client.greet(whose, 2)).durable == 1
                await client.send(frame(2))
                await client.acknowledged(2)
        assert stored_values(tmp_path, "r") == [0, 1]
        assert len(list(stored(tmp_path, "r").glob("*.arrd"))) == 2

    asyncio.run(main())


def test_a_writer_that_returns_in_time_goes_on_in_its_file(tmp_path: Path) -> None:
    async def main() -> None:
        whose = header("r")
        async with collecting(tmp_path) as collector:
            for number in (1, 2):
                async with recorder(collector) as client:
                    await client.greet(whose, number)
                    await client.send(frame(number))
                    await client.acknowledged(number)
        assert len(list(stored(tmp_path, "r").glob("*.arrd"))) == 1

    asyncio.run(main())


def test_many_idle_writers_do_not_hold_many_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from asyncrr.collector import store as module

    monkeypatch.setattr(module, "_MAX_IDLE", 2)

    async def main() -> None:
        async with collecting(tmp_path) as collector:
            for number in range(5):
                async with recorder(collector) as client:
                    await client.greet(header(f"r{number}"))
                    await client.send(frame(1))
                    await client.acknowledged(1)
            await until(lambda: len(collector._store._ledgers) <= 3)

    asyncio.run(main())


def test_a_recorder_that_ignores_its_window_is_not_read_any_more(tmp_path: Path, disk: Disk) -> None:
    big = 1000

    async def main() -> None:
        async with collecting(tmp_path) as collector, recorder(collector) as client:
            collector._sessions.held_bytes = frame(1, big).nbytes * 3
            await client.greet(header("r"))
            disk.room = 0
            sending = asyncio.create_task(client.send(*[frame(1, big)]))
            await sending
            await until(lambda: collector._store.trouble is not None)

            async def flood() -> None:
                for number in range(2, 3000):
                    await client.send(frame(number, big))

            flooding = asyncio.create_task(flood())
            (ledger,) = collector._store._ledgers.values()
            await until(lambda: ledger.held_bytes > collector._sessions.held_bytes)
            for _ in range(20):
                await asyncio.sleep(0.01)
                assert ledger.held_bytes <= 5 * frame(1, big).nbytes
            assert not flooding.done()
            disk.room = None
            await client.acknowledged(2999)
            await flooding

    asyncio.run(main())


@pytest.mark.parametrize("call", ["write_some", "sync_file"])
@pytest.mark.parametrize("others", [1, 3])
def test_a_file_that_stands_still_holds_up_nobody_but_who_waits_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, others: int
) -> None:
    stands_still, goes_on = threading.Event(), threading.Event()
    proper = getattr(segments, call)

    def act(*arguments: Any) -> Any:
        if not stands_still.is_set():
            stands_still.set()
            goes_on.wait(30)
        return proper(*arguments)

    async def main() -> None:
        async with collecting(tmp_path) as collector, recorder(collector) as slow:
            await slow.greet(header("slow"))
            monkeypatch.setattr(segments, call, act)
            await slow.send(frame(1))
            await asyncio.to_thread(stands_still.wait, 30)
            try:
                await slow.send(frame(2))
                for number in range(others):
                    async with recorder(collector) as other:
                        await other.greet(header(f"other {number}"))
                        await other.send(frame(1))
                        await other.acknowledged(1)
                answer = await asyncio.to_thread(urllib.request.urlopen, f"{collector.page}/api/health", timeout=20)
                assert answer.status == 200
                answer.close()
            finally:
                goes_on.set()
            await slow.acknowledged(2)
        assert stored_values(tmp_path, "slow") == [0, 1]

    asyncio.run(main())


def test_what_came_during_a_sync_waits_for_the_next_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No frame is acknowledged by a sync that began before it was written, though it has been seen by then."""
    proper = segments.sync_file
    begun, may_end = threading.Semaphore(0), threading.Semaphore(0)

    def sync(descriptor: int) -> None:
        begun.release()
        may_end.acquire(timeout=30)
        proper(descriptor)

    async def main() -> None:
        async with collecting(tmp_path) as collector, recorder(collector) as client:
            await client.greet(header("r"))
            monkeypatch.setattr(segments, "sync_file", sync)
            await client.send(frame(1))
            assert await asyncio.to_thread(begun.acquire, timeout=30)
            try:
                await client.send(frame(2), frame(3))
                (ledger,) = collector._store._ledgers.values()
                await until(lambda: ledger.receiver.received == 3)
                may_end.release()
                assert await client.hear() == Ack(1)
                assert await asyncio.to_thread(begun.acquire, timeout=30)
            finally:
                may_end.release(10)
            assert await client.hear() == Ack(3)

    asyncio.run(main())


def test_files_that_stand_still_take_a_bounded_number_of_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    goes_on = threading.Event()
    standing: list[int] = []

    def sync(descriptor: int) -> None:
        standing.append(descriptor)
        goes_on.wait(30)

    async def main() -> None:
        async with collecting(tmp_path) as collector, contextlib.AsyncExitStack() as stack:
            monkeypatch.setattr(segments, "sync_file", sync)
            clients = [await stack.enter_async_context(recorder(collector)) for _ in range(2 * commit._SYNCING_THREADS)]
            for number, client in enumerate(clients):
                await client.greet(header(f"r{number}"))
                await client.send(frame(1))
            await until(lambda: len(standing) == commit._SYNCING_THREADS)
            names = [thread.name for thread in threading.enumerate()]
            assert names.count("asyncrr-collector-sync") == commit._SYNCING_THREADS
            assert names.count("asyncrr-collector-write") <= commit._WRITING_THREADS
            goes_on.set()
            for client in clients:
                await client.acknowledged(1)
        left = [thread for thread in threading.enumerate() if thread.name.startswith("asyncrr-collector-sync")]
        assert left == []

    asyncio.run(main())

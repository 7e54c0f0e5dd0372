"""Every sink, every policy for full queues, every kind of fault: the counts are exact, and so is what was stored."""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import sys
from collections.abc import Coroutine, Generator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from collectors import collecting, free_port, stored
from doubles import balances
from faults import programs
from faults.harness import check_rows, rounds

import asyncrr as rr
from asyncrr.sinks.spooling import push

pytestmark = pytest.mark.filterwarnings("ignore::asyncrr.errors.RecordingWarning")

SINKS = ["file", "disk", "stream", "memory", "websocket", "spool", "tee"]
POLICIES = ["wait", "drop_oldest", "drop_newest", "raise"]
FAULTS = ["none", "fails", "stands still", "refuses"]


class Stream(io.BytesIO):
    """A stream that fails for a while."""

    def __init__(self) -> None:
        super().__init__()
        self.failures = 0

    def write(self, data: Any) -> int:
        if self.failures:
            self.failures -= 1
            raise OSError(28, "No space left on device")
        return super().write(data)


class Bench:
    """One sink of a kind with a fault, and what comes of it."""

    def __init__(self, place: Path, kind: str, fault: str, port: int) -> None:
        self.place = place
        self.kind = kind
        self.fault = fault
        self.stream = Stream()
        self.memory: rr.MemoryRecording | None = None
        self.url = f"ws://127.0.0.1:{port}"

    def set_sinks(self, recording: rr.RecordingStream) -> Any:
        file = self.place / "run.arrd"
        if self.fault == "refuses" and self.kind in ("file", "disk", "tee"):
            file = self.place / "missing" / "run.arrd"
        if self.kind == "memory":
            self.memory = recording.memory_recording()
            return None
        if self.kind == "stream":
            return recording.set_sinks(rr.StreamSink(self.stream))
        if self.kind == "tee":
            return recording.set_sinks(
                programs.sink_of("file", str(file)), programs.sink_of("websocket", self.url), rr.StreamSink(self.stream)
            )
        target = self.url if self.kind in ("websocket", "spool") else str(file)
        return recording.set_sinks(programs.sink_of(self.kind, target, str(self.place / "spool")))

    def sources(self, collected: Path) -> dict[str, Any]:
        """What each sink has stored, by its name."""
        found: dict[str, Any] = {}
        if self.kind in ("file", "disk", "tee") and self.fault != "refuses":
            found[str(self.place / "run.arrd")] = self.place / "run.arrd"
        if self.kind in ("stream", "tee"):
            found["stream"] = self.stream.getvalue()
        if self.kind in ("websocket", "tee", "spool") and list(stored(collected, "faults").glob("*.arrd")):
            found[self.url] = stored(collected, "faults")
        return found


async def overfill(recording: rr.RecordingStream, count: int) -> int:
    """Log more than the queue holds; how many rows were taken."""
    taken = 0
    for number in range(count):
        with contextlib.suppress(rr.QueueFull):
            recording.log("rows", programs.row("w", number), time={"step": number})
            taken += 1
        if number % 50 == 0:
            assert balances(recording)
            await asyncio.sleep(0)
    return taken


@pytest.mark.timeout(120)
@pytest.mark.parametrize("kind", SINKS)
@pytest.mark.parametrize("on_full", POLICIES)
@pytest.mark.parametrize("fault", FAULTS)
def test_counts_are_exact(tmp_path: Path, kind: str, on_full: Any, fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is delivered can be read, what is dropped is told by gap marks, and together that is what was logged."""
    from asyncrr.sinks import file
    from asyncrr.sinks.targets import File

    monkeypatch.setattr(file, "_RETRY_SECONDS", 0.02)
    failures = 3 if fault == "fails" else 0
    write = File.write

    def failing_write(self: File, data: bytes | memoryview) -> None:
        nonlocal failures
        if failures and len(data) > 200:
            failures -= 1
            write(self, data[:100])
            raise OSError(28, "No space left on device")
        write(self, data)

    monkeypatch.setattr(File, "write", failing_write)

    async def main() -> None:
        async with contextlib.AsyncExitStack() as stack:
            token = "right" if fault == "refuses" else None
            port = free_port()
            if fault != "stands still":
                await stack.enter_async_context(collecting(tmp_path / "collected", token=token, port=port))
            bench = Bench(tmp_path, kind, fault, port)
            recording = rr.new_recording(
                "faults", recording_id="faults", on_full=on_full, max_queue_bytes=20_000, batching=programs.SMALL
            )
            opened = bench.set_sinks(recording)
            if fault in ("none", "fails") and opened is not None:
                await opened
            bench.stream.failures = failures
            taken = await overfill(recording, 2000)
            with contextlib.suppress(rr.FlushError):
                await recording.flush(timeout=0.5 if fault in ("stands still", "refuses") else 10)
            assert balances(recording)
            drained = bench.memory.drain_as_bytes() if bench.memory is not None else None
            with contextlib.suppress(rr.FlushError):
                await recording.aclose(timeout=0.5 if fault == "stands still" else 5)
            if kind == "spool" and fault in ("none", "fails"):  # what a slow machine had no time for
                await push(tmp_path / "spool", bench.url)
        stats = recording.stats()
        assert balances(recording)
        assert stats.logged == taken
        for sink in stats.sinks:
            assert sink.queued == sink.in_flight == 0
            assert sink.delivered + sum(sink.dropped.values()) == stats.logged
        if kind == "spool" and fault in ("stands still", "refuses"):
            assert stats.delivered + sum(stats.dropped.values()) == stats.logged
            check_stored(tmp_path / "spool", stats.delivered, stats)
        by_name = {sink.name: sink for sink in stats.sinks}
        for name, source in bench.sources(tmp_path / "collected").items():
            check_stored(source, by_name[name].delivered, by_name[name])
        if drained is not None:
            check_stored(drained, stats.delivered, stats)

    asyncio.run(main())


def check_stored(source: Any, delivered: int, stats: Any) -> None:
    data = rr.read_recording(source)
    found = check_rows(source, {"w": 0}, gaps=True)["w"]
    assert found == delivered
    assert not [one for one in data.damage if one.length]
    rows = [row.times["step"] for row in data.rows("rows", timeline="step")]
    assert rows == sorted(set(rows))
    told = sum(gap.row_count for gap in data.gaps())
    dropped = sum(count for reason, count in stats.dropped.items() if reason not in ("sink_failed", "close_timeout"))
    assert told <= dropped  # what is dropped when no sink takes anything any more is told by nobody
    assert told == dropped or {"sink_failed", "close_timeout"} & set(stats.dropped)


class CancelAt:
    """Runs a coroutine and cancels its task when it awaits for the `nth` time."""

    def __init__(self, coroutine: Coroutine[Any, Any, None], nth: int) -> None:
        self._coroutine = coroutine
        self._nth = nth

    def __await__(self) -> Generator[Any, Any, None]:
        task = asyncio.current_task()
        assert task is not None
        awaits = 0
        value: Any = None
        error: BaseException | None = None
        while True:
            try:
                step = self._coroutine.send(value) if error is None else self._coroutine.throw(error)
            except StopIteration:
                return
            if awaits == self._nth:
                asyncio.get_running_loop().call_soon(task.cancel)
            awaits += 1
            value, error = None, None
            try:
                value = yield step
            except BaseException as caught:
                error = caught


@pytest.mark.timeout(120)
@pytest.mark.parametrize("kind", SINKS)
def test_cancelled_at_every_await(tmp_path: Path, kind: str) -> None:
    """In opening, logging, flushing and closing: nothing is lost, written twice or left hanging."""

    async def life(bench: Bench, recording: rr.RecordingStream, logged: list[int]) -> None:
        opened = bench.set_sinks(recording)
        if opened is not None:
            await opened
        for _ in range(3):
            logged.append(len(logged))
            await recording.log("rows", programs.row("w", logged[-1]), time={"step": logged[-1]})
        await recording.flush()
        logged.append(len(logged))
        await recording.log("rows", programs.row("w", logged[-1]), time={"step": logged[-1]})
        await recording.flush()
        await recording.aclose()

    async def main(nth: int) -> bool:
        place = tmp_path / str(nth)
        place.mkdir()
        async with collecting(place / "collected") as collector:
            bench = Bench(place, kind, "none", collector.port)
            recording = rr.new_recording("faults", recording_id="faults", batching=programs.SMALL)
            logged: list[int] = []

            async def run() -> None:
                await CancelAt(life(bench, recording, logged), nth)

            task = asyncio.create_task(run())
            await asyncio.wait([task], timeout=20)
            assert task.done()
            is_cancelled = task.cancelled()
            drained = bench.memory.drain_as_bytes() if bench.memory is not None else None
            await recording.aclose()
            assert balances(recording)
            stats = recording.stats()
            assert stats.logged == len(logged)
            assert not stats.dropped
            if kind == "spool":
                await push(place / "spool", collector.url)
            if any(sink.name == "buffer" for sink in stats.sinks):
                return is_cancelled
            for source in bench.sources(place / "collected").values():
                assert check_rows(source, {}).get("w", 0) == len(logged)
            if drained and logged:
                assert check_rows(drained, {}).get("w", 0) == len(logged)
        return is_cancelled

    nth = 0
    while asyncio.run(main(nth)):
        nth += 1
        assert nth < 100
    assert nth >= (1 if kind == "memory" else 3)


@pytest.mark.parametrize("kind", SINKS)
def test_three_loops_in_one_process(tmp_path: Path, kind: str) -> None:
    """A recording goes on where the loop before ended."""
    port = free_port()
    bench = Bench(tmp_path, kind, "none", port)
    recording = rr.new_recording("faults", recording_id="faults", batching=programs.SMALL)
    drained = b""

    async def run(turn: int) -> bytes:
        async with collecting(tmp_path / "collected", port=port):
            if turn == 0:
                bench.set_sinks(recording)
            for number in range(turn * 10, turn * 10 + 10):
                await recording.log("rows", programs.row("w", number), time={"step": number})
            await recording.flush(timeout=20)
            if turn == 2:
                last = bench.memory.drain_as_bytes() if bench.memory is not None else b""
                await recording.aclose()
                return last
        return b""

    for turn in range(3):
        drained += asyncio.run(run(turn))
    for source in bench.sources(tmp_path / "collected").values():
        assert check_rows(source, {}) == {"w": 30}
    if drained:
        assert check_rows(drained, {}) == {"w": 30}


def loop_factories() -> list[Any]:
    """uvloop, and from Python 3.12 on tasks that start eagerly."""
    kinds = ["uvloop"] if sys.platform != "win32" else []
    return kinds + (["eager"] if sys.version_info >= (3, 12) else [])


@pytest.mark.parametrize("loop", loop_factories())
@pytest.mark.parametrize("kind", SINKS)
def test_other_loops(tmp_path: Path, kind: str, loop: str) -> None:
    if loop == "uvloop":
        if os.environ.get("CI") != "true":
            pytest.importorskip("uvloop")
        import uvloop

        new_loop = uvloop.new_event_loop
    else:

        def new_loop() -> asyncio.AbstractEventLoop:
            made = asyncio.new_event_loop()
            made.set_task_factory(asyncio.eager_task_factory)  # type: ignore[attr-defined]
            return made

    async def main() -> None:
        async with collecting(tmp_path / "collected") as collector:
            bench = Bench(tmp_path, kind, "none", collector.port)
            async with rr.new_recording("faults", recording_id="faults", batching=programs.SMALL) as recording:
                opened = bench.set_sinks(recording)
                if opened is not None:
                    await opened
                for number in range(100):
                    await recording.log("rows", programs.row("w", number), time={"step": number})
                    await rr.log("picture", rr.Image(np.zeros((40, 60, 3), np.uint8)))
                await recording.flush()
            assert recording.stats().delivered == 200
            if kind == "spool":  # what a slow machine had no time for
                await push(tmp_path / "spool", bench.url)
            for source in bench.sources(tmp_path / "collected").values():
                assert check_rows(source, {}) == {"w": 100}

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(main())


@pytest.mark.timeout(120)
def test_threads_and_tasks_together(tmp_path: Path) -> None:
    async def main() -> int:
        async with collecting(tmp_path) as collector:
            recording = rr.new_recording("faults", recording_id="faults", max_queue_bytes=50_000)
            await recording.connect(collector.url)
            count = rounds(500, 20_000)

            def work(writer: str) -> None:
                for number in range(count):
                    recording.log("rows", programs.row(writer, number))

            async def task(writer: str) -> None:
                for number in range(count):
                    await recording.log("rows", programs.row(writer, number))

            threads = [asyncio.to_thread(work, f"thread-{number}") for number in range(3)]
            await asyncio.gather(*threads, *[task(f"task-{number}") for number in range(3)])
            await recording.flush()
            await recording.aclose()
            return count

    count = asyncio.run(main())
    least = {f"{kind}-{number}": count for kind in ("thread", "task") for number in range(3)}
    assert check_rows(stored(tmp_path, "faults"), least) == least

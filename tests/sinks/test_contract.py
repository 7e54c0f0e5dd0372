"""What every sink promises, held against each of them by the same scenarios."""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import subprocess
import sys
import textwrap
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from collectors import CollectorProcess, collector_process, stored
from doubles import balances, new_recording

import asyncrr as rr
from asyncrr.errors import SinkError
from asyncrr.outbox import Outbox
from asyncrr.sinks.file import stdout_sink
from asyncrr.sinks.memory import MemorySink


class Place:
    """Where a recording's rows go, and how those that are there now are read.

    Args:
        sinks: Makes the sinks for one opening.
        sources: For each sink what to read.
        state: What the recording calls its state while they are open.
    """

    def __init__(
        self, sinks: Callable[[], list[Any]], sources: Callable[[str], list[Any]], state: str = "open"
    ) -> None:
        self.sinks = sinks
        self.state = state
        self._sources = sources

    def check(self, recording: rr.RecordingStream, count: int) -> None:
        """Each sink has the first `count` rows, each once, in order, and undamaged."""
        for source in self._sources(recording.recording_id):
            if not count:
                continue
            data = rr.read_recording(source)
            assert data.damage == []
            assert data.gaps() == []
            rows = list(data.rows("x", timeline="step"))
            assert [int(row.times["step"]) for row in rows] == list(range(count))
            assert [float(row.components["Scalars:scalars"][0]) for row in rows] == list(range(count))
            by_writer: dict[Any, list[Any]] = {}
            for row in rows:
                by_writer.setdefault(row.row_id[0], []).append(row.row_id)
            assert all(ids == sorted(set(ids)) for ids in by_writer.values())


class Kept:
    """Memory sinks, one for each opening, and all that was drained from them."""

    def __init__(self) -> None:
        self._sinks: list[MemorySink] = []
        self._data = b""

    def sink(self) -> MemorySink:
        self._sinks.append(MemorySink())
        return self._sinks[-1]

    def data(self) -> bytes:
        for sink in self._sinks:
            self._data += sink.drain()
        return self._data


@pytest.fixture(scope="module")
def collector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CollectorProcess]:
    with collector_process(tmp_path_factory.mktemp("collector")) as process:
        yield process


SINKS = ["memory", "file", "disk", "stream", "stdout", "websocket", "several"]


@pytest.fixture(params=SINKS)
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    kind = request.param
    path, kept, stream = tmp_path / "run.arrd", Kept(), io.BytesIO()
    if kind == "memory":
        return Place(lambda: [kept.sink()], lambda _: [kept.data()])
    if kind == "file":
        return Place(lambda: [rr.FileSink(path)], lambda _: [path])
    if kind == "disk":
        return Place(lambda: [rr.FileSink(path, durability="disk")], lambda _: [path])
    if kind == "stream":
        return Place(lambda: [rr.StreamSink(stream)], lambda _: [stream.getvalue()])
    if kind == "stdout":

        def standard_output() -> list[Any]:
            with monkeypatch.context() as patch:
                patch.setattr(sys, "stdout", SimpleNamespace(buffer=stream))
                return [stdout_sink()]

        return Place(standard_output, lambda _: [stream.getvalue()])
    process: CollectorProcess = request.getfixturevalue("collector")
    if kind == "websocket":
        return Place(
            lambda: [rr.WebSocketSink(process.url)], lambda name: [stored(process.directory, name)], "connected"
        )
    return Place(
        lambda: [rr.FileSink(path), rr.WebSocketSink(process.url), kept.sink(), rr.StreamSink(stream)],
        lambda name: [path, stored(process.directory, name), kept.data(), stream.getvalue()],
    )


def log(recording: rr.RecordingStream, steps: range) -> None:
    for step in steps:
        recording.log("x", rr.Scalars(float(step)), time={"step": step})


@contextlib.contextmanager
def watched(recording: rr.RecordingStream) -> Iterator[None]:
    """Another thread looks all the while whether the books balance."""
    is_over = threading.Event()
    failures = []

    def watch() -> None:
        while not is_over.is_set():
            if not balances(recording):
                failures.append(recording.stats())

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        is_over.set()
        watcher.join(10)
    assert failures == []
    assert balances(recording)


def test_rows_arrive_once_and_in_order_and_a_flush_means_delivered(place: Place) -> None:
    async def main() -> None:
        recording = new_recording()
        log(recording, range(5))  # buffered, until a sink comes
        await recording.flush()
        assert recording.stats().queued == 5
        with watched(recording):
            await recording.set_sinks(*place.sinks())
            for start in range(0, 300, 100):
                log(recording, range(max(start, 5), start + 100))
                await recording.flush()
                place.check(recording, start + 100)
                assert [sink.delivered for sink in recording.stats().sinks] == [start + 100] * len(place.sinks())
            await recording.aclose()
        place.check(recording, 300)
        stats = recording.stats()
        assert (stats.logged, stats.delivered, stats.queued, stats.in_flight) == (300, 300, 0, 0)
        assert stats.dropped == {}

    asyncio.run(main())


def test_rows_wait_in_the_buffer_for_the_sink_that_comes() -> None:
    async def main() -> None:
        recording, kept = new_recording(), Kept()
        with watched(recording):
            assert recording.status == "buffering"
            log(recording, range(100))
            await recording.flush()
            stats = recording.stats()
            assert (stats.queued, stats.delivered, stats.dropped) == (100, 0, {})
            assert recording.status == "buffering"
            await recording.set_sinks(kept.sink())
            await recording.flush()
            await recording.disconnect()
            assert recording.status == "buffering"
            log(recording, range(100, 150))
            await recording.set_sinks(kept.sink())
            await recording.aclose()
        Place(list, lambda _: [kept.data()]).check(recording, 150)

    asyncio.run(main())


def test_the_status_goes_from_buffering_to_open_to_closed(place: Place) -> None:
    async def main() -> None:
        recording = new_recording()
        states = [recording.status]

        async def watch() -> None:
            while states[-1] != "closed":
                if recording.status != states[-1]:
                    states.append(recording.status)
                await asyncio.sleep(0)

        watcher = asyncio.create_task(watch())
        await recording.set_sinks(*place.sinks())
        assert recording.status == place.state
        log(recording, range(10))
        await recording.flush()
        assert recording.status == place.state
        await asyncio.sleep(0)
        await recording.aclose()
        await watcher
        # "open" is also what is neither: sinks that are open and one that is connected
        assert states in (
            ["buffering", place.state, "closed"],
            ["buffering", "connecting", place.state, "closed"],
        )

    asyncio.run(main())


class BrokenSink:
    """Fails at one of its methods, or as a good sink does that cannot go on."""

    name = "broken"

    def __init__(self, at: str) -> None:
        self.at = at
        self.outbox: Outbox | None = None

    def attach(self, outbox: Outbox) -> None:
        self.outbox = outbox
        self._fail_at("attach")
        outbox.opened()

    def wake(self) -> None:
        self._fail_at("wake")
        assert self.outbox is not None
        if self.at == "fail" and self.outbox.take(1):
            self.outbox.fail(SinkError(self.name, "no more"))
            self.outbox.closed()

    def finish(self, timeout: float) -> None:
        """Has nothing left."""

    def forget(self) -> BrokenSink:
        return self

    def _fail_at(self, method: str) -> None:
        if method == self.at:
            raise RuntimeError("it is broken")


@pytest.mark.parametrize("at", ["attach", "wake", "fail"])
def test_a_sink_that_fails_fails_alone(place: Place, at: str) -> None:
    async def main() -> None:
        recording = new_recording()
        with watched(recording):
            with contextlib.suppress(SinkError):
                await recording.set_sinks(BrokenSink(at), *place.sinks())
            log(recording, range(50))
            with pytest.raises(rr.FlushError, match="broken"):
                await recording.flush()
            assert recording.status == "failed"
            log(recording, range(50, 100))
            with pytest.raises(rr.FlushError, match="broken"):
                await recording.aclose()
        place.check(recording, 100)
        broken, *others = recording.stats().sinks
        assert broken.dropped == {"sink_failed": 100}
        assert {(sink.delivered, sum(sink.dropped.values())) for sink in others} == {(100, 0)}

    asyncio.run(main())


def test_closing_hands_over_what_was_never_flushed_and_takes_nothing_more(place: Place) -> None:
    async def main() -> None:
        recording = new_recording()
        await recording.set_sinks(*place.sinks())
        log(recording, range(200))
        await recording.aclose()
        place.check(recording, 200)
        with pytest.warns(rr.RecordingWarning, match="closed"):
            await recording.log("x", 1.0)
        assert recording.stats().dropped == {"closed": 1}
        assert balances(recording)
        place.check(recording, 200)

    asyncio.run(main())


@pytest.mark.parametrize("has_loop", [True, False], ids=["after a loop", "without a loop"])
def test_the_process_end_hands_over_what_is_queued(place: Place, has_loop: bool) -> None:
    recording = new_recording()

    async def main() -> None:
        await recording.set_sinks(*place.sinks())
        log(recording, range(50))
        await recording.flush()
        log(recording, range(50, 80))

    if has_loop:
        asyncio.run(main())
    else:
        recording.set_sinks(*place.sinks())
        log(recording, range(80))
    recording._finish(time.monotonic() + 5)
    place.check(recording, 80)
    assert recording.status == "closed"
    assert balances(recording)
    recording._finish(time.monotonic() + 5)  # a second time there is nothing to do
    place.check(recording, 80)


def test_opening_again_appends(place: Place) -> None:
    async def main() -> None:
        recording = new_recording()
        await recording.set_sinks(*place.sinks())
        log(recording, range(60))
        await recording.aclose()
        await recording.set_sinks(*place.sinks())
        assert recording.status == place.state
        log(recording, range(60, 100))
        await recording.flush()
        place.check(recording, 100)
        await recording.aclose()
        place.check(recording, 100)
        assert balances(recording)

    asyncio.run(main())


FORKING = """
import logging, os, sys
import asyncrr as rr
from asyncrr.sinks.memory import MemorySink

logging.getLogger("asyncio").setLevel(logging.ERROR)  # not that this machine is slow

recording = rr.new_recording("tests", recording_id=sys.argv[1])
url = sys.argv[2]
memory = MemorySink()
stream = open("stream.arrd", "ab", buffering=0)

def log(path, count):
    for step in range(count):
        recording.log(path, rr.Scalars(float(step)), time={"step": step})

recording.set_sinks(SINKS)
log("parent", 50)
recording.flush()
log("parent", 10)  # in the parent's queue, or in its sinks' hands
child = os.fork()
if child == 0:
    log("child", 20)
    recording.close()
    os._exit(0)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
recording.close()
stream.close()
with open("memory.arrd", "wb") as file:
    file.write(memory.drain())
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.parametrize("kind", ["memory", "file", "stream", "websocket", "several"])
def test_after_a_fork_the_child_leaves_alone_what_is_the_parents(
    collector: CollectorProcess, tmp_path: Path, kind: str
) -> None:
    each = {
        "memory": "memory",
        "file": "rr.FileSink('run.arrd')",
        "stream": "rr.StreamSink(stream)",
        "websocket": "rr.WebSocketSink(url)",
    }
    sinks = ", ".join(each.values()) if kind == "several" else each[kind]
    name = uuid.uuid4().hex
    warns = ["-X", "dev", "-W", "error", "-W", "ignore:This process:DeprecationWarning"]
    done = subprocess.run(
        [sys.executable, *warns, "-c", textwrap.dedent(FORKING).replace("SINKS", sinks), name, collector.url],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(rr.__file__).parent.parent)},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert (done.returncode, done.stderr) == (0, "")
    sources = {
        "memory": [tmp_path / "memory.arrd"],
        "file": sorted(tmp_path.glob("run*.arrd")),
        "stream": [tmp_path / "stream.arrd"],
        "websocket": [stored(collector.directory, name)],
    }
    for sink in each if kind == "several" else [kind]:
        found: dict[str, list[float]] = {"parent": [], "child": []}
        writers: dict[str, set[str]] = {"parent": set(), "child": set()}
        for source in sources[sink]:
            data = rr.read_recording(source)
            assert data.damage == []
            assert data.gaps() == []
            for path in data.entity_paths():
                found[path] += [float(row.components["Scalars:scalars"][0]) for row in data.rows(path)]
                writers[path] |= {row.row_id.writer_id for row in data.rows(path)}
        assert found["parent"] == [*range(50), *range(10)]
        assert found["child"] == ([] if sink == "memory" else [*range(20)])
        assert len(writers["parent"]) == 1
        assert len(writers["child"]) == (0 if sink == "memory" else 1)
        assert not writers["parent"] & writers["child"]

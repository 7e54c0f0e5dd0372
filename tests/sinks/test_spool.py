"""What a flush with a spool covered is never lost, and pushing it any number of times stores it once."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from collectors import collecting, collector_process, free_port, stored, stored_values

import asyncrr as rr
from asyncrr.sinks.spool import SpoolLock, SpoolWriter
from asyncrr.sinks.spooled import open_spooled, spooled_writers
from asyncrr.sinks.spooling import Pushed, SpoolSink, push

ROOT = str(Path(rr.__file__).parent.parent)

LOGGER = """
import asyncio, sys
import asyncrr as rr

url, spool, recording_id, step = sys.argv[1:]

async def main():
    rec = rr.new_recording("spooled", recording_id=recording_id)
    rec.connect(url, spool=spool)
    number = 0
    while True:
        for _ in range(int(step)):
            await rec.log("x", rr.Scalars(number))
            number += 1
        await rec.flush()
        print(number, flush=True)

asyncio.run(main())
"""


@contextlib.contextmanager
def logger(url: str, spool: Path, recording_id: str, step: int = 7) -> subprocess.Popen[str]:
    """A process that logs 0, 1, 2, ..., and prints how many rows each flush covered."""
    process = subprocess.Popen(
        [sys.executable, "-c", LOGGER, url, str(spool), recording_id, str(step)],
        env={**os.environ, "PYTHONPATH": ROOT},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def covered(process: subprocess.Popen[str], flushes: int) -> int:
    """Wait for some flushes, kill the process, and tell how many rows the last flush covered."""
    assert process.stdout is not None
    count = 0
    for _ in range(flushes):
        count = int(process.stdout.readline())
    process.kill()
    for line in process.stdout:
        if line.endswith("\n"):
            count = int(line)
    return count


def dead() -> str:
    return f"ws://127.0.0.1:{free_port()}"


def pushed(spool: Path, url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`asyncrr push` of a spool."""
    command = [sys.executable, "-m", "asyncrr", "push", str(spool), url, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=50, check=False)


async def left_behind(spool: Path, recording_id: str, count: int = 5, **settings: object) -> rr.RecordingStream:
    """A recording that was closed while no collector was there."""
    recording = rr.new_recording("tests", recording_id=recording_id)
    recording.set_sinks(SpoolSink(dead(), spool, **settings))
    for number in range(count):
        await recording.log("x", rr.Scalars(number))
        if settings:
            await recording.flush()
    await recording.aclose()
    return recording


@pytest.mark.skipif(sys.platform == "win32", reason="processes are killed")
def test_what_a_flush_covered_survives_a_kill_of_the_client_without_a_collector(tmp_path: Path) -> None:
    with logger(dead(), tmp_path / "spool", "killed") as process:
        count = covered(process, 20)
    assert rr.read_recording(tmp_path / "spool").column("x", "Scalars:scalars").values.size >= count
    with collector_process(tmp_path / "collected") as collector:
        first = pushed(tmp_path / "spool", collector.url)
        values = stored_values(tmp_path / "collected", "killed")
        again = pushed(tmp_path / "spool", collector.url)
        assert (first.returncode, again.returncode) == (0, 0), first.stderr + again.stderr
        assert values == list(range(len(values)))
        assert len(values) >= count
        assert stored_values(tmp_path / "collected", "killed") == values
    assert not list((tmp_path / "spool").glob("*.arrd"))


@pytest.mark.skipif(sys.platform == "win32", reason="processes are killed")
def test_what_a_flush_covered_survives_kills_of_client_and_collector(tmp_path: Path) -> None:
    with collector_process(tmp_path / "collected") as collector:
        with logger(collector.url, tmp_path / "spool", "both") as process:
            assert process.stdout is not None
            for _ in range(10):
                process.stdout.readline()
            collector.kill()
            count = covered(process, 10)
        collector.start()
        assert pushed(tmp_path / "spool", collector.url).returncode == 0
        values = stored_values(tmp_path / "collected", "both")
        assert values == list(range(len(values)))
        assert len(values) >= count


@pytest.mark.skipif(sys.platform == "win32", reason="processes are stopped")
def test_a_collector_that_stands_still_holds_up_no_flush(tmp_path: Path) -> None:
    async def main() -> None:
        recording = rr.new_recording("tests", recording_id="still")
        await recording.connect(collector.url, spool=tmp_path / "spool")
        assert collector.facts["pid"] > 0
        os.kill(collector.facts["pid"], signal.SIGSTOP)
        try:
            await recording.log("x", rr.Scalars(0))
            await recording.flush(timeout=5)
            assert recording.stats().delivered == 1
            assert list((tmp_path / "spool").glob("*.arrd"))
        finally:
            os.kill(collector.facts["pid"], signal.SIGCONT)
        await recording.log("x", rr.Scalars(1))
        await recording.flush(timeout=5)
        await recording.aclose()

    with collector_process(tmp_path / "collected") as collector:
        asyncio.run(main())
        assert stored_values(tmp_path / "collected", "still") == [0, 1]
    assert os.listdir(tmp_path / "spool") == []


def test_an_acknowledged_spool_is_empty_and_the_recording_complete(tmp_path: Path) -> None:
    async def main() -> None:
        async with collecting(tmp_path / "collected") as collector:
            recording = rr.new_recording("tests", recording_id="live")
            recording.set_sinks(SpoolSink(collector.url, tmp_path / "spool", segment_bytes=2000))
            await recording.log("fixed", rr.Scalars(-1), static=True)
            for number in range(200):
                await recording.log("x", rr.Scalars(number))
                if number % 10 == 0:
                    await recording.flush()
            await recording.flush()
            assert len(list((tmp_path / "spool").glob("*.arrd"))) == 1
            await recording.aclose()
            assert recording.stats().delivered == 201

    asyncio.run(main())
    assert os.listdir(tmp_path / "spool") == []
    assert stored_values(tmp_path / "collected", "live") == list(range(200))
    assert rr.read_recording(stored(tmp_path / "collected", "live")).is_complete


def test_rows_before_a_trailer_that_fails_are_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    finish = SpoolWriter._finish_file

    def failing(self: SpoolWriter) -> None:
        finish(self)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(SpoolWriter, "_finish_file", failing)

    async def main() -> None:
        async with collecting(tmp_path / "collected") as collector:
            recording = rr.new_recording("tests", recording_id="live")
            recording.set_sinks(SpoolSink(collector.url, tmp_path / "spool"))
            await recording.log("x", rr.Scalars(0))
            await recording.flush()
            await recording.log("x", rr.Scalars(1))
            await recording.aclose()

    asyncio.run(main())
    assert os.listdir(tmp_path / "spool") == []
    assert stored_values(tmp_path / "collected", "live") == [0, 1]


def test_rows_go_on_to_the_collector_when_it_comes(tmp_path: Path) -> None:
    async def main() -> None:
        port = free_port()
        recording = rr.new_recording("tests", recording_id="late")
        with pytest.raises(rr.ConnectError):
            await recording.connect(f"ws://127.0.0.1:{port}", spool=tmp_path / "spool", timeout=0.1)
        for number in range(50):
            await recording.log("x", rr.Scalars(number))
        await recording.flush(timeout=2)
        async with collecting(tmp_path / "collected", port=port):
            while stored_values(tmp_path / "collected", "late") != list(range(50)):
                await asyncio.sleep(0.02)
            await recording.aclose()

    asyncio.run(main())
    assert os.listdir(tmp_path / "spool") == []


@pytest.mark.filterwarnings("ignore::asyncrr.errors.RecordingWarning")
def test_a_refused_session_is_raised_once_and_leaves_rows_in_the_spool(tmp_path: Path) -> None:
    async def main() -> None:
        async with collecting(tmp_path / "collected", token="right") as collector:
            recording = rr.new_recording("tests", recording_id="refused")
            with pytest.raises(rr.AuthError, match="token"):
                await recording.connect(collector.url, spool=tmp_path / "spool", token="wrong")
            for number in range(10):
                await recording.log("x", rr.Scalars(number))
            await recording.flush(timeout=2)
            assert recording.stats().dropped == {}
            assert recording.status == "open"
            await recording.aclose()
            with pytest.raises(rr.AuthError):
                await push(tmp_path / "spool", collector.url, token="wrong")
            assert len(list((tmp_path / "spool").glob("*.arrd"))) == 1
            assert await push(tmp_path / "spool", collector.url, token="right") == Pushed(1, 0, 0, 0)

    asyncio.run(main())
    assert stored_values(tmp_path / "collected", "refused") == list(range(10))


def test_static_rows_are_repeated_so_that_each_file_stands_alone(tmp_path: Path) -> None:
    async def main() -> None:
        recording = rr.new_recording("tests", recording_id="static")
        recording.set_sinks(SpoolSink(dead(), tmp_path, segment_bytes=500))
        await recording.log("fixed", rr.Scalars(-1), static=True)
        for number in range(20):
            await recording.log("x", rr.Scalars(number))
            await recording.flush()
        await recording.aclose()

    asyncio.run(main())
    files = sorted(tmp_path.glob("*.arrd"))
    assert len(files) > 3
    for file in files:
        data = rr.read_recording(file)
        assert all("are missing" in one.reason for one in data.damage)  # those in the files before
        assert data.writers()[0].is_ended
        assert [row.is_static for row in data.rows("fixed")] == [True]
    assert len(list(rr.read_recording(tmp_path).rows("fixed"))) == 1


def test_two_pushers_of_one_spool_do_no_harm(tmp_path: Path) -> None:
    async def main() -> None:
        for number in range(6):
            await left_behind(tmp_path / "spool", f"left-{number}", 20)
        async with collecting(tmp_path / "collected") as collector:
            done = await asyncio.gather(*(push(tmp_path / "spool", collector.url) for _ in range(2)))
            assert sum(one.writers for one in done) == 6
            assert sum(one.unreadable + one.damaged for one in done) == 0

    asyncio.run(main())
    for number in range(6):
        assert stored_values(tmp_path / "collected", f"left-{number}") == list(range(20))
    assert os.listdir(tmp_path / "spool") == []


def test_what_a_living_process_sends_itself_is_left_to_it(tmp_path: Path) -> None:
    async def main() -> None:
        async with collecting(tmp_path / "collected") as collector:
            recording = rr.new_recording("tests", recording_id="alive")
            recording.connect(dead(), spool=tmp_path / "spool")
            await recording.log("x", rr.Scalars(0))
            await recording.flush()
            assert await push(tmp_path / "spool", collector.url) == Pushed(0, 1, 0, 0)
            await recording.aclose()
            assert await push(tmp_path / "spool", collector.url) == Pushed(1, 0, 0, 0)

    asyncio.run(main())
    assert stored_values(tmp_path / "collected", "alive") == [0]


def test_a_push_without_a_collector_gives_up_and_loses_nothing(tmp_path: Path) -> None:
    asyncio.run(left_behind(tmp_path, "waits"))
    before = {path.name: path.read_bytes() for path in tmp_path.glob("*.arrd")}
    done = pushed(tmp_path, dead(), "--timeout", "0.3")
    assert done.returncode == 1
    assert "rows stay in the spool" in done.stderr
    assert {path.name: path.read_bytes() for path in tmp_path.glob("*.arrd")} == before


def test_a_damaged_frame_becomes_a_gap_and_the_rest_is_sent(tmp_path: Path) -> None:
    async def main() -> None:
        await left_behind(tmp_path / "spool", "damaged", 9, segment_bytes=2**20)
        (file,) = (tmp_path / "spool").glob("*.arrd")
        content = bytearray(file.read_bytes())
        marks = [place for place in range(len(content)) if content.startswith(b"\xf7arr\xc1\x00\xb3\xed", place)]
        content[marks[4] + 60] ^= 1
        file.write_bytes(content)
        async with collecting(tmp_path / "collected") as collector:
            assert await push(tmp_path / "spool", collector.url) == Pushed(1, 0, 0, 1)

    asyncio.run(main())
    data = rr.read_recording(stored(tmp_path / "collected", "damaged"))
    assert [row.components["Scalars:scalars"][0] for row in data.rows("x")] == [0, 1, 2, 4, 5, 6, 7, 8]
    assert [gap.reason for gap in data.gaps()] == ["spool_damaged"]


@pytest.mark.parametrize("cut", [1, 9, 41, 100, 200])
def test_a_torn_end_is_left_out(tmp_path: Path, cut: int) -> None:
    async def main() -> None:
        await left_behind(tmp_path / "spool", "torn", 9, segment_bytes=2**20)
        (file,) = (tmp_path / "spool").glob("*.arrd")
        trailer = file.read_bytes().rindex(b"\xf7arr\xc1\x00\xb3\xed")
        os.truncate(file, trailer - cut)
        async with collecting(tmp_path / "collected") as collector:
            assert await push(tmp_path / "spool", collector.url) == Pushed(1, 0, 0, 0)

    asyncio.run(main())
    values = stored_values(tmp_path / "collected", "torn")
    assert values == list(range(len(values)))
    assert 6 <= len(values) <= 8
    assert not rr.read_recording(stored(tmp_path / "collected", "torn")).is_complete


def test_bytes_that_are_no_recording_are_told_and_kept(tmp_path: Path) -> None:
    (tmp_path / f"{'0' * 32}-0.arrd").write_bytes(b"nothing")
    assert asyncio.run(push(tmp_path, dead())) == Pushed(0, 0, 1, 0)
    assert spooled_writers(str(tmp_path)) == ["0" * 32]
    assert open_spooled(str(tmp_path), "0" * 32) is None


def test_a_file_that_was_just_made_when_its_process_was_killed_is_removed(tmp_path: Path) -> None:
    (tmp_path / f"{'0' * 32}-0.arrd").touch()
    assert asyncio.run(push(tmp_path, "ws://127.0.0.1:9")) == (0, 0, 0, 0)
    assert list(tmp_path.glob("*.arrd")) == []


def test_an_ending_process_leaves_its_rows_in_the_spool(tmp_path: Path) -> None:
    script = f"""
import logging
import asyncrr as rr
logging.getLogger("asyncio").setLevel(logging.ERROR)  # not that this machine is slow
rec = rr.new_recording("ends", recording_id="ends")
rec.connect("{dead()}", spool="{tmp_path}")
for number in range(500):
    rec.log("x", rr.Scalars(number))
"""
    command = [sys.executable, "-X", "dev", "-W", "error", "-c", script]
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": ROOT}, capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stderr) == (0, "")
    data = rr.read_recording(tmp_path)
    assert [row.components["Scalars:scalars"][0] for row in data.rows("x")] == list(range(500))
    assert data.is_complete


def test_the_lock_of_a_removed_file_is_not_taken(tmp_path: Path) -> None:
    first = SpoolLock(str(tmp_path), "a")
    with pytest.raises(BlockingIOError, match="another process"):
        SpoolLock(str(tmp_path), "a")
    first.release(is_done=True)
    second = SpoolLock(str(tmp_path), "a")
    assert os.listdir(tmp_path) == ["a.lock"]
    second.release()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_forked_child_has_files_of_its_own(tmp_path: Path) -> None:
    script = f"""
import os, sys
import asyncrr as rr
rec = rr.new_recording("forks", recording_id="forks")
rec.connect("{dead()}", spool="{tmp_path}")
rec.log("x", rr.Scalars(0))
rec.flush()
child = os.fork()
rec.log("x", rr.Scalars(1 if child else 2))
rec.close()
if child:
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": ROOT}, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    data = rr.read_recording(tmp_path)
    assert len(data.writers()) == 2
    assert sorted(row.components["Scalars:scalars"][0] for row in data.rows("x")) == [0, 1, 2]


def test_a_full_disk_holds_rows_back_until_there_is_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    is_full = threading.Event()
    write, begin = SpoolWriter.write, SpoolWriter._begin

    def full(*_: object) -> None:
        if is_full.is_set():
            raise OSError(28, "No space left on device")

    def failing_write(self: SpoolWriter, frames: list[object]) -> None:
        full()
        write(self, frames)

    def failing_begin(self: SpoolWriter, frames: list[object]) -> None:
        full()
        begin(self, frames)

    monkeypatch.setattr(SpoolWriter, "write", failing_write)
    monkeypatch.setattr(SpoolWriter, "_begin", failing_begin)

    async def main() -> None:
        recording = rr.new_recording("tests", recording_id="full")
        recording.set_sinks(SpoolSink(dead(), tmp_path, segment_bytes=300))
        await recording.log("x", rr.Scalars(0))
        await recording.flush()
        is_full.set()
        await recording.log("x", rr.Scalars(1))
        with pytest.raises(rr.FlushError, match="No space"):
            await recording.flush(timeout=0.2)
        assert recording.stats().dropped == {}
        is_full.clear()
        await recording.flush()
        await recording.aclose()

    asyncio.run(main())
    data = rr.read_recording(tmp_path)
    assert [row.components["Scalars:scalars"][0] for row in data.rows("x")] == [0, 1]


def test_a_short_program_sends_its_rows_though_it_waits_for_nothing(tmp_path: Path) -> None:
    async def main() -> None:
        async with collecting(tmp_path / "collected") as collector:
            recording = rr.new_recording("tests", recording_id="short")
            recording.connect(collector.url, spool=tmp_path / "spool")
            for number in range(10):
                recording.log("x", rr.Scalars(number))
            await recording.aclose()

    asyncio.run(main())
    assert stored_values(tmp_path / "collected", "short") == list(range(10))
    assert os.listdir(tmp_path / "spool") == []

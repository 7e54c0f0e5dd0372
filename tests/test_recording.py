"""Opening, entering, flushing and closing a recording, from loops, threads and plain code."""

from __future__ import annotations

import asyncio
import gc
import pathlib
import threading
import uuid
import weakref
from typing import Any

import pytest

import asyncrr as rr
from asyncrr.disk import disk


def recording(**more: Any) -> rr.RecordingStream:
    return rr.new_recording("recordings", recording_id=uuid.uuid4(), **more)


def texts(source: Any) -> list[str]:
    return [row.components["TextLog:text"][0] for row in rr.read_recording(source).rows("x")]


# ---- who closes


def test_the_block_that_started_a_recording_closes_it(tmp_path: pathlib.Path) -> None:
    async def main() -> None:
        rec = recording()
        async with rec as entered:
            assert entered is rec
            rec.save(tmp_path / "a.arrd")
            async with rec:
                await rr.log("x", "one")
            assert not rec.is_closed
            assert rr.get_data_recording() is rec
        assert rec.is_closed
        assert rec.status == "closed"
        assert rr.get_data_recording() is None

    asyncio.run(main())
    assert rr.read_recording(tmp_path / "a.arrd").is_complete


def test_inside_a_running_recording_a_block_only_activates() -> None:
    async def main() -> None:
        rec = recording()
        await rec.start()

        async def request() -> None:
            async with rec:
                await rr.log("x", "one")

        await asyncio.gather(*[request() for _ in range(20)])
        assert not rec.is_closed
        assert rec.stats().logged == 20
        await rec.aclose()

    asyncio.run(main())


def test_a_plain_block_never_closes(tmp_path: pathlib.Path) -> None:
    rec = recording()
    rec.save(tmp_path / "a.arrd")
    with rec:
        rr.log("x", "one")
    assert not rec.is_closed
    assert texts(tmp_path / "a.arrd") == ["one"]
    rec.close()


def test_opened_in_one_task_and_closed_in_another(tmp_path: pathlib.Path) -> None:
    async def main() -> None:
        rec = recording()

        async def open_it() -> None:
            await rec.start()
            await rec.save(tmp_path / "a.arrd")
            await rec.log("x", "one")

        await asyncio.create_task(open_it())
        await asyncio.create_task(close(rec))

    async def close(rec: rr.RecordingStream) -> None:
        await rec.aclose()

    asyncio.run(main())
    assert rr.read_recording(tmp_path / "a.arrd").is_complete


def test_a_users_exception_comes_out_as_itself(tmp_path: pathlib.Path) -> None:
    async def main() -> None:
        rec = recording()
        with pytest.raises(ZeroDivisionError):
            async with rec:
                rec.save(tmp_path / "a.arrd")
                rec.log("x", "one")
                raise ZeroDivisionError
        assert rr.get_data_recording() is None

    asyncio.run(main())
    assert texts(tmp_path / "a.arrd") == ["one"]


@pytest.mark.parametrize("fails", [True, False])
def test_a_failing_sink_never_replaces_the_users_exception(tmp_path: pathlib.Path, fails: bool) -> None:
    async def main() -> None:
        rec = recording()
        async with rec:
            rec.save(tmp_path / "none" / "a.arrd")
            rec.log("x", "one")
            if fails:
                raise ZeroDivisionError

    if fails:
        with pytest.warns(rr.RecordingWarning, match="No such file"), pytest.raises(ZeroDivisionError):
            asyncio.run(main())
    else:
        with pytest.raises(rr.FlushError, match="No such file"):
            asyncio.run(main())
    assert rr.get_data_recording() is None


@pytest.mark.parametrize("fails", [True, False])
def test_leaving_a_plain_block_flushes_and_tells_a_failure(tmp_path: pathlib.Path, fails: bool) -> None:
    def block() -> None:
        with rec:
            rr.log("x", "one")
            if fails:
                raise ZeroDivisionError

    rec = recording()
    with pytest.raises(rr.SinkError):
        rec.save(tmp_path / "none" / "a.arrd")
    if fails:
        with pytest.warns(rr.RecordingWarning, match="No such file"), pytest.raises(ZeroDivisionError):
            block()
    else:
        with pytest.raises(rr.FlushError):
            block()
    assert rr.get_data_recording() is None
    with pytest.raises(rr.FlushError):
        rec.close()


# ---- closing and starting again


def test_closing_twice_and_at_once_is_one_closing(tmp_path: pathlib.Path) -> None:
    async def main() -> None:
        rec = recording()
        await rec.save(tmp_path / "a.arrd")
        rec.log("x", "one")
        await asyncio.gather(rec.aclose(), rec.aclose(), rec.aclose())
        await rec.aclose()

    asyncio.run(main())
    assert texts(tmp_path / "a.arrd") == ["one"]


def test_closing_what_was_never_used_is_nothing() -> None:
    rec = recording()
    rec.close()
    assert rec.is_closed
    rec.flush()


@pytest.mark.parametrize("how", ["enter", "sink"])
def test_a_closed_recording_starts_again_and_appends(tmp_path: pathlib.Path, how: str) -> None:
    async def main() -> None:
        rec = recording()
        writers = set()
        for number in range(3):
            if how == "enter":
                async with rec:
                    rec.save(tmp_path / "a.arrd")
                    await rec.log("x", str(number))
                    writers.add(rec.writer_id)
            else:
                await rec.save(tmp_path / "a.arrd")
                await rec.log("x", str(number))
                writers.add(rec.writer_id)
                await rec.aclose()
        assert len(writers) == 3
        assert rec.stats().delivered == rec.stats().logged == 3

    asyncio.run(main())
    assert texts(tmp_path / "a.arrd") == ["0", "1", "2"]


def test_several_loops_one_after_the_other_use_one_recording(tmp_path: pathlib.Path) -> None:
    rec = recording()

    async def main(number: int) -> None:
        if number == 0:
            await rec.save(tmp_path / "a.arrd")
        await rec.log("x", str(number))
        await rec.flush()

    for number in range(3):
        asyncio.run(main(number))
    rec.close()
    assert texts(tmp_path / "a.arrd") == ["0", "1", "2"]
    assert rec.stats().delivered == 3


def test_a_loop_that_ends_with_the_recording_open_keeps_its_rows(tmp_path: pathlib.Path) -> None:
    rec = recording()

    async def main() -> None:
        await rec.save(tmp_path / "a.arrd")
        for number in range(100):
            rec.log("x", str(number))

    asyncio.run(main())
    assert texts(tmp_path / "a.arrd") == [str(number) for number in range(100)]
    rec.close()


# ---- where calls come from


def test_every_call_works_without_a_loop(tmp_path: pathlib.Path) -> None:
    rec = recording()
    rec.log("x", "buffered")
    rec.save(tmp_path / "a.arrd")
    rec.log("x", "one")
    rec.flush()
    assert texts(tmp_path / "a.arrd") == ["buffered", "one"]
    rec.disconnect()
    assert rr.read_recording(tmp_path / "a.arrd").is_complete
    assert rec.status == "buffering"
    rec.close()


def test_threads_log_to_a_recording_of_a_loop(tmp_path: pathlib.Path) -> None:
    async def main() -> None:
        rec = recording()
        async with rec:
            await rec.save(tmp_path / "a.arrd")

            def work(name: str) -> None:
                for number in range(100):
                    rr.log("x", f"{name}{number}")
                rec.flush()

            await asyncio.gather(*[asyncio.to_thread(work, name) for name in "abc"])
            assert rec.stats().delivered == 300

    asyncio.run(main())
    found = texts(tmp_path / "a.arrd")
    assert sorted(found) == sorted(f"{name}{number}" for name in "abc" for number in range(100))
    assert [text for text in found if text[0] == "b"] == [f"b{number}" for number in range(100)]


def test_another_loop_may_await(tmp_path: pathlib.Path) -> None:
    rec = recording()
    rec.save(tmp_path / "a.arrd")
    rec.log("x", "one")

    async def main() -> None:
        await rec.log("x", "two")
        await rec.flush()
        assert rec.stats().delivered == 2
        await rec.aclose()

    asyncio.run(main())
    assert texts(tmp_path / "a.arrd") == ["one", "two"]


def test_what_calls_return_may_be_dropped_or_awaited_twice(tmp_path: pathlib.Path) -> None:
    async def main() -> None:
        rec = recording()
        opened = rec.save(tmp_path / "a.arrd")
        await opened
        await opened
        rec.log("x", "one")
        rec.flush()
        rec.disconnect()
        flushed = rec.flush()
        await flushed
        await flushed
        assert flushed.done()
        await rec.aclose()

    asyncio.run(main())
    gc.collect()


def test_cancelling_one_who_waits_cancels_nothing_else(tmp_path: pathlib.Path) -> None:
    async def main() -> None:
        rec = recording()
        await rec.save(tmp_path / "a.arrd")
        await rec.log("x", "one")

        async def flush() -> None:
            await rec.flush()

        task = asyncio.create_task(flush())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await rec.flush()
        assert rec.stats().delivered == 1
        await rec.aclose()

    asyncio.run(main())


def test_the_recordings_task_is_one_and_starts_again_when_it_was_cancelled(tmp_path: pathlib.Path) -> None:
    async def main() -> None:
        rec = recording()
        await rec.save(tmp_path / "a.arrd")
        await rec.log("x", "one")
        (task,) = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        assert rec.recording_id in task.get_name()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert texts(tmp_path / "a.arrd") == ["one"]
        await rec.log("x", "two")
        await rec.flush()
        await rec.aclose()

    asyncio.run(main())
    assert texts(tmp_path / "a.arrd") == ["one", "two"]
    assert rr.read_recording(tmp_path / "a.arrd").is_complete


def test_many_recordings_are_as_many_tasks_and_no_threads() -> None:
    async def main() -> None:
        threads = threading.active_count()
        recordings = [recording() for _ in range(1000)]
        for rec in recordings:
            rec.log("x", 1.0)
        assert len(asyncio.all_tasks()) == 1001
        assert threading.active_count() == threads
        await asyncio.gather(*[rec.aclose() for rec in recordings])
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(main())


def test_closed_recordings_are_forgotten(tmp_path: pathlib.Path) -> None:
    async def main() -> list[weakref.ref[rr.RecordingStream]]:
        gone = []
        for number in range(20):
            rec = recording()
            async with rec:
                rec.save(tmp_path / f"{number}.arrd")
                await rec.log("x", 1.0)
            gone.append(weakref.ref(rec))
        return gone

    gone = asyncio.run(main())
    is_disk_idle = threading.Event()
    disk.submit(is_disk_idle.set)
    is_disk_idle.wait()
    gc.collect()
    assert [one() for one in gone] == [None] * 20


# ---- what it says


def test_repr_and_html_say_what_it_is() -> None:
    rec = rr.new_recording("<app>", recording_id="<id>")
    memory = rec.memory_recording()
    rec.log("x", 1.0)
    assert memory.num_msgs() == 1
    assert repr(rec) == "<RecordingStream '<app>' <id> open to memory: 1 rows logged, 1 delivered, 0 dropped>"
    html = rec._repr_html_()
    assert "&lt;app&gt;" in html
    assert "<app>" not in html
    assert "script" not in html
    assert "1 frames" in repr(memory)
    rec.close()


def test_status_follows_the_sink() -> None:
    rec = recording()
    assert rec.status == "buffering"
    rec.memory_recording()
    rec.flush()
    assert rec.status == "open"
    rec.close()
    assert rec.status == "closed"


def test_stats_are_a_snapshot() -> None:
    rec = recording()
    before = rec.stats()
    rec.log("x", 1.0)
    assert before.logged == 0
    with pytest.raises(AttributeError):
        before.logged = 5  # type: ignore[misc]


# ---- ids


def test_ids_are_text_or_uuid() -> None:
    given = uuid.uuid4()
    assert rr.new_recording("a", recording_id=given).recording_id == str(given)
    assert rr.new_recording("a", recording_id="mine").get_recording_id() == "mine"
    assert rr.new_recording("mine").get_application_id() == "mine"
    uuid.UUID(rr.new_recording("a").recording_id)


@pytest.mark.parametrize("wrong", ["", 7, b"x", "x" * 1025, "\ud800"])
def test_other_ids_are_refused(wrong: Any) -> None:
    with pytest.raises(rr.UsageError, match="application_id"):
        rr.new_recording(wrong)
    with pytest.raises(rr.UsageError, match="recording_id"):
        rr.new_recording("a", recording_id=wrong)


# ---- reading a recording piece by piece


def test_a_binary_stream_is_read_piece_by_piece() -> None:
    rec = recording()
    stream = rec.binary_stream()
    pieces = []
    for text in ("one", "two"):
        rec.log("x", text)
        pieces.append(stream.read())
    assert stream.read() == b""
    assert [texts(piece) for piece in pieces] == [["one"], ["two"]]
    assert texts(b"".join(pieces)) == ["one", "two"]


def test_memory_is_drained_on_the_loop_without_waiting() -> None:
    async def main() -> None:
        rec = recording()
        memory = rec.memory_recording()
        rec.log("x", "one")
        assert memory.num_msgs() == 1
        assert texts(memory.drain_as_bytes()) == ["one"]
        await rec.aclose()

    asyncio.run(main())

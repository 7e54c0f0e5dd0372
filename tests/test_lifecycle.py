"""Several sinks, threads and loops at once: who waits hears of the end, and the books balance on the way."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import sys
import threading
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from doubles import HeldSink, balances, check_complete, new_recording, scalars, until

import asyncrr as rr
from asyncrr.disk import disk
from asyncrr.sinks.targets import File

KIB = 1024
DEADLINE = 10.0


class BrokenSink(HeldSink):
    """Raises in one of its methods."""

    def __init__(self, method: str) -> None:
        super().__init__("broken")
        setattr(self, method, self._break)

    def _break(self, *_: Any) -> None:
        raise ValueError("out of order")


@pytest.fixture
def quiet() -> Any:
    """Warnings of dropped rows are not what is tested here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rr.RecordingWarning)
        yield


# ---- starting again while the closing goes on


def test_given_a_sink_while_it_closes_it_starts_again_behind_that(tmp_path: Path) -> None:
    async def main() -> None:
        rec = new_recording()
        await rec.save(tmp_path / "a.arrd")
        rec.log("x", 1.0)
        closing = rec.aclose()
        saving = rec.save(tmp_path / "b.arrd")
        rec.log("x", 2.0)
        async with asyncio.timeout(DEADLINE):
            await closing
            await saving
            assert balances(rec)
            await rec.aclose()
        assert balances(rec)
        assert rec.stats().delivered == 2

    asyncio.run(main())
    check_complete(tmp_path / "a.arrd", [1.0])
    check_complete(tmp_path / "b.arrd", [2.0])


@pytest.mark.parametrize("is_closed_between", [False, True])
def test_the_same_file_again_gets_a_further_segment(tmp_path: Path, is_closed_between: bool) -> None:
    path = tmp_path / "a.arrd"

    async def main() -> None:
        rec = new_recording()
        for value in range(5):
            saving = rec.save(path)
            rec.log("x", float(value))
            if is_closed_between:
                rec.close()  # on the loop's own thread it only begins
        async with asyncio.timeout(DEADLINE):
            await saving
            await rec.aclose()

    asyncio.run(main())
    check_complete(path, [0.0, 1.0, 2.0, 3.0, 4.0])


def test_static_rows_are_in_the_file_that_follows_a_disconnect(tmp_path: Path) -> None:
    async def main() -> None:
        rec = new_recording()
        rec.save(tmp_path / "a.arrd")
        rec.log("x", rr.Scalars(1.0), static=True)
        await rec.disconnect()
        rec.log("y", 2.0)
        await rec.save(tmp_path / "b.arrd")
        await rec.aclose()
        rec.save(tmp_path / "c.arrd")
        await rec.aclose()

    asyncio.run(main())
    for name in "abc":
        assert scalars(tmp_path / f"{name}.arrd") == [1.0]
    assert scalars(tmp_path / "b.arrd", "y") == [2.0]


# ---- sinks that are stuck, broken, replaced


def test_a_stuck_sink_does_not_hold_up_a_file(tmp_path: Path, quiet: None) -> None:
    """It keeps its bound, and is given up at the end: each has its own count."""
    path = tmp_path / "a.arrd"
    count = 20_000

    async def main() -> None:
        rec = new_recording(max_queue_bytes=64 * KIB)
        await rec.set_sinks(rr.FileSink(path), HeldSink())
        for value in range(count):
            await rec.log("x", rr.Scalars(float(value)))
            if value % 1000 == 0:
                assert balances(rec)
        stuck = rec.stats().sinks[1]
        assert stuck.queued_bytes + stuck.in_flight_bytes <= 64 * KIB + rec.stats().sinks[0].queued_bytes
        with pytest.raises(rr.FlushError, match="rows for held") as caught:
            await rec.aclose(timeout=0.05)
        assert set(caught.value.pending) == {"held"}
        assert balances(rec)
        file, held = rec.stats().sinks
        assert (file.delivered, file.dropped) == (count, {})
        assert held.dropped["close_timeout"] == caught.value.pending["held"]
        assert sum(held.dropped.values()) == count

    asyncio.run(main())
    check_complete(path, [float(value) for value in range(count)])


@pytest.mark.parametrize("file_first", [True, False])
def test_a_stuck_sink_is_not_taken_for_the_quickest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quiet: None, file_first: bool
) -> None:
    """It holds little since it drops rows; the calls wait for the file, however slow that is."""
    write = File.write

    def slow_write(file: File, data: bytes | memoryview) -> None:
        time.sleep(0.004)
        write(file, data)

    monkeypatch.setattr(File, "write", slow_write)
    path = tmp_path / "a.arrd"

    async def main() -> None:
        rec = new_recording(max_queue_bytes=64 * KIB)
        sinks: list[Any] = [rr.FileSink(path), HeldSink()]
        await rec.set_sinks(*(sinks if file_first else reversed(sinks)))
        for value in range(20_000):
            await rec.log("x", rr.Scalars(float(value)))
        with pytest.raises(rr.FlushError, match="rows for held"):
            await rec.aclose(timeout=2)
        file = next(sink for sink in rec.stats().sinks if sink.name == str(path))
        assert (file.delivered, file.dropped) == (20_000, {})

    asyncio.run(main())


@pytest.mark.parametrize("method", ["attach", "wake"])
def test_a_sink_that_raises_harms_no_other(tmp_path: Path, method: str) -> None:
    async def main() -> None:
        rec = new_recording(max_queue_bytes=64 * KIB)
        opening = rec.set_sinks(BrokenSink(method), rr.FileSink(tmp_path / "a.arrd"))
        for value in range(5000):
            await rec.log("x", rr.Scalars(float(value)))
        with pytest.raises(rr.SinkError, match="the sink is broken: ValueError"):
            await opening
        with pytest.raises(rr.FlushError, match="5000 rows for broken"):
            await rec.flush()
        assert rec.status == "failed"
        assert balances(rec)
        with pytest.raises(rr.FlushError):
            await rec.aclose()

    asyncio.run(asyncio.wait_for(main(), DEADLINE))
    check_complete(tmp_path / "a.arrd", [float(value) for value in range(5000)])


def test_a_sink_that_raises_when_it_is_given_up_is_told_as_any_other() -> None:
    async def main() -> None:
        rec = new_recording()
        await rec.set_sinks(BrokenSink("finish"))
        rec.log("x", 1.0)
        with pytest.raises(rr.FlushError, match="1 rows for broken"):
            await rec.aclose(timeout=0.01)
        assert balances(rec)

    asyncio.run(asyncio.wait_for(main(), DEADLINE))


def test_what_a_replaced_sink_loses_counts_as_dropped() -> None:
    """It counted as delivered from the view of its successors, as long as the sink still held it."""

    async def main() -> None:
        rec = new_recording()
        rec.set_sinks(HeldSink("first"))
        rec.log("x", 1.0)
        await rec.set_sinks(HeldSink("second"))
        rec.log("x", 2.0)
        memory = rec.memory_recording()
        rec.log("x", 3.0)
        assert scalars(memory.drain_as_bytes()) == [3.0]
        assert rec.stats().delivered == 3
        with pytest.raises(rr.FlushError) as caught:
            await rec.aclose(timeout=0.01)
        assert caught.value.pending == {"first": 1, "second": 1}
        assert rec.stats().dropped == {"close_timeout": 2}
        assert rec.stats().delivered == 1
        assert balances(rec)

    asyncio.run(asyncio.wait_for(main(), DEADLINE))


def test_a_flush_waits_for_a_sink_that_was_replaced_too() -> None:
    async def main() -> None:
        rec = new_recording()
        sink = HeldSink()
        rec.set_sinks(sink)
        rec.log("x", 1.0)
        rec.memory_recording()
        with pytest.raises(rr.FlushError, match="1 rows for held"):
            await rec.flush(timeout=0.01)
        flushed = rec.flush()
        sink.release()
        await flushed
        await rec.aclose()

    asyncio.run(asyncio.wait_for(main(), DEADLINE))


def test_who_waits_for_a_sink_hears_of_its_end() -> None:
    """A flush fails where rows were dropped, an opening where nothing was opened."""

    async def main() -> None:
        rec = new_recording()
        opening = rec.set_sinks(HeldSink(opens=False))
        rec.log("x", 1.0)
        flushed = rec.flush()
        with pytest.raises(rr.FlushError):
            await rec.aclose(timeout=0.01)
        with pytest.raises(rr.FlushError, match="1 rows for held"):
            await flushed
        with pytest.raises(rr.SinkError, match="closed before it was open"):
            await opening

    asyncio.run(asyncio.wait_for(main(), DEADLINE))


def test_a_sink_that_failed_does_not_free_the_others_from_waiting() -> None:
    """The one that goes on sets the pace; otherwise it would lose rows for want of room."""

    async def main() -> None:
        rec = new_recording(max_queue_bytes=8 * KIB)
        sink = HeldSink()
        with pytest.raises(rr.SinkError):
            await rec.set_sinks(sink, BrokenSink("attach"))

        async def lag() -> None:
            while True:
                for _ in range(20):
                    await asyncio.sleep(0)
                sink.release()
                sink.is_released = False

        lagging = asyncio.create_task(lag())
        for value in range(5000):
            await rec.log("x", rr.Scalars(float(value)))
        lagging.cancel()
        sink.release()
        with pytest.raises(rr.FlushError):
            await rec.aclose()
        assert rec.stats().sinks[0].dropped == {}

    asyncio.run(asyncio.wait_for(main(), DEADLINE))


# ---- the task or its loop ends under those who wait


def test_who_waits_in_another_loop_hears_when_the_recordings_loop_ends(tmp_path: Path) -> None:
    rec = new_recording(max_queue_bytes=4 * KIB)
    is_full, heard = threading.Event(), threading.Event()
    failures: list[BaseException] = []

    async def elsewhere() -> None:
        flushed, room = rec.flush(timeout=None), None
        for value in range(500):
            room = rec.log("x", rr.Scalars(float(value)))
        is_full.set()
        try:
            async with asyncio.timeout(DEADLINE):
                if room is not None:
                    await room
                await flushed
        except rr.FlushError as error:
            failures.append(error)
        heard.set()

    async def main() -> None:
        await rec.set_sinks(HeldSink())
        rec.log("x", 1.0)
        thread = threading.Thread(target=lambda: asyncio.run(elsewhere()), daemon=True)
        thread.start()
        while not is_full.is_set():
            await asyncio.sleep(0)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rr.RecordingWarning)
        asyncio.run(main())
        assert heard.wait(DEADLINE)
    assert len(failures) == 1
    assert balances(rec)


def test_a_thread_that_waits_for_room_goes_on_when_the_loop_ends(tmp_path: Path) -> None:
    """The recording's task starts again on the background loop."""
    rec = new_recording(max_queue_bytes=4 * KIB)
    sink = HeldSink()
    count = 3000

    def work() -> None:
        for value in range(count):
            rec.log("x", rr.Scalars(float(value)))

    thread = threading.Thread(target=work, daemon=True)

    async def main() -> None:
        await rec.set_sinks(sink)
        thread.start()
        await until(lambda: rec.stats().queued_bytes >= 4 * KIB)
        loop = asyncio.get_running_loop()
        loop.call_later(0.01, sink.release)  # while the task of the ended loop gives it a last chance

    asyncio.run(main())
    thread.join(DEADLINE)
    assert not thread.is_alive()
    rec.close()
    assert (rec.stats().delivered, rec.stats().dropped) == (count, {})
    assert balances(rec)


def test_a_loop_that_stands_still_does_not_hold_a_plain_thread(quiet: None) -> None:
    rec = new_recording(max_queue_bytes=8 * KIB)
    loop = asyncio.new_event_loop()
    sink = HeldSink()

    async def begin() -> None:
        await rec.set_sinks(sink)

    loop.run_until_complete(begin())
    for value in range(3000):
        rec.log("x", rr.Scalars(float(value)))
    stats = rec.stats()
    assert stats.dropped["queue_full"] > 0
    assert stats.queued_bytes <= 2 * 8 * KIB + 4 * KIB
    assert balances(rec)
    sink.is_released = True
    loop.run_until_complete(asyncio.wait_for(_closed(rec), DEADLINE))
    loop.close()
    assert balances(rec)


async def _closed(rec: rr.RecordingStream) -> None:
    await rec.aclose()


def test_a_file_nobody_closed_is_let_go_of(tmp_path: Path) -> None:
    """Its lock and its descriptor go with the recording."""

    async def main() -> None:
        rec = new_recording()
        await rec.save(tmp_path / "a.arrd")
        await rec.log("x", 1.0)

    asyncio.run(main())
    is_idle = threading.Event()
    disk.submit(is_idle.set)  # its thread may still have been writing
    assert is_idle.wait(30)
    gc.collect()

    async def again() -> None:
        rec = rr.new_recording("tests", recording_id="again")
        await rec.save(tmp_path / "a.arrd")
        await rec.aclose()

    asyncio.run(again())
    assert rr.read_recording(tmp_path / "a.arrd", recording_id="again").is_complete


@pytest.mark.parametrize("has_more", [False, True], ids=["nothing left", "a row left"])
def test_a_closing_that_begins_while_the_task_is_being_cancelled_ends(tmp_path: Path, has_more: bool) -> None:
    """As where a loop is shut down: everything is cancelled, and ``async with`` closes then."""

    async def main() -> None:
        rec = new_recording()
        await rec.save(tmp_path / "a.arrd")
        is_open = threading.Event()
        disk.submit(lambda: is_open.wait(30) and None)
        rec.log("x", 1.0)
        flushed = rec.flush(30)
        await asyncio.sleep(0)
        assert rec._home._task is not None
        rec._home._task.cancel()
        await asyncio.sleep(0)
        if has_more:
            rec.log("x", 2.0)
        closing = rec.aclose()
        is_open.set()
        await asyncio.wait_for(closing, 20)
        await flushed

    asyncio.run(main())
    data = rr.read_recording(tmp_path / "a.arrd")
    assert data.is_complete
    assert data.row_count("x") == 1 + has_more


@pytest.mark.parametrize("is_at_work", [True, False], ids=["at work", "stuck"])
def test_closing_waits_for_its_turn_while_the_disk_is_at_work(tmp_path: Path, is_at_work: bool, quiet: None) -> None:
    async def main() -> int:
        rec = new_recording()
        await rec.save(tmp_path / "a.arrd")
        others = 20 if is_at_work else 1
        for _ in range(others):
            disk.submit(lambda: time.sleep(1.0 / others))
        rec.log("x", 1.0)
        with contextlib.suppress(rr.FlushError):
            await rec.aclose(timeout=0.2)
        return rec.stats().delivered

    assert asyncio.run(main()) == is_at_work


# ---- never starving, never growing


@pytest.mark.parametrize("state", ["drop_newest", "wait", "closed", "disabled"])
def test_awaiting_what_is_refused_lets_others_run(state: str, quiet: None) -> None:
    """Heartbeats are counted, not timed: one for each time the loop goes round."""

    async def main() -> None:
        on_full: Any = state if state in ("drop_newest", "wait") else "wait"
        rec = new_recording(max_queue_bytes=4 * KIB, on_full=on_full, default_enabled=state != "disabled")
        sink = HeldSink()
        await rec.set_sinks(sink)
        if state == "closed":
            await rec.aclose()
        for value in range(2000):  # nobody awaits these: the bound is passed
            rec.log("x", rr.Scalars(float(value)))
        beats = 0

        async def beat() -> None:
            nonlocal beats
            while True:
                beats += 1
                if beats == 50:
                    sink.release()
                await asyncio.sleep(0)

        other = asyncio.create_task(beat())
        for value in range(100 * 1024):
            await rec.log("x", rr.Scalars(float(value)))
            if beats >= 60:
                break
        assert beats >= 60
        other.cancel()
        await rec.aclose()
        assert balances(rec)

    asyncio.run(asyncio.wait_for(main(), 30))


def test_gap_marks_do_not_pile_up_before_a_stuck_sink(quiet: None) -> None:
    async def main() -> None:
        rec = new_recording(max_queue_bytes=4 * KIB, on_full="drop_newest")
        sink = HeldSink()
        await rec.set_sinks(sink)
        lengths = []
        for _ in range(30):
            for value in range(500):
                rec.log("x", rr.Scalars(float(value)))
            rec.flush()  # tells of the rows that were refused
            for _ in range(5):
                await asyncio.sleep(0)
            assert sink.outbox is not None
            lengths.append(len(sink.outbox._queue))
        assert max(lengths[3:]) == min(lengths[3:])
        sink.release()
        await rec.aclose()
        assert balances(rec)

    asyncio.run(asyncio.wait_for(main(), DEADLINE))


def test_static_rows_that_were_replaced_do_not_pile_up(quiet: None) -> None:
    """Of those that are buffered, the latest of each kind is kept whatever the bound."""

    async def main() -> None:
        rec = new_recording(max_queue_bytes=64 * KIB)
        for number in range(2000):
            rec.log("x", rr.TextDocument(f"{number}" * 100), static=True)
            rec.log("y", rr.Scalars(1.0), static=True)
            if number % 20 == 0:
                rec.flush()
                await asyncio.sleep(0)
        await until(lambda: rec.stats().queued_bytes <= 64 * KIB)
        assert balances(rec)
        data = rec.memory_recording().drain_as_bytes()
        texts = [row.components["TextDocument:text"] for row in rr.read_recording(data).rows("x")]
        assert texts[-1] == ["1999" * 100]
        assert scalars(data, "y")
        await rec.aclose()
        assert balances(rec)

    asyncio.run(asyncio.wait_for(main(), DEADLINE))


def test_a_buffer_is_bounded_while_the_loop_is_busy(quiet: None) -> None:
    """No task runs between these calls: they themselves drop what is oldest."""

    async def main() -> None:
        rec = new_recording(max_queue_bytes=64 * KIB)
        for value in range(50_000):
            rec.log("x", rr.Scalars(float(value)))
        stats = rec.stats()
        assert stats.queued_bytes <= 2 * 64 * KIB
        assert stats.dropped["buffer_full"] > 40_000
        assert balances(rec)
        values = scalars(rec.memory_recording().drain_as_bytes())
        assert values == [float(value) for value in range(50_000 - len(values), 50_000)]
        await rec.aclose()

    asyncio.run(asyncio.wait_for(main(), DEADLINE))


# ---- threads


def test_a_flush_in_a_thread_is_never_early() -> None:
    """Rows on their way from the queue to a sink are still to be waited for."""
    early: list[int] = []

    async def main() -> None:
        rec = new_recording()
        rec.memory_recording()

        def work() -> None:
            for count in range(1, 1500):
                rec.log("x", rr.Scalars(1.0))
                rec.flush()
                if rec.stats().delivered < count:
                    early.append(count)

        await asyncio.to_thread(work)
        await rec.aclose()

    asyncio.run(asyncio.wait_for(main(), 30))
    assert early == []


@pytest.mark.parametrize("on_full", ["wait", "drop_oldest", "drop_newest", "raise"])
def test_the_books_balance_while_threads_meet_every_bound(on_full: Any, quiet: None) -> None:
    """Small rows and big ones, which are encoded in another thread while they may be dropped."""
    image = np.zeros((300, 300, 3), np.uint8)
    is_done = threading.Event()
    wrong: list[rr.RecordingStream] = []

    async def main() -> None:
        rec = new_recording(max_queue_bytes=2_000_000, on_full=on_full)
        sink = HeldSink()
        await rec.set_sinks(sink)

        def work(name: str) -> None:
            for _ in range(40):
                with contextlib.suppress(rr.QueueFull):
                    rec.log(name, rr.Scalars(1.0))
                    rec.log(f"{name}/image", rr.Image(image))

        def watch() -> None:
            while not is_done.is_set():
                if not balances(rec):
                    wrong.append(rec)

        async def step() -> None:
            while True:
                assert sink.outbox is not None
                for frame in sink.outbox.take(300_000):
                    sink.outbox.delivered(frame.sequence)
                await asyncio.sleep(0)

        steps = asyncio.create_task(step())
        watching = asyncio.create_task(asyncio.to_thread(watch))
        await asyncio.gather(*[asyncio.to_thread(work, name) for name in "abc"])
        closed = rec.aclose()
        await until(lambda: rec.stats().queued == 0)
        sink.wake()
        await closed
        is_done.set()
        await watching
        steps.cancel()
        assert balances(rec)
        if on_full == "wait":
            assert (rec.stats().delivered, rec.stats().dropped) == (240, {})

    asyncio.run(asyncio.wait_for(main(), 60))
    assert wrong == []


# ---- where warnings are errors


def test_dropping_does_not_stop_a_recording_where_warnings_are_errors(capsys: pytest.CaptureFixture[str]) -> None:
    async def main() -> None:
        rec = new_recording(max_queue_bytes=8 * KIB)
        for value in range(3000):
            await rec.log("x", rr.Scalars(float(value)))
        await until(lambda: rec.stats().queued_bytes <= 8 * KIB)
        assert balances(rec)
        await rec.aclose()

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        asyncio.run(asyncio.wait_for(main(), DEADLINE))
    (told,) = capsys.readouterr().err.splitlines()
    assert "rows are dropped (buffer_full)" in told


@pytest.mark.parametrize("is_async", [False, True])
def test_the_users_exception_stays_where_warnings_are_errors(tmp_path: Path, is_async: bool) -> None:
    rec = new_recording()

    def plain() -> None:
        with contextlib.suppress(rr.SinkError):
            rec.save(tmp_path / "none" / "a.arrd")
        with rec:
            rec.log("x", 1.0)
            raise ZeroDivisionError

    async def looped() -> None:
        async with rec:
            rec.save(tmp_path / "none" / "a.arrd")
            rec.log("x", 1.0)
            raise ZeroDivisionError

    with warnings.catch_warnings(), pytest.raises(ZeroDivisionError):
        warnings.simplefilter("error")
        asyncio.run(looped()) if is_async else plain()
    with contextlib.suppress(rr.FlushError):
        rec.close()
    assert rr.get_data_recording() is None


# ---- tasks of every kind


def test_tasks_of_a_group_share_a_recording(tmp_path: Path) -> None:
    async def main() -> None:
        async with new_recording() as rec:
            rec.save(tmp_path / "a.arrd")

            async def work(number: int) -> None:
                for value in range(10):
                    await rr.log(f"x{number}", rr.Scalars(float(value)))

            async with asyncio.TaskGroup() as group:
                for number in range(5):
                    group.create_task(work(number))

    asyncio.run(asyncio.wait_for(main(), DEADLINE))
    for number in range(5):
        assert scalars(tmp_path / "a.arrd", f"x{number}") == [float(value) for value in range(10)]


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks came with 3.12")
def test_tasks_that_start_eagerly(tmp_path: Path) -> None:
    async def main() -> None:
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
        rec = new_recording()
        async with rec:
            await rec.save(tmp_path / "a.arrd")

            async def work(value: float) -> None:
                await rr.log("x", rr.Scalars(value))

            await asyncio.gather(*[work(float(value)) for value in range(3000)])
            await rec.flush()
            assert rec.stats().delivered == 3000
        assert balances(rec)

    asyncio.run(asyncio.wait_for(main(), DEADLINE))
    check_complete(tmp_path / "a.arrd", [float(value) for value in range(3000)])


def test_many_short_recordings_to_files_leave_nothing_behind(tmp_path: Path) -> None:
    """Fifty at once, over and over: no thread but the disk's, no descriptor, and each file complete."""

    async def short(path: Path) -> None:
        async with new_recording() as rec:
            rec.save(path)
            for value in range(5):
                await rr.log("x", rr.Scalars(float(value)))

    async def main() -> None:
        await short(tmp_path / "first.arrd")
        threads, files, tasks = threading.active_count(), _open_files(), asyncio.all_tasks()
        for round_ in range(4):
            await asyncio.gather(*[short(tmp_path / f"{round_}-{number}.arrd") for number in range(50)])
            assert threading.active_count() == threads
        assert asyncio.all_tasks() == tasks
        assert _open_files() == files

    asyncio.run(asyncio.wait_for(main(), 30))
    paths = list(tmp_path.glob("*-*.arrd"))
    assert len(paths) == 200
    for path in paths[::20]:
        check_complete(path, [0.0, 1.0, 2.0, 3.0, 4.0])


def _open_files() -> int:
    return len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
